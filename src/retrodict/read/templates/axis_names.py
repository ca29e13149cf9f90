"""Names of the axes of all sites: those of plates, time for loops, and one name for axes that run along together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from retrodict.errors import ProgramError
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.read.numpyro.sites import Site
from retrodict.read.templates.element_links import Links, Places


class UnsharedError(ProgramError):
    """Dims of a program whose indices differ in more than their numbers; ``dims`` might be written out."""

    def __init__(
        self, problem: str, variables: Iterable[Name] = (), *, dims: Sequence[str] = (), remedy: str = ""
    ) -> None:
        super().__init__(problem, variables, remedy=remedy)
        self.dims = tuple(dims)


@dataclass
class AxisNames:
    """Which names stand for the same dim, and how long each dim is."""

    time: str
    named: set[str]
    lengths: dict[str, int] = field(default_factory=dict)
    joined: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str:
        """Return the name that stands for all that were joined with this one."""
        while name in self.joined:
            name = self.joined[name]
        return name

    def join(self, child: str, parent: str) -> None:
        """Let two names stand for the same dim: time before plates, plates before what no plate made."""
        kept, given_up = (child, parent) if self._rank(child) > self._rank(parent) else (parent, child)
        self.joined[given_up] = kept

    def _rank(self, name: str) -> int:
        return 2 if name == self.time else 1 if name in self.named else 0


def name_axes(sites: Sequence[Site], links: Links) -> tuple[dict[str, Places], AxisNames]:
    """Return the elements of all sites by named axes; axes of length 1 that no plate made are left out.

    Raises `ProgramError` for a name that stands for axes of two lengths.
    """
    names = AxisNames(_name_time(sites), {name for site in sites for name in site.axes if name is not None})
    placed = {site.name: _place(site, names) for site in sites}
    for a, b in _list_along(links, placed):
        mine, its = names.find(a), names.find(b)
        rows = [[names.find(dim) for dim in placed[site].dims] for site in placed]
        alike = mine != its and names.lengths[mine] == names.lengths[its]
        if alike and not any(mine in row and its in row for row in rows):
            names.join(mine, its)
    return {name: Places(tuple(names.find(dim) for dim in own.dims), own.places) for name, own in placed.items()}, names


def _name_time(sites: Sequence[Site]) -> str:
    """Return the name of time: t, unless a plate has this name."""
    plates = {name for site in sites for name in site.axes}
    return next(name for name in ("t", "time", "step of time") if name not in plates)


def _place(site: Site, names: AxisNames) -> Places:
    """Return the elements of a site by the names that its axes have at first."""
    dims: list[str] = []
    kept: list[int] = []
    for axis, (plate, length) in enumerate(zip(site.axes, site.element_shape, strict=True)):
        name = name_axis(site, axis, names)
        if length > 1 or plate or name == names.time:
            dims.append(name)
            kept.append(axis)
            if names.lengths.setdefault(name, length) != length:
                _refuse_lengths(name, names, site)
    places = np.stack(np.unravel_index(np.arange(site.n_elements), site.element_shape or (1,)), axis=1)
    return Places(tuple(dims), places[:, kept])


def name_axis(site: Site, axis: int, names: AxisNames) -> str:
    """Return the name that an axis has at first: time, that of its plate, or one of its own."""
    return names.time if axis == 0 and site.in_scan else site.axes[axis] or f"{site.name}.{axis}"


def _refuse_lengths(name: str, names: AxisNames, site: Site) -> None:
    what = "loops" if name == names.time else f"plates named {name!r}"
    raise ProgramError(
        f"the program has {what} of two lengths, {names.lengths[name]} and another one at {{names}}",
        [site.name],
        remedy="Let all loops have one length, which is that of time, and name plates of other lengths apart.",
    )


def _list_along(links: Links, placed: Mapping[str, Places]) -> Iterator[tuple[str, str]]:
    """List the axes of children and parents along which all pairs have the same index, or all up to the child's."""
    for (child, parent), (of, to) in links.items():
        for mine in placed[child].dims:
            index = placed[child].along(mine)[of]
            for its in placed[parent].dims:
                other = placed[parent].along(its)[to]
                if mine != its and len(np.unique(index)) > 1 and _run_along(index, other):
                    yield mine, its


def _run_along(index: Integers, other: Integers) -> bool:
    """Return whether pairs of indices are all the same, or all those up to the first one."""
    if np.array_equal(index, other):
        return True
    n = int(index.max()) + 1
    return bool((other <= index).all()) and len(np.unique(index * n + other)) == n * (n + 1) // 2
