"""The tasks *Tree* and *HMM* of the Simformer: any variables given any others, with exact draws to compare with.

Unknown places form a forest whose links are normal, with leaves that are normal about a function of their place. Sums
over a fine grid, up the forest and down again, draw from every conditional exactly but for the width of a cell.
Source: Gloeckler et al. 2024 (All-in-one simulation-based inference), appendix; Koller & Friedman, section 10.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import retrodict as rd

Doubles = NDArray[np.float64]
Values = Mapping[str, Any]
CELLS, REACH = 1401, 7.5


@dataclass(frozen=True)
class Link:
    """A place is normal about its parent, about zero where it has none."""

    parent: str | None
    spread: float


@dataclass(frozen=True)
class Leaf:
    """An observation is normal about a function of its place."""

    place: str
    shape: Callable[[Any], Any]
    spread: float


@dataclass(frozen=True)
class Task:
    """Places in topological order, and the leaves on them."""

    links: Mapping[str, Link]
    leaves: Mapping[str, Leaf]

    @property
    def names(self) -> tuple[str, ...]:
        """All variables."""
        return (*self.links, *self.leaves)

    @property
    def net(self) -> rd.BayesNet:
        """The structure, which is all that a network for any evidence is told."""
        parents = {name: [link.parent] if link.parent else [] for name, link in self.links.items()}
        return rd.BayesNet(parents | {name: [leaf.place] for name, leaf in self.leaves.items()}, list(self.leaves))

    def simulate(self, n: int, seed: int) -> dict[str, Doubles]:
        """Return joint draws."""
        return self.draw({}, n, np.random.default_rng([seed, 41]))

    def draw(self, given: Values, n: int, rng: np.random.Generator) -> dict[str, Doubles]:
        """Return draws of all that is not given."""
        grid = np.linspace(-REACH, REACH, CELLS)
        local = {name: self._score(name, grid, given) for name in self.links if name not in given}
        for name in reversed(list(local)):
            parent = self.links[name].parent
            if parent in local:
                weights = np.exp(local[name] - local[name].max())
                with np.errstate(divide="ignore"):
                    local[parent] = local[parent] + np.log(_link(grid, grid, self.links[name].spread) @ weights)
        drawn: dict[str, Doubles] = {}
        for name, score in local.items():
            parent = self.links[name].parent
            scores = np.broadcast_to(score, (n, CELLS))
            if parent in drawn:
                away = (grid - drawn[parent][:, None]) / self.links[name].spread
                scores = score - 0.5 * away**2
            drawn[name] = _draw_cells(scores, grid, rng)
        places = {name: drawn.get(name, given.get(name)) for name in self.links}
        for name, leaf in self.leaves.items():
            if name not in given:
                center = np.broadcast_to(leaf.shape(places[leaf.place]), n)
                drawn[name] = center + leaf.spread * rng.normal(size=n)
        return drawn

    def _score(self, name: str, grid: Doubles, given: Values) -> Doubles:
        """Return what is given next to a place says of it, up to a constant."""
        link = self.links[name]
        score = np.zeros(CELLS)
        if link.parent is None or link.parent in given:
            score = -0.5 * ((grid - given.get(link.parent, 0.0)) / link.spread) ** 2
        for child, other in self.links.items():
            if other.parent == name and child in given:
                score = score - 0.5 * ((given[child] - grid) / other.spread) ** 2
        for child, leaf in self.leaves.items():
            if leaf.place == name and child in given:
                score = score - 0.5 * ((given[child] - leaf.shape(grid)) / leaf.spread) ** 2
        return score


def _link(above: Doubles, below: Doubles, spread: float) -> Doubles:
    return np.exp(-0.5 * ((below - above[:, None]) / spread) ** 2)


def _draw_cells(scores: Doubles, grid: Doubles, rng: np.random.Generator) -> Doubles:
    """Return a draw for each row of log weights of the cells, uniform within its cell."""
    ends = np.exp(scores - scores.max(axis=1, keepdims=True)).cumsum(axis=1)
    places = (ends < rng.random((len(ends), 1)) * ends[:, -1:]).sum(axis=1)
    return grid[places] + (grid[1] - grid[0]) * (rng.random(len(ends)) - 0.5)


def make_tree() -> Task:
    """Return the tree: three places, four leaves."""
    links = {"z1": Link(None, 1.0), "z2": Link("z1", 1.0), "z3": Link("z1", 1.0)}
    leaves = {
        "x1": Leaf("z2", lambda z: np.sin(z) ** 2, 0.2),
        "x2": Leaf("z2", lambda z: 0.1 * z**2, 0.2),
        "x3": Leaf("z3", lambda z: 0.1 * z**2, 0.6),
        "x4": Leaf("z3", lambda z: np.cos(z) ** 2, 0.1),
    }
    return Task(links, leaves)


def make_chain(length: int = 10) -> Task:
    """Return the hidden Markov model: a random walk of which squares are seen."""
    links = {f"z{i}": Link(f"z{i - 1}" if i else None, 0.5) for i in range(length)}
    return Task(links, {f"x{i}": Leaf(f"z{i}", np.square, 0.5) for i in range(length)})


TASKS = {"tree": make_tree, "HMM": make_chain}


def draw_known(task: Task, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return what is given: nothing, all leaves, all places, or each variable with probability 0.3 or 0.7."""
    kind, names = rng.integers(5), task.names
    known = {
        0: np.zeros(len(names), bool),
        1: np.isin(names, list(task.leaves)),
        2: np.isin(names, list(task.links)),
        3: rng.random(len(names)) < 0.3,
        4: rng.random(len(names)) < 0.7,
    }[int(kind)]
    return np.zeros_like(known) if known.all() else known


def draw_question(task: Task, rng: np.random.Generator) -> dict[str, float]:
    """Return values of what is given, from a draw of everything."""
    known, truth = draw_known(task, rng), task.draw({}, 1, rng)
    return {n: float(truth[n][0]) for n, is_known in zip(task.names, known, strict=True) if is_known}


def list_sets(task: Task, count: int, seed: int) -> list[list[str]]:
    """Return sets of evidence as questions have them, for training."""
    rng = np.random.default_rng([seed, 59])
    drawn = (draw_known(task, rng) for _ in range(count))
    return [[name for name, is_known in zip(task.names, known, strict=True) if is_known] for known in drawn]
