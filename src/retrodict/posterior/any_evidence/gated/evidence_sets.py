"""Which variables are known: sets of evidence, and what each variable then depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError
from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.borders import Borders
from retrodict.graph.names import Name, require_distinct, require_list
from retrodict.graph.rows import Mask
from retrodict.invert.asked.drawing_order import find_drawing_order
from retrodict.models.black_box import BlackBox
from retrodict.models.model import Model

# Where any evidence may come, training goes through this many random sets: their masks are worked out once.
POOL = 4096
WAYS = "Say 'any', list sets of names, or give each name the probability that it is known."


@dataclass(frozen=True, eq=False)
class EvidencePool:
    """Sets of evidence s: ``known[s, v]`` says whether v is known, ``redrawn`` whether the model itself draws it."""

    known: Mask
    redrawn: Mask

    @classmethod
    def of(cls, model: Model, evidence: Any, seed: int, size: int = POOL) -> EvidencePool:
        """Return the sets that a user lists, or random ones: of every size as likely, or each name by its probability.

        Raises `OptionError` for what is neither, `UnknownVariableError` for names.
        """
        return cls.of_sets(model, _read_known(model, evidence, np.random.default_rng([seed, 17]), size))

    @classmethod
    def of_sets(cls, model: Model, known: Mask) -> EvidencePool:
        """Return these sets."""
        return cls(known, np.stack([find_redrawn(model, row) for row in known]))

    def __len__(self) -> int:
        return len(self.known)

    @property
    def inferred(self) -> Mask:
        """Mark what is neither known nor drawn by the model itself."""
        return ~self.known & ~self.redrawn


def _read_known(model: Model, evidence: Any, rng: np.random.Generator, size: int) -> Mask:
    n = len(model.net)
    if isinstance(evidence, str):
        if evidence != "any":
            raise OptionError(f"evidence={evidence!r} is unknown", remedy=WAYS)
        ranks = rng.random((size, n)).argsort(axis=1).argsort(axis=1)
        return np.asarray(ranks < rng.integers(0, n, size)[:, None])
    if isinstance(evidence, Mapping):
        return _draw_known(model, evidence, rng, size)
    return _read_sets(model, evidence)


def _draw_known(model: Model, shares: Mapping[Name, Any], rng: np.random.Generator, size: int) -> Mask:
    """Return sets in which each variable is known with its probability, which is 0 where none is given."""
    probability = np.zeros(len(model.net))
    for name, share in shares.items():
        number = float(share) if isinstance(share, int | float) else np.nan
        if not 0 <= number <= 1:
            raise OptionError(f"the probability {share!r} that {name!r} is known is none", remedy="Give 0 to 1.")
        probability[list_numbers(model, name)] = number
    known = rng.random((size, len(model.net))) < probability
    if known.all(axis=1).any():
        raise OptionError("evidence= may leave nothing to infer", remedy="Leave a variable out of it.")
    return np.asarray(known)


def _read_sets(model: Model, evidence: Iterable[Iterable[Name]]) -> Mask:
    try:
        listed = list(evidence)
    except TypeError:
        raise OptionError(f"evidence={evidence!r} is unknown", remedy=WAYS) from None
    sets = [require_list(names, "a set of evidence") for names in listed]
    if not sets:
        raise OptionError("evidence=[] has no set of evidence", remedy=WAYS)
    known = np.zeros((len(sets), len(model.net)), dtype=bool)
    for row, names in zip(known, sets, strict=True):
        require_distinct(names, "a set of evidence")
        for name in names:
            row[list_numbers(model, name)] = True
        if row.all():
            raise OptionError("a set of evidence leaves nothing to infer", remedy="Leave a variable out of it.")
    return known


def list_numbers(model: Model, name: Name) -> list[int]:
    """Return the numbers of a variable, or of all elements of a site; raise `UnknownVariableError` for other names."""
    if name not in model.net.position and name in model.groups:
        return [model.net.index(variable) for variable in model.groups[name].variables]
    return [model.net.index(name)]


def find_parents(net: BayesNet, known: Mask) -> Mask:
    """Return for each variable that is not known those it depends on: its parents in the minimal inverse.

    Variables are drawn in one order, whatever the evidence (`list_drawn`), so that one network does for all.

    >>> net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
    >>> find_parents(net, np.array([False, False, True])).astype(int).tolist()
    [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    """
    return _find_parents(net, known.tobytes()).copy()


@lru_cache(maxsize=1 << 8)
def _find_parents(net: BayesNet, known: bytes) -> NDArray[np.bool_]:
    is_known = np.frombuffer(known, dtype=bool)
    parents = np.zeros((len(net), len(net)), dtype=bool)
    borders = Borders(net, np.flatnonzero(is_known).tolist())
    for v in list_drawn(net, is_known):
        parents[v, borders.draw(v)] = True
    return parents


def list_drawn(net: BayesNet, known: Mask) -> list[int]:
    """Return what is not known in the order of drawing: what is informed first, then the rest, parents first."""
    barren = find_barren(net, known)
    informed = [v for v in find_drawing_order(net) if not known[v] and not barren[v]]
    return [*informed, *np.flatnonzero(barren).tolist()]


def find_barren(net: BayesNet, known: Mask) -> Mask:
    """Mark what is not known and has nothing known below it: there the model's own conditional is exact."""
    return np.asarray(~find_ancestors(net, known) & ~known)


def find_redrawn(model: Model, known: Mask) -> Mask:
    """Mark what the model itself draws: all that is barren, and nothing where only a structure is known."""
    return np.zeros(len(known), bool) if isinstance(model, BlackBox) else find_barren(model.net, known)
