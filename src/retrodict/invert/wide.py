"""Inverses of a model that hold for the codes of its latents, too, where supports end at other latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from retrodict.certificate.certify import certify
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import HasStructure
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert.inversion import invert
from retrodict.plan.moving import mark_moving, widen


def invert_wide(
    model: HasStructure,
    order: str | Sequence[Name] | Inverse = "auto",
    minimize: str | Callable[[Inverse], float] = "edges",
    *,
    first: Iterable[Name] = (),
) -> Inverse:
    """Return what `invert` returns, with parents for latents whose supports move: where these end (`widen`).

    Raises: what `invert` raises, and `OptionError` for a given `Inverse` that leaves such parents out.
    """
    wide = widen(model.net)
    if isinstance(order, Inverse):
        given = invert(model, order)
        if wide is not model.net:
            _require_ends(replace(given, net=wide))
        return given
    if wide is model.net:
        return invert(model, order, minimize, first=first)
    return replace(invert(wide, order, minimize, first=first), net=model.net, model=model)


def _require_ends(inverse: Inverse) -> None:
    if certify(inverse).missing:
        raise OptionError(
            "the inverse holds for values, but the support of {names} ends where other variables say, and an encoder "
            "needs to know these",
            inverse.net.to_names(np.flatnonzero(mark_moving(inverse.net))),
            remedy="Give its order instead: order=inverse.elimination_order.",
        )
