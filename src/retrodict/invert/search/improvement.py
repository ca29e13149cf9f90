"""Local search from a good order: rotations of its elimination tree, with kicks out of local optima.

A latent climbs past its ancestors, or sinks past its descendants, as long as something may come of it, and
stays where the inverse was best. When no single latent can do better, a few are moved at random and the search
goes on around them; what came of a kick is taken back unless it is at least as good.

Work is counted, not timed, so the result depends on the problem and the allowance alone.

Sources: Liu 1988 (rotations); Lourenco, Martin & Stuetzle, Iterated local search, 2003.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from retrodict.invert.search.components import Part
from retrodict.invert.search.rotation import ROOT, EliminationTree

# How far a latent moves beyond its best place before it turns back, and how hard a kick is.
REACH = 6
KICK = 3


@dataclass
class Allowance:
    """Work that may still be done, in units of about the time one rotation of a small tree takes."""

    left: float

    def spend(self, work: float) -> bool:
        """Take work off, and return whether any is left."""
        self.left -= work
        return self.left > 0


def improve(part: Part, order: Sequence[int], minimize: str, allowance: Allowance, *, kick: bool = True) -> list[int]:
    """Return an order at least as good by ``minimize``; what it costs is taken off the allowance.

    No move of one latent betters it. With ``kick``, moves at random go on until nothing better comes for long.

    >>> path = Part((0, 1, 2), (0b010, 0b101, 0b010), (0, 0, 0))
    >>> improve(path, [0, 1, 2], "depth", Allowance(1000))
    [0, 2, 1]
    """
    if len(part) < 3 or allowance.left <= 0:
        return list(order)
    walker = _Walker(EliminationTree(part, order), minimize, allowance)
    walker.settle(range(len(part)))
    if kick:
        walker.kick_about(Random(0), patience=50 + 10 * len(part))  # noqa: S311 - no secret depends on it
    return walker.tree.order


class _Walker:
    """Moves latents up and down a tree; ``log`` holds for each rotation the latent that it put below."""

    def __init__(self, tree: EliminationTree, minimize: str, allowance: Allowance) -> None:
        self.tree = tree
        self.minimize = minimize
        self.allowance = allowance
        self.log: list[int] = []
        self.words = 1 + max(column.bit_length() for column in tree.column) / 4096

    def settle(self, latents: Iterable[int]) -> None:
        """Move these latents, and then those near a change, until none can do better."""
        queue = deque(latents)
        queued = set(queue)
        while queue and self.allowance.left > 0:
            v = queue.popleft()
            queued.discard(v)
            start = len(self.log)
            if self.walk_up(v) or self.walk_down(v):
                for u in self.find_touched(start):
                    if u not in queued:
                        queued.add(u)
                        queue.append(u)

    def kick_about(self, random: Random, patience: int) -> None:
        """Move a latent at random and settle around it, again and again until nothing better comes for long."""
        failed, n = 0, len(self.tree.parent)
        while failed < patience and self.allowance.left > 0:
            before = self.tree.key(self.minimize)
            self.log.clear()
            v = random.randrange(n)
            for _ in range(random.randint(1, KICK)):
                if self.tree.parent[v] != ROOT:
                    self.rotate(v)
            self.settle(self.find_touched(0))
            after = self.tree.key(self.minimize)
            if after > before:
                self.take_back(0)
            failed = 0 if after < before else failed + 1

    def walk_up(self, v: int) -> bool:
        """Let a latent climb, and leave it where the tree was best; return whether that is a better place."""
        return self._walk(lambda: v if self.tree.parent[v] != ROOT else None)

    def walk_down(self, v: int) -> bool:
        """Let a latent sink, past the child where that adds fewest edges, and leave it at the best place."""
        return self._walk(lambda: min(self.tree.children[v], key=self.weigh, default=None))

    def _walk(self, choose: Callable[[], int | None]) -> bool:
        """Rotate what is chosen while there is something, and go back to where the tree was best."""
        start, best = len(self.log), len(self.log)
        key = self.tree.key(self.minimize)
        while len(self.log) - best < REACH and (chosen := choose()) is not None:
            self.rotate(chosen)
            now = self.tree.key(self.minimize)
            if now < key:
                key, best = now, len(self.log)
        self.take_back(best)
        return best > start

    def weigh(self, u: int) -> int:
        """Return the change in edges when a latent changes places with its parent."""
        self.allowance.spend(self.words)
        return self.tree.try_rotation(u)[1]

    def rotate(self, u: int) -> None:
        """Rotate and write it down."""
        v = self.tree.parent[u]
        self.allowance.spend((1 + len(self.tree.children[u]) + len(self.tree.children[v]) / 4) * self.words)
        self.tree.rotate(u)
        self.log.append(v)

    def take_back(self, length: int) -> None:
        """Undo all rotations but the first few of the log."""
        while len(self.log) > length:
            self.tree.rotate(self.log.pop())

    def find_touched(self, start: int) -> list[int]:
        """Return the latents near the rotations since then."""
        parent, children = self.tree.parent, self.tree.children
        touched = {u for v in self.log[start:] for u in (v, parent[v], *children[v])}
        return sorted(touched - {ROOT})
