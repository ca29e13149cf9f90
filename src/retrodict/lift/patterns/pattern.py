"""Patterns of parents: which instances of a variable an instance of a latent needs, seen from its own indices."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from retrodict.lift.templates.template_relations import write_instance

EVERY = frozenset({-1, 0, 1})
OWN = frozenset({0})
# The signs of (index of the parent - own index) along a plate, as they are written.
MARKS = {
    OWN: "",
    EVERY: "*",
    frozenset({-1}): "<",
    frozenset({1}): ">",
    frozenset({-1, 0}): "≤",
    frozenset({0, 1}): "≥",
    frozenset({-1, 1}): "≠",
}


@dataclass(frozen=True, order=True)
class RunEnd:
    """An end of a run of times: ``offset`` steps from ``base``.

    ``base`` is ``t`` for the own time, ``0`` for the first, ``T`` for the last, ``l`` and ``h`` for the first and last
    time of the gap that halves are about to draw in.
    """

    base: str
    offset: int = 0

    def write(self, time: str) -> str:
        """Return the text, such as ``t-1``, ``0`` or ``T-1``.

        >>> RunEnd("t", -1).write("t"), RunEnd("0").write("t"), RunEnd("T", -2).write("t")
        ('t-1', '0', 'T-3')
        """
        if self.base == "0":
            return str(self.offset)
        name = {"t": time, "T": time.upper() if time.upper() != time else "T"}.get(self.base, self.base)
        shift = self.offset - 1 if self.base == "T" else self.offset
        return name + (f"{shift:+d}" if shift else "")


Run = tuple[RunEnd, RunEnd]
FIRST, LAST = RunEnd("0"), RunEnd("T")
ALWAYS: Run = (FIRST, LAST)


@dataclass(frozen=True)
class Pattern:
    """Instances of a variable that are parents.

    Arguments:
        name: the variable.
        cells: for each plate that it shares with the latent the signs of (index of the parent - own index). Along other
            plates all indices are meant.
        run: for a variable repeated along time the first and the last time that is meant, both ends included.
    """

    name: str
    cells: tuple[tuple[str, frozenset[int]], ...] = ()
    run: Run | None = None

    def write(self, dims: Collection[str], time: str | None) -> str:
        """Return the text, given the dims of the variable.

        >>> Pattern("y", (("j", OWN),), (RunEnd("t"), LAST)).write(("j", "n", "t"), "t")
        'y[j,*,t..T-1]'
        """
        signs, marks = dict(self.cells), []
        for dim in dims:
            if dim == time and self.run is not None:
                marks.append(self._write_run(dim))
            else:
                mark = MARKS[signs.get(dim, EVERY)]
                marks.append(mark if mark == "*" else mark + dim)
        return write_instance(self.name, marks)

    def _write_run(self, time: str) -> str:
        if self.run is None or self.run == ALWAYS:
            return "*"
        low, high = (end.write(time) for end in self.run)
        return low if low == high else f"{low}..{high}"

    def relate(self, dim: str) -> tuple[bool, bool]:
        """Return whether it holds parents at the own index along a dim that both have, and whether at others."""
        signs = dict(self.cells).get(dim)
        if signs is not None:
            return 0 in signs, bool(signs - OWN)
        if self.run is None:
            return True, False
        low, high = self.run
        alone = low == high == RunEnd("t")
        relative = low.base == high.base == "t"
        own = (
            low.offset <= 0 <= high.offset
            if relative
            else not ((low.base == "t" and low.offset > 0) or (high.base == "t" and high.offset < 0))
        )
        return own, not alone


def split_signs(signs: frozenset[int]) -> list[frozenset[int]]:
    """Return signs as runs of indices: those below and above the own index are two.

    >>> [sorted(part) for part in split_signs(frozenset({-1, 1}))]
    [[-1], [1]]
    """
    return [frozenset({-1}), frozenset({1})] if signs == frozenset({-1, 1}) else [signs]
