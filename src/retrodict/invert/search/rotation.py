"""An elimination order of a part as its elimination tree, which adjacent swaps change by rotations.

Orders with the same elimination tree give the same inverse, and swapping two latents next to each other
changes nothing unless one is the parent of the other in the tree. So the moves of local search are rotations: a
latent u and its parent v change places. Only their two columns change:

    u, now above, gets the old column of v: the neighbors of everything below it
    v, now below, keeps its neighbors and those of its children, and of u's children takes those that see v

Moving a latent further up or down the order (reinsertion) is a sequence of rotations.

Sources: Liu, Equivalent sparse matrix reordering by elimination tree rotations, 1988; Liu 1990 (elimination trees).
"""

from __future__ import annotations

from collections.abc import Sequence

from retrodict.invert.bits import list_bits
from retrodict.invert.search.components import Part

ROOT = -1


class EliminationTree:
    """Columns (sets of parents in the inverse) of the latents of a part, kept up to date under rotations.

    >>> path = Part((0, 1, 2), (0b010, 0b101, 0b010), (0, 0, 0))
    >>> tree = EliminationTree(path, [0, 1, 2])
    >>> tree.key("depth"), tree.rotate(1), tree.key("depth"), tree.order
    ((3, 2, 1), None, (2, 2, 1), [0, 2, 1])
    """

    def __init__(self, part: Part, order: Sequence[int]) -> None:
        self.near = part.near
        self.tails = part.tails
        self.parent = [ROOT] * len(part)
        self.children: list[list[int]] = [[] for _ in part.near]
        self.column = list(part.near)
        self._eliminate(order)
        self.edges = sum(column.bit_count() for column in self.column)
        self.sizes = [0] * (1 + max(column.bit_count() for column in self.column))
        for column in self.column:
            self.sizes[column.bit_count()] += 1
        self.roots = {v for v, parent in enumerate(self.parent) if parent == ROOT}
        self.height = [1] * len(part)
        for v in order:
            self.height[v] = self.measure(v)

    def _eliminate(self, order: Sequence[int]) -> None:
        place = [0] * len(order)
        for i, v in enumerate(order):
            place[v] = i
        left = (1 << len(order)) - 1
        outside = ~left
        for v in order:
            left ^= 1 << v
            column = self.near[v]
            for child in self.children[v]:
                column |= self.column[child]
            self.column[v] = column = column & (left | outside)
            inside = column & left
            if inside:
                self.parent[v] = first = min(list_bits(inside), key=place.__getitem__)
                self.children[first].append(v)

    @property
    def order(self) -> list[int]:
        """An order with this tree: children before their parents, subtree by subtree."""
        stack = sorted(self.roots)
        order = []
        while stack:
            v = stack.pop()
            order.append(v)
            stack += sorted(self.children[v])
        return order[::-1]

    @property
    def depth(self) -> int:
        """Length of the longest chain."""
        return max(self.height[v] for v in self.roots)

    @property
    def width(self) -> int:
        """Size of the largest column."""
        while not self.sizes[-1]:
            self.sizes.pop()
        return len(self.sizes) - 1

    def key(self, minimize: str) -> tuple[int, int, int]:
        """Return the numbers to compare trees by, the one to minimize first."""
        edges, depth, width = self.edges, self.depth, self.width
        return {"edges": (edges, depth, width), "depth": (depth, edges, width), "width": (width, edges, depth)}[
            minimize
        ]

    def try_rotation(self, u: int) -> tuple[int, int]:
        """Return the column that the parent of a latent would have below it, and the change in edges."""
        v = self.parent[u]
        column = self.near[v]
        for child in self.children[v]:
            if child != u:
                column |= self.column[child]
        for child in self.children[u]:
            if self.column[child] >> v & 1:
                column |= self.column[child]
        column &= self.column[v] | 1 << u
        return column, column.bit_count() - self.column[u].bit_count()

    def rotate(self, u: int) -> None:
        """Let a latent and its parent change places."""
        v = self.parent[u]
        column, change = self.try_rotation(u)
        self.edges += change
        above = self.parent[v]
        self._count(column.bit_count(), change)
        self.column[u], self.column[v] = self.column[v], column
        mine, theirs = self.children[u], self.children[v]
        moved = [child for child in mine if self.column[child] >> v & 1]
        self.children[v] = [child for child in theirs if child != u] + moved
        self.children[u] = [child for child in mine if not self.column[child] >> v & 1] + [v]
        for child in moved:
            self.parent[child] = v
        self.parent[u], self.parent[v] = above, u
        if above == ROOT:
            self.roots.remove(v)
            self.roots.add(u)
        else:
            siblings = self.children[above]
            siblings[siblings.index(v)] = u
        self._update_heights(v)

    def _count(self, size: int, change: int) -> None:
        """Note that one column has got this size, by this change."""
        self.sizes[size - change] -= 1
        self.sizes += [0] * (size + 1 - len(self.sizes))
        self.sizes[size] += 1

    def _update_heights(self, v: int) -> None:
        """Recompute the heights from a latent upwards, as far as they change, but at least for its parent."""
        least = 2
        while v != ROOT:
            height = self.measure(v)
            if height == self.height[v] and least <= 0:
                break
            self.height[v] = height
            least -= 1
            v = self.parent[v]

    def measure(self, v: int) -> int:
        """Return the length of the longest chain from a latent downwards, barren latents included."""
        longest = self.tails[v]
        for child in self.children[v]:
            longest = max(longest, self.height[child])
        return 1 + longest
