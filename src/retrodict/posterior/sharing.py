"""The compiled programs of equal models, which are shared."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import numpy as np

from retrodict.encode.space import Space
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.models.discrete import DiscreteNetwork
from retrodict.models.gaussian import LinearGaussian
from retrodict.models.model import Model
from retrodict.posterior.programs import Compiled
from retrodict.posterior.stored_inverse import list_inverse

# Models that are defined by their fields. Any other model may depend on more, and equals only itself.
VALUES = (DiscreteNetwork, LinearGaussian)
# The number of models whose programs are kept although no posterior uses them.
MOST_KEPT = 4


@dataclass(frozen=True)
class Shared:
    """Programs of a model and an inverse, equal to others of equal models and inverses."""

    value: Hashable
    compiled: Compiled = field(compare=False)


def share(model: Model, inverse: Inverse, drawn: tuple[Name, ...] | None = None) -> Compiled:
    """Return the programs of a model and an inverse: one object for equal ones, while it is in use or was lately.

    ``drawn`` are the latents that an encoder draws, None for all but the barren ones.

    >>> from retrodict import invert, zoo
    >>> one, other = zoo.binary_tree(3, seed=0), zoo.binary_tree(3, seed=0)
    >>> share(one, invert(one)) is share(other, invert(other))
    True
    """
    value, own = _describe(model), Compiled(model, Space(inverse, drawn=drawn, model=model))
    found = _share(Shared((value, _describe_inverse(inverse), drawn), own))
    # Arrays can be written to: a model that has changed since is no longer equal.
    unchanged = (_describe(found.model), _describe_inverse(found.space.inverse)) == (value, _describe_inverse(inverse))
    return found if unchanged else own


@lru_cache(maxsize=MOST_KEPT)
def _share(shared: Shared) -> Compiled:
    return shared.compiled


def _describe(model: Model) -> Hashable:
    """Return a value that equals that of another model only if both compile to the same programs."""
    if type(model) not in VALUES:
        return id(model)  # of no other while the programs keep the model alive
    return type(model), *(_freeze(getattr(model, part.name)) for part in fields(model))  # type: ignore[arg-type]


def _describe_inverse(inverse: Inverse) -> Hashable:
    return inverse.strategy, inverse.net, *map(_freeze, list_inverse(inverse).values())


def _freeze(part: Any) -> Hashable:
    """Return an array as a value; structures are values already."""
    return (part.dtype.str, part.shape, part.tobytes()) if isinstance(part, np.ndarray) else part
