"""What a picture shows, before anything is placed: variables, links between them, and an open path.

A scene holds integers and texts only. It knows no models and no inverses: those describe themselves as scenes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# What a variable is. Barren latents are drawn from the model's own conditionals, hidden variables not at all.
LATENT, OBSERVED, BARREN, HIDDEN = range(4)
N_KINDS = 4
# What a link is: an edge as it stands, one that is lacking, one that could go, one that was added to a heuristic.
PLAIN, MISSING, REMOVABLE, ADDED = range(4)

MOST_LINKS = 2_000_000


@dataclass(frozen=True, eq=False)
class Scene:
    """Variables by number with their names and kinds, links from parents to children, and what each link is.

    ``upward``: children stand above their parents, as in an inverse, whose data lie at the bottom. ``path`` lists the
    variables of an open path, to be highlighted. ``levels`` is the row of each variable, data or roots first.
    """

    names: tuple[str, ...]
    kinds: Integers
    sources: Integers
    targets: Integers
    marks: Integers
    title: str
    upward: bool = False
    path: tuple[int, ...] = ()

    @property
    def levels(self) -> Integers:
        """Row of each variable: the number of links on the longest chain that ends in it."""
        return find_levels(len(self.names), self.sources, self.targets)

    def restrict(self, kept: Sequence[int], title: str) -> Scene:
        """Return the scene of some variables and the links among them."""
        place = np.full(len(self.names), -1, dtype=np.int64)
        place[list(kept)] = np.arange(len(kept))
        inside = (place[self.sources] >= 0) & (place[self.targets] >= 0)
        return replace(
            self,
            names=tuple(self.names[i] for i in kept),
            kinds=self.kinds[list(kept)],
            sources=place[self.sources[inside]],
            targets=place[self.targets[inside]],
            marks=self.marks[inside],
            title=title,
            path=tuple(int(place[i]) for i in self.path),
        )


def find_levels(n: int, sources: Integers, targets: Integers) -> Integers:
    """Return for each of ``n`` nodes the number of links on the longest chain that ends in it; there is no cycle.

    >>> find_levels(3, np.array([0, 1, 0]), np.array([1, 2, 2])).tolist()
    [0, 1, 2]
    """
    order = np.argsort(sources, kind="stable")
    ends, starts = targets[order].tolist(), np.searchsorted(sources[order], np.arange(n + 1)).tolist()
    waiting = np.bincount(targets, minlength=n).tolist()
    ready = [node for node, count in enumerate(waiting) if count == 0]
    found = [0] * n
    for node in ready:  # the list grows while it is read
        for child in ends[starts[node] : starts[node + 1]]:
            found[child] = max(found[child], found[node] + 1)
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    return np.array(found, dtype=np.int64)
