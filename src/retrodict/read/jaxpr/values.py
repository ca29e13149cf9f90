"""What is known of an array while a traced program is followed: which inputs each element needs, and constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.graph.rows import Integers, Mask
from retrodict.read.jaxpr.internals import is_inexact
from retrodict.read.jaxpr.sets import DOUBTFUL, EMPTY, SetTable


class Tracked:
    """An array of a traced program: ``sets`` names the inputs that each element needs.

    An element that needs no input, not even to be finite, is a constant, and ``value``, computed when it is asked
    for, holds it there. Elsewhere ``value`` is what the program gives for inputs that are all zero, and must not be
    used. ``is_positive`` says that all elements are at least some positive constant, or NaN.
    """

    def __init__(self, sets: Integers, source: Evaluation, place: int = 0, *, is_positive: bool = False) -> None:
        self.sets = sets
        self.is_positive = is_positive
        self._source = source
        self._place = place

    @classmethod
    def constant(cls, value: Any) -> Tracked:
        """Return an array known from the start."""
        return cls(mark_constant(value), Evaluation.done([value]))

    @classmethod
    def input(cls, sets: Integers, zeros: Any) -> Tracked:
        """Return an input of the program, whose elements need the sets given."""
        return cls(sets, Evaluation.done([zeros]))

    @property
    def known(self) -> Mask:
        """Mark the elements that are constants."""
        return self.sets <= DOUBTFUL

    def exposed(self, table: SetTable) -> Tracked:
        """Return the array for whom NaN is a value like any other: what decides whether it is NaN is needed."""
        return self.having(table.expose(self.sets))

    def having(self, sets: Integers) -> Tracked:
        """Return the array with other sets."""
        return Tracked(sets, self._source, self._place, is_positive=self.is_positive)

    @property
    def raw(self) -> Any:
        """The value as JAX has it."""
        return self._source.results()[self._place]

    @cached_property
    def value(self) -> NDArray[Any]:
        """The value; to be used where ``known`` only."""
        return np.asarray(self.raw)

    @property
    def source(self) -> Evaluation:
        """What computes the value."""
        return self._source


def mark_constant(value: Any) -> Integers:
    """Return the sets of a constant array: empty, and doubtful where it is NaN or infinite."""
    if not is_inexact(value):
        return np.full(np.shape(value), EMPTY)
    return np.where(np.isfinite(np.asarray(value)), EMPTY, DOUBTFUL)


class Evaluation:
    """A step of the program that is computed when its results are asked for, and once."""

    def __init__(self, compute: Callable[[list[Any]], Sequence[Any]], inputs: Sequence[Tracked]) -> None:
        self._compute: Callable[[list[Any]], Sequence[Any]] | None = compute
        self._inputs = list(inputs)
        self._results: list[Any] = []

    @classmethod
    def done(cls, results: Sequence[Any]) -> Evaluation:
        """Return a step whose results are there already."""
        step = cls(lambda _: results, [])
        step._finish()
        return step

    def results(self) -> list[Any]:
        """Return the results; steps needed first are computed first, without recursion, for chains are long."""
        waiting = [self]
        while waiting:
            step = waiting[-1]
            missing = [i.source for i in step._inputs if i.source._compute is not None] if step._compute else []
            if missing:
                waiting.extend(missing)
            else:
                step._finish()
                waiting.pop()
        return self._results

    def _finish(self) -> None:
        if self._compute is not None:
            self._results = list(self._compute([i.raw for i in self._inputs]))
            self._compute, self._inputs = None, []
