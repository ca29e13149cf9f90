"""From a scene to boxes: every variable its own while that can be read, groups of alike ones beyond, rows at last.

Nothing is lost in the first two ways of grouping. Latents that follow one another, each depending on all before it and
otherwise on the same, are one box. Variables that look alike from where they stand (the coarsest equitable partition:
what plates repeat) are one box. What is still too large is drawn row by row, with counts.

Source: Paige & Tarjan 1987 (coarsest partitions; here by plain rounds of refinement).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrodict.pictures.diagram import SHOWN_IN_TOOLTIP, Box, Diagram, Link
from retrodict.pictures.scene import (
    ADDED,
    BARREN,
    HIDDEN,
    LATENT,
    MISSING,
    N_KINDS,
    OBSERVED,
    PLAIN,
    REMOVABLE,
    Integers,
    Scene,
    find_levels,
)

# The most boxes and links that can still be told apart.
MOST_BOXES, MOST_LINES = 60, 240
# Groups of alike variables are looked for up to this many links: that takes a few passes over all links.
MOST_TO_REFINE = 200_000
MOST_ROWS = 8
LONGEST_NAME = 18
WITHIN = {
    PLAIN: "edges within",
    MISSING: "edges missing within",
    REMOVABLE: "edges removable within",
    ADDED: "edges added within",
}
WORDS = {
    LATENT: ("latent", "latents"),
    OBSERVED: ("observed", "observed"),
    BARREN: ("barren", "barren"),
    HIDDEN: ("hidden", "hidden"),
}

Groups = list[list[int]]


def condense(scene: Scene) -> Diagram:
    """Return the diagram of a scene, of at most 60 boxes."""
    n = len(scene.names)
    alone = [[i] for i in range(n)]
    if n <= MOST_BOXES and len(scene.sources) <= MOST_LINES:
        return _group(scene, alone, "")
    if len(scene.sources) <= MOST_TO_REFINE:
        rows = fold_sequences(scene)
        alike = refine(scene, rows)
        if 2 * len(alike) <= len(rows) and _count_links(scene, alike) <= MOST_LINES:
            rows = alike
        if len(rows) <= MOST_BOXES and (n <= MOST_BOXES or _count_links(scene, rows) <= MOST_LINES):
            note = "a box of several: they are alike, or each depends on all before it"
            return _group(scene, rows, note if len(rows) < n else "")
    return _group_by_row(scene)


def _count_links(scene: Scene, groups: Groups) -> int:
    return len(set(_relate(scene, groups)))


def _relate(scene: Scene, groups: Groups) -> list[tuple[int, int, int]]:
    """Return every link as (source group, target group, mark)."""
    owner = _own(groups, len(scene.names))
    return list(zip(owner[scene.sources].tolist(), owner[scene.targets].tolist(), scene.marks.tolist(), strict=True))


def _own(groups: Groups, n: int) -> Integers:
    owner = np.empty(n, dtype=np.int64)
    for number, members in enumerate(groups):
        owner[members] = number
    return owner


# -- groups that lose nothing ------------------------------------------------------------------------


def fold_sequences(scene: Scene) -> Groups:
    """Join latents that follow one another: the parents of the later one are those of the earlier, and the earlier."""
    n = len(scene.names)
    above: list[set[tuple[int, int]]] = [set() for _ in range(n)]
    below: list[set[tuple[int, int]]] = [set() for _ in range(n)]
    for source, target, mark in zip(scene.sources.tolist(), scene.targets.tolist(), scene.marks.tolist(), strict=True):
        above[target].add((source, mark))
        below[source].add((target, mark))
    levels, fixed = scene.levels, set(scene.path)
    groups: Groups = []
    group_of: dict[int, int] = {}
    for v in np.argsort(levels, kind="stable").tolist():
        before = max(above[v], key=lambda entry: (levels[entry[0]], entry[0]), default=None)
        follows = (
            before is not None
            and not {v, before[0]} & fixed
            and scene.kinds[before[0]] == scene.kinds[v]
            and above[v] == above[before[0]] | {before}
            and below[before[0]] == below[v] | {(v, before[1])}
        )
        if follows and before is not None:
            group_of[v] = group_of[before[0]]
            groups[group_of[v]].append(v)
        else:
            group_of[v] = len(groups)
            groups.append([v])
    return groups


def refine(scene: Scene, groups: Groups) -> Groups:
    """Join groups that have as many links of each kind to and from the same joined groups.

    Returns the groups as they are where more than 60 stay apart: rounds only tell more of them apart, so there are at
    most 60.
    """
    links = sorted(Counter(_relate(scene, groups)).items())
    levels, fixed = scene.levels, {v: place for place, v in enumerate(scene.path)}
    color = _number(
        [(int(scene.kinds[g[0]]), int(levels[g[0]]), len(g), fixed.get(g[0], -1)) for g in groups],
    )
    while True:
        around: list[list[tuple[int, int, int, int]]] = [[] for _ in groups]
        for (source, target, mark), count in links:
            if source != target:
                around[source].append((0, color[target], mark, count))
                around[target].append((1, color[source], mark, count))
        finer = _number([(own, *sorted(near)) for own, near in zip(color, around, strict=True)])
        if max(finer) >= MOST_BOXES:
            return groups
        if max(finer) == max(color):
            break
        color = finer
    joined: dict[int, list[int]] = {}
    for group, shade in zip(groups, color, strict=True):
        joined.setdefault(shade, []).extend(group)
    return list(joined.values())


def _number(signatures: Sequence[object]) -> list[int]:
    seen: dict[object, int] = {}
    return [seen.setdefault(signature, len(seen)) for signature in signatures]


def _group(scene: Scene, groups: Groups, note: str) -> Diagram:
    owner = _own(groups, len(scene.names))
    counts = Counter(_relate(scene, groups))
    hops = _list_hops(scene, owner)
    links = tuple(
        Link(source, target, mark, count, (source, target) in hops)
        for (source, target, mark), count in sorted(counts.items())
        if source != target
    )
    levels = find_levels(
        len(groups), np.array([x.source for x in links], int), np.array([x.target for x in links], int)
    )
    within = [{mark: counts[g, g, mark] for mark in WITHIN if counts[g, g, mark]} for g in range(len(groups))]
    boxes = tuple(_label(scene, group, inside) for group, inside in zip(groups, within, strict=True))
    return Diagram(boxes, tuple(levels.tolist()), links, scene.title, scene.upward, note, _is_long(levels))


def _list_hops(scene: Scene, owner: Integers) -> set[tuple[int, int]]:
    """Return the steps of the open path between groups, each in both directions."""
    steps = [int(owner[v]) for v in scene.path]
    return {pair for a, b in itertools.pairwise(steps) for pair in ((a, b), (b, a))}


def _is_long(levels: Integers) -> bool:
    """Whether there are many rows of few boxes, which fit a page better from left to right."""
    widths = np.bincount(levels)
    return len(widths) >= 8 and int(widths[1:].max(initial=0)) * 3 <= len(widths)


def _label(scene: Scene, group: Sequence[int], within: dict[int, int]) -> Box:
    names = [scene.names[v] for v in group]
    lines: tuple[str, ...] = (shorten(names[0]),)
    if len(group) == 2:
        lines = (f"{shorten(names[0], 12)}, {shorten(names[1], 12)}",)
    elif len(group) > 2:
        lines = (f"{shorten(names[0], 12)} … {shorten(names[-1], 12)}", f"{len(group)} {name_kind(scene, group)}")
    marked = [_say_within(n, mark) for mark, n in within.items() if mark != PLAIN]
    return Box(tuple(group), int(scene.kinds[group[0]]), (*lines, *marked), _list_names(names))


def _say_within(n: int, mark: int) -> str:
    return f"{n:,} {WITHIN[mark] if n > 1 else WITHIN[mark].replace('edges', 'edge')}"


def name_kind(scene: Scene, group: Sequence[int]) -> str:
    """Return the word for the kind of some variables."""
    return WORDS[int(scene.kinds[group[0]])][len(group) > 1]


def shorten(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name that fits a box, its middle left out if need be.

    >>> shorten("a_rather_long_name_of_a_variable")
    'a_rather_…variable'
    """
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[len(name) - longest + half + 1 :]}"


def _list_names(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_IN_TOOLTIP
    return ", ".join(names[:SHOWN_IN_TOOLTIP]) + (f" and {more:,} more" if more > 0 else "")


# -- rows --------------------------------------------------------------------------------------------


def _group_by_row(scene: Scene) -> Diagram:
    """Join variables of one kind in neighboring rows; every box says which rows it stands for."""
    levels = scene.levels
    if scene.upward:  # data lie below all latents, whichever of them they inform
        levels = np.where(scene.kinds == OBSERVED, 0, np.maximum(levels, 1))
    apart = _find_apart(scene)
    bands = _cut(levels, apart)
    bands = np.where(apart, 0 if scene.upward else bands.max() + 1, bands)
    key = _close_gaps(bands) * N_KINDS + scene.kinds
    present, owner = np.unique(key, return_inverse=True)
    order = np.argsort(owner, kind="stable")
    stops = np.searchsorted(owner[order], np.arange(len(present) + 1)).tolist()
    groups = [order[a:b].tolist() for a, b in itertools.pairwise(stops)]
    code = (owner[scene.sources] * len(groups) + owner[scene.targets]) * 4 + scene.marks
    counts = dict(zip(*(part.tolist() for part in np.unique(code, return_counts=True)), strict=True))
    links: list[Link] = []
    within: list[dict[int, int]] = [{} for _ in groups]
    hops = _list_hops(scene, owner)
    for pair, count in counts.items():
        (source, target), mark = divmod(pair // 4, len(groups)), pair % 4
        if source == target or present[source] // N_KINDS == present[target] // N_KINDS:
            within[target][mark] = within[target].get(mark, 0) + count
        else:
            links.append(Link(source, target, mark, count, (source, target) in hops))
    boxes = [
        _label_row(scene, group, None if apart[group[0]] else levels[group], within[number])
        for number, group in enumerate(groups)
    ]
    note = "too many to draw one by one: a box is a stretch of rows, a line as thick as it has edges"
    rows = tuple((present // N_KINDS).tolist())
    return Diagram(tuple(boxes), rows, tuple(links), scene.title, scene.upward, note)


def _find_apart(scene: Scene) -> NDArray[np.bool_]:
    """Return which variables have a row to themselves: all data of an inverse, data without children of a model."""
    seen = scene.kinds == OBSERVED
    return seen if scene.upward else seen & (np.bincount(scene.sources, minlength=len(seen)) == 0)


def _cut(levels: Integers, apart: NDArray[np.bool_]) -> Integers:
    """Return for each variable its band, from 1: equal stretches of the rows of those that are not apart."""
    first, last = int(levels[~apart].min()), int(levels[~apart].max())
    stretch = -(-(last + 1 - first) // MOST_ROWS)
    return np.maximum(levels - first, 0) // stretch + 1


def _close_gaps(bands: Integers) -> Integers:
    return np.unique(bands, return_inverse=True)[1].astype(np.int64)


def _label_row(scene: Scene, group: Sequence[int], levels: Integers | None, within: dict[int, int]) -> Box:
    lines = [f"{len(group):,} {name_kind(scene, group)}"]
    if levels is not None:
        low, high = int(levels.min()), int(levels.max())
        what = "step" if scene.upward and not (scene.marks == MISSING).any() else "row"
        lines.append(f"{what} {low}" if low == high else f"{what}s {low} to {high}")
    lines += [_say_within(n, mark) for mark, n in sorted(within.items())]
    return Box(tuple(group), int(scene.kinds[group[0]]), tuple(lines), _list_names([scene.names[v] for v in group]))
