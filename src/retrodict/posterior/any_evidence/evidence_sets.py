"""Which variables are known: sets of evidence, and what each variable then depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.borders import Borders
from retrodict.graph.names import Name, require_distinct, require_list
from retrodict.graph.rows import Mask

# Where any evidence may come, training goes through this many random sets: their masks are worked out once.
POOL = 4096


@dataclass(frozen=True, eq=False)
class EvidencePool:
    """Sets of evidence s: ``known[s, v]`` says whether v is known, ``parents[s, v, u]`` whether it depends on u."""

    known: Mask
    parents: Mask

    @classmethod
    def of(cls, net: BayesNet, evidence: str | Iterable[Iterable[Name]], seed: int, size: int = POOL) -> EvidencePool:
        """Return the sets that a user lists, or for ``"any"`` random ones of every size, each size as likely."""
        known = _draw_sets(len(net), seed, size) if isinstance(evidence, str) else _read_sets(net, evidence)
        if isinstance(evidence, str) and evidence != "any":
            raise OptionError(f"evidence={evidence!r} is unknown", remedy="Say 'any', or list sets of names.")
        return cls(known, np.stack([find_parents(net, row) for row in known]))


def _draw_sets(n: int, seed: int, size: int) -> Mask:
    rng = np.random.default_rng([seed, 17])
    ranks = rng.random((size, n)).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks < rng.integers(0, n, size)[:, None])


def _read_sets(net: BayesNet, evidence: Iterable[Iterable[Name]]) -> Mask:
    sets = [require_list(names, "a set of evidence") for names in evidence]
    if not sets:
        raise OptionError("evidence=[] has no set of evidence", remedy="Say 'any', or list sets of names.")
    known = np.zeros((len(sets), len(net)), dtype=bool)
    for row, names in zip(known, sets, strict=True):
        require_distinct(names, "a set of evidence")
        row[[net.index(name) for name in names]] = True
        if row.all():
            raise OptionError("a set of evidence leaves nothing to infer", remedy="Leave a variable out of it.")
    return known


def find_parents(net: BayesNet, known: Mask) -> Mask:
    """Return for each variable that is not known those it depends on: its parents in the minimal inverse.

    Variables are drawn in topological order, whatever the evidence, so that one network does for all.

    >>> net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
    >>> find_parents(net, np.array([False, False, True])).astype(int).tolist()
    [[0, 0, 1], [1, 0, 1], [0, 0, 0]]
    """
    return _find_parents(net, known.tobytes()).copy()


@lru_cache(maxsize=1 << 14)
def _find_parents(net: BayesNet, known: bytes) -> NDArray[np.bool_]:
    is_known = np.frombuffer(known, dtype=bool)
    parents = np.zeros((len(net), len(net)), dtype=bool)
    borders = Borders(net, np.flatnonzero(is_known).tolist())
    for v in np.flatnonzero(~is_known).tolist():
        parents[v, borders.draw(v)] = True
    return parents


def find_generative(net: BayesNet, parents: Mask) -> Mask:
    """Return which rows are the generative parents themselves: there the model's own conditional is exact."""
    own = np.zeros((len(net), len(net)), dtype=bool)
    own[net.parent_rows.sources, net.parent_rows.index] = True
    return np.asarray((parents == own).all(axis=-1))


def list_names(net: BayesNet, known: Sequence[bool] | Mask) -> list[Name]:
    """Return the names of what is known."""
    return [name for name, is_known in zip(net.names, known, strict=True) if is_known]
