"""Equal models share one wiring, and with it what was compiled for them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import numpy as np

from retrodict.graph.inverse import Inverse
from retrodict.models.discrete import DiscreteNetwork
from retrodict.models.gaussian import LinearGaussian
from retrodict.models.model import Model
from retrodict.posterior.programs import Wiring

# Models that are what their fields are. A program may depend on what no field shows: it equals only itself.
VALUES = (DiscreteNetwork, LinearGaussian)
# Wirings that are kept although no posterior uses them.
MOST_WIRINGS = 4


@dataclass(frozen=True)
class Shared:
    """A wiring, equal to others of equal models and inverses."""

    value: Hashable
    wiring: Wiring = field(compare=False)


def wire(model: Model, inverse: Inverse) -> Wiring:
    """Return the wiring of a model and an inverse: the same object for equal ones, while it is in use or was lately.

    >>> from retrodict import invert, zoo
    >>> one, other = zoo.binary_tree(3, seed=0), zoo.binary_tree(3, seed=0)
    >>> wire(one, invert(one)) is wire(other, invert(other))
    True
    """
    value = _describe(model), _describe_inverse(inverse)
    found = _share(Shared(value, Wiring(model, inverse)))
    # Arrays can be written to: a model that has changed since is no longer equal.
    unchanged = (_describe(found.model), _describe_inverse(found.inverse)) == value
    return found if unchanged else Wiring(model, inverse)


@lru_cache(maxsize=MOST_WIRINGS)
def _share(shared: Shared) -> Wiring:
    return shared.wiring


def _describe(model: Model) -> Hashable:
    """Return a value that equals that of another model only if both compile to the same programs."""
    if type(model) not in VALUES:
        return id(model)  # of no other while the wiring keeps the model alive
    return type(model), *(_freeze(getattr(model, part.name)) for part in fields(model))  # type: ignore[arg-type]


def _describe_inverse(inverse: Inverse) -> Hashable:
    sets = inverse.sets
    arrays = (
        sets.latents.pointer,
        sets.latents.index,
        sets.walk,
        sets.start,
        sets.stop,
        inverse.elimination,
        inverse.is_generative,
    )
    return inverse.strategy, inverse.net, *map(_freeze, arrays)


def _freeze(part: Any) -> Hashable:
    """Return an array as a value; structures are values already."""
    return (part.dtype.str, part.shape, part.tobytes()) if isinstance(part, np.ndarray) else part
