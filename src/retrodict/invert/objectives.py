"""What a search minimizes: edges, depth, width, or a number of the user's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

from retrodict.errors import OptionError
from retrodict.graph.inverse import Inverse

Key = tuple[float, ...]

# What is minimized first, and what decides between equals.
NAMED: dict[str, Callable[[Inverse], Key]] = {
    "edges": lambda inverse: (inverse.n_edges, inverse.depth, inverse.width),
    "depth": lambda inverse: (inverse.depth, inverse.n_edges, inverse.width),
    "width": lambda inverse: (inverse.width, inverse.n_edges, inverse.depth),
}


@dataclass(frozen=True)
class Goal:
    """A way to compare inverses: the smaller ``key`` wins. ``name`` is empty for a user's function."""

    name: str
    key: Callable[[Inverse], Key]


def read_objective(minimize: str | Callable[[Inverse], float]) -> Goal:
    """Return the objective that a user names or wrote.

    Raises `OptionError` for an unknown name; the key of a user's function raises it when the function fails or
    returns something that is not a finite number.

    >>> import retrodict as rd
    >>> inverse = rd.invert(rd.BayesNet({"z": [], "x": ["z"]}, observed=["x"]))
    >>> read_objective("edges").key(inverse), read_objective(lambda inverse: 2.5).key(inverse)
    ((1, 1, 1), (2.5, 1, 1, 1))
    """
    if isinstance(minimize, str) and minimize in NAMED:
        return Goal(minimize, NAMED[minimize])
    if not callable(minimize):
        choices = ", ".join(NAMED)
        raise OptionError(
            f"minimize={minimize!r} is unknown",
            remedy=f"Choose one of {choices}, or give a function from an Inverse to a number.",
        )
    return Goal("", lambda inverse: (_measure(minimize, inverse), *NAMED["edges"](inverse)))


def _measure(function: Callable[[Inverse], float], inverse: Inverse) -> float:
    name = getattr(function, "__name__", repr(function))
    try:
        value = function(inverse)
    except Exception as error:
        raise OptionError(
            f"the function {name} given as minimize failed on the {inverse.strategy} inverse, "
            f"{type(error).__name__}: {error}",
            remedy="It must return a number for every inverse of this model.",
        ) from error
    if not isinstance(value, Real) or not math.isfinite(value):
        raise OptionError(
            f"the function {name} given as minimize returned {value!r} for the {inverse.strategy} inverse",
            remedy="It must return a finite number.",
        )
    return float(value)
