"""What densities need where the arrays of a program hold any numbers: elements of sites, and elements of these arrays.

Read as it stands, a program lacks the edges that a zero of its arrays cancels: a coefficient where the covariate is 0.
A template holds for other numbers, too. So arrays are followed as inputs, but for where they look elements up, as
foreign keys do: there they say which elements there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import SizeError
from retrodict.graph.rows import Integers
from retrodict.read.jaxpr.internals import ClosedJaxpr, Equation, OpenedProgram, open_program
from retrodict.read.jaxpr.sets import EMPTY, SetTable
from retrodict.read.jaxpr.values import Tracked
from retrodict.read.jaxpr.walk import Walk
from retrodict.read.numpyro.sites import Site
from retrodict.read.templates.element_links import Links

Key = tuple[tuple[int, ...], str, bytes]
Reads = dict[str, tuple[Integers, Integers]]

# Sets of n inputs take some n^2 / 16 bytes.
MOST_NUMBERS = 50_000

# Which operands of an operation say where to look.
LOOK_UPS = {
    "gather": slice(1, None),
    "dynamic_slice": slice(1, None),
    "dynamic_update_slice": slice(2, None),
    **dict.fromkeys(("scatter", "scatter-add", "scatter-mul", "scatter-min", "scatter-max"), slice(1, 2)),
}


@dataclass(frozen=True)
class KnownArray:
    """An array of numbers in a program, and for each site the elements that read it with what they read."""

    values: NDArray[Any]
    reads: Reads


@dataclass(frozen=True)
class Needs:
    """What the densities of all elements need, whatever numbers the arrays of the program hold.

    ``arrays`` are read as numbers; ``lookups`` are those that look elements up, such as foreign keys, and perhaps both.
    """

    links: Links
    arrays: list[KnownArray]
    lookups: list[KnownArray]


@dataclass
class Registry:
    """Arrays that were met, each once, with the number of their first element."""

    end: int  # smaller numbers stand for elements of sites
    starts: dict[Key, int] = field(default_factory=dict)
    arrays: list[NDArray[Any]] = field(default_factory=list)

    def enter(self, array: NDArray[Any]) -> int:
        """Return the number of the first element of an array."""
        key = identify(array)
        if key not in self.starts:
            self.starts[key] = self.end
            self.arrays.append(array)
            self.end += array.size
        return self.starts[key]

    def find(self, number: int) -> int:
        """Return the place of the array to which a number belongs."""
        return int(np.searchsorted(list(self.starts.values()), number, side="right")) - 1


def identify(array: NDArray[Any]) -> Key:
    """Return what an array has in common with its copies."""
    return array.shape, str(array.dtype), array.tobytes()


class KnownWalk(Walk):
    """A walk through a program that follows its constant arrays as if they were inputs.

    Where they look something up, they are taken for what they are if ``resolves``, and as any numbers otherwise.
    """

    def __init__(self, table: SetTable, first: int, *, resolves: bool) -> None:
        super().__init__(table)
        self.first, self.resolves = first, resolves
        self.registry = Registry(first)
        self.looking_up: set[Key] = set()

    def open(self, program: Any) -> tuple[OpenedProgram, dict[Any, Tracked]]:
        """Take a program and its constants apart, and number the elements of chosen arrays."""
        if id(program) not in self._opened:
            parts = open_program(program)
            constants = {name: self._track(value) for name, value in parts.constants.items()}
            self._opened[id(program)] = parts, constants
        return self._opened[id(program)]

    def _track(self, value: Any) -> Tracked:
        if not _is_array(value):
            return Tracked.constant(value)
        if np.size(value) > MOST_NUMBERS:
            raise SizeError(
                f"the program knows an array of the shape {np.shape(value)}, of more than {MOST_NUMBERS:,} numbers",
                remedy="Read it as a template at smaller sizes, which say the same.",
            )
        start = self.registry.enter(np.asarray(value))
        numbers = self.table.singletons(range(start, start + np.size(value)))
        return Tracked.input(numbers.reshape(np.shape(value)), value)

    def _apply(self, equation: Equation, operands: list[Tracked]) -> list[Tracked]:
        """Apply a rule; what says where to look is known, if it is computed from nothing but known arrays."""
        if equation.name in LOOK_UPS:
            operands = list(operands)
            operands[LOOK_UPS[equation.name]] = map(self._look, operands[LOOK_UPS[equation.name]])
        return super()._apply(equation, operands)

    def _branch(self, equation: Equation, operands: list[Tracked]) -> list[Tracked]:
        """Follow the branch that known arrays choose."""
        return super()._branch(equation, [self._look(operands[0]), *operands[1:]])

    def _look(self, where: Tracked) -> Tracked:
        different, place = np.unique(where.sets, return_inverse=True)
        members = self.table.members(different)
        settled = np.array([bool(row) and row[0] >= self.first for row in members])
        keys = list(self.registry.starts)
        needed = {number for row, known in zip(members, settled, strict=True) if known for number in row}
        self.looking_up.update(keys[owner] for owner in {self.registry.find(number) for number in needed})
        changed = np.where(settled, EMPTY, different)[place.reshape(where.sets.shape)]
        return where.having(changed) if self.resolves else where


def _is_array(value: Any) -> bool:
    """Return whether a constant is an array of several numbers; keys of random numbers are none."""
    try:
        kind = np.dtype(value.dtype).kind
    except (AttributeError, TypeError):
        return False
    return np.ndim(value) > 0 and np.size(value) > 1 and kind in "biuf"


def find_needs(program: ClosedJaxpr, sites: Sequence[Site]) -> Needs:
    """Return what the traced densities of all sites need."""
    open_ended = KnownWalk(SetTable(), _start_sites(sites)[-1] + 1, resolves=False)
    _, among = _follow(open_ended, program, sites)
    walk = KnownWalk(SetTable(), open_ended.first, resolves=True)
    links, arrays = _follow(walk, program, sites)
    return Needs(links, arrays, [array for array in among if identify(array.values) in walk.looking_up])


def _follow(walk: KnownWalk, program: ClosedJaxpr, sites: Sequence[Site]) -> tuple[Links, list[KnownArray]]:
    """Return the pairs of elements of sites, and the arrays that are read with their readers."""
    results = walk.run(program, _make_inputs(walk.table, sites))
    *starts, itself = _start_sites(sites)
    firsts = np.array([*starts, *walk.registry.starts.values()], dtype=np.int64)
    reads: list[Reads] = [{} for _ in firsts]
    for start, site, result in zip(starts, sites, results, strict=False):
        of, to = _pair(walk.table, walk.table.reduce(result.sets.reshape(site.n_elements, -1), [1]))
        kept = (to != itself) & (to != of + start)
        of, to = of[kept], to[kept]
        owner = np.searchsorted(firsts, to, side="right") - 1
        for whose in np.unique(owner).tolist():
            reads[whose][site.name] = of[owner == whose], to[owner == whose] - firsts[whose]
    links = {
        (child, parent.name): pairs for parent, read in zip(sites, reads, strict=False) for child, pairs in read.items()
    }
    known = zip(walk.registry.arrays, reads[len(sites) :], strict=True)
    return links, [KnownArray(array, found) for array, found in known if found]


def _pair(table: SetTable, needed: Integers) -> tuple[Integers, Integers]:
    """Return pairs of an element, and a number in its set."""
    members = table.members(needed)
    of = np.repeat(np.arange(len(members)), [len(row) for row in members])
    return of, np.array([i for row in members for i in row], dtype=np.int64)


def _start_sites(sites: Sequence[Site]) -> list[int]:
    """Return the number of the first element of each site, and behind all of them that of what densities are of."""
    return [0, *np.cumsum([site.n_elements for site in sites]).tolist()]


def _make_inputs(table: SetTable, sites: Sequence[Site]) -> list[Tracked]:
    """Return the inputs of traced densities: the values that others see, and those that the densities are of."""
    *starts, own = _start_sites(sites)
    seen = []
    for site, start in zip(sites, starts, strict=True):
        numbers = table.singletons(range(start, start + site.n_elements))
        shaped = numbers.reshape((*site.element_shape, *[1] * site.event_dim))
        seen.append(np.broadcast_to(shaped, site.shape))
    itself = [np.full(site.shape, table.singletons([own])[0]) for site in sites]
    shapes = [np.zeros(site.shape, site.dtype) for site in sites]
    return [Tracked.input(sets, zeros) for sets, zeros in zip([*seen, *itself], [*shapes, *shapes], strict=True)]
