"""Relations fitted to the pairs of indices of a child and its parent: one for each lag, one word for each dim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from retrodict.graph.rows import Integers, Mask
from retrodict.lift.templates.template_relations import Relation
from retrodict.read.templates.element_links import Places


@dataclass(frozen=True)
class Pairs:
    """The indices of a child and of its parent along all of their dims, one row a pair."""

    child: dict[str, Integers]
    parent: dict[str, Integers]
    sizes: Mapping[str, int]
    time: str

    @classmethod
    def of(
        cls,
        child: Places,
        parent: Places,
        of: Integers,
        to: Integers,
        sizes: Mapping[str, int],
        time: str,
    ) -> Pairs:
        """Look the indices of linked elements up."""
        return cls(
            {dim: child.along(dim)[of] for dim in child.dims},
            {dim: parent.along(dim)[to] for dim in parent.dims},
            sizes,
            time,
        )

    def keep(self, which: Mask) -> Pairs:
        """Return some of the pairs."""
        child, parent = ({dim: index[which] for dim, index in side.items()} for side in (self.child, self.parent))
        return Pairs(child, parent, self.sizes, self.time)

    def are_own(self, dim: str) -> bool:
        """Return whether both have the same index in all pairs."""
        return np.array_equal(self.child[dim], self.parent[dim])

    def are_up_to(self, dim: str) -> bool:
        """Return whether the parent's index takes all values up to the child's, and those alone."""
        n = self.sizes[dim]
        ordered = bool((self.parent[dim] <= self.child[dim]).all())
        return ordered and self._count(dim) == n * (n + 1) // 2

    def are_free(self, dim: str) -> bool:
        """Return whether each index of one goes with each of the other."""
        return self._count(dim) == self.sizes[dim] ** 2

    def _count(self, dim: str) -> int:
        return len(np.unique(self.child[dim] * self.sizes[dim] + self.parent[dim]))


def fit_relations(child: str, parent: str, pairs: Pairs) -> list[Relation]:
    """Return relations that would give these pairs, if any do: what they give is compared with what was read.

    >>> index = {"t": np.array([1, 2, 3]), "j": np.array([0, 1, 2])}
    >>> pairs = Pairs(index, {**index, "t": np.array([0, 1, 2])}, {"t": 4, "j": 3}, "t")
    >>> fit_relations("z", "z", pairs)
    [Relation(child='z', parent='z', lag=1, every=(), up_to=(), fixed=None, only=None)]
    """
    return [_fit_one(child, parent, part, lag) for lag, part in _split_lags(pairs)]


def _split_lags(pairs: Pairs) -> Iterator[tuple[int, Pairs]]:
    """Take pairs apart by how far the parent lies back in time; lag 0 stands for all that is no lag."""
    time = pairs.time
    timed = time in pairs.child and time in pairs.parent
    if not timed or pairs.are_free(time) or pairs.are_up_to(time) or _find_fixed(pairs.parent[time], pairs) is not None:
        yield 0, pairs
        return
    lag = pairs.child[time] - pairs.parent[time]
    if (lag < 0).any():
        yield 0, pairs
        return
    for each in np.unique(lag).tolist():
        yield each, pairs.keep(lag == each)


def _find_fixed(index: Integers, pairs: Pairs) -> int | None:
    """Return the end of time at which all of these are, or None."""
    times = set(np.unique(index).tolist())
    return 0 if times == {0} else -1 if times == {pairs.sizes[pairs.time] - 1} else None


def _fit_one(child: str, parent: str, pairs: Pairs, lag: int) -> Relation:
    words = {dim: _name_relation(dim, pairs, lag) for dim in pairs.parent}
    time, only, fixed = pairs.time, None, None
    if time in pairs.child and lag < pairs.sizes[time] - 1:  # the longest lag reaches the last time alone
        only = _find_fixed(pairs.child[time], pairs)
    if words.get(time) == "fixed":
        fixed = _find_fixed(pairs.parent[time], pairs)
    every, up_to = ([dim for dim, word in words.items() if word == sought] for sought in ("every", "up to"))
    return Relation(child, parent, lag, every, up_to, fixed, only)


def _name_relation(dim: str, pairs: Pairs, lag: int) -> str:
    shared = dim in pairs.child
    if dim == pairs.time and shared and lag:
        return "own"
    if shared and pairs.are_own(dim):
        return "own"
    if shared and pairs.are_up_to(dim):
        return "up to"
    if dim == pairs.time and _find_fixed(pairs.parent[dim], pairs) is not None:
        return "fixed"
    return "every"
