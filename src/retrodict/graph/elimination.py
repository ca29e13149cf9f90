"""Eliminating latents from the moral graph: a sparse Cholesky factorization without numbers.

Eliminating a latent joins its remaining neighbors pairwise; they are its parents in the inverse. The latents
among them are the pattern of a column of the Cholesky factor of any matrix with the pattern of the moral
graph, so nothing need be joined: the column of a latent is its own neighbors and the columns of those latents
whose first parent it is (its children in the elimination tree).

Sources: Koller & Friedman, section 9.4 (variable elimination); Liu 1990 (elimination trees); Webb et al. 2017.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.parentsets import ParentSets, attach
from retrodict.graph.rows import Integers, Rows, cumulate


@dataclass(frozen=True, eq=False)
class Elimination:
    """What eliminating latents in a given order gives; everything is numbered by step of the elimination.

    ``forest`` holds for each step the step that eliminates its first latent parent, -1 where it has none.
    """

    sets: ParentSets
    forest: Integers

    def after(self, first: int) -> Elimination:
        """Return what the steps from ``first`` on get: what comes first has no part in it but what it joined."""
        rows, sets = self.sets.latents.pick(np.arange(first, len(self.forest))), self.sets
        latents = Rows(rows.pointer, rows.index - first)
        kept = ParentSets(latents, sets.walk, sets.start[first:], sets.stop[first:], sets.count[first:])
        return Elimination(kept, np.maximum(self.forest[first:] - first, -1))


def eliminate(net: BayesNet, neighbors: Rows, order: Integers) -> Elimination:
    """Eliminate variables in this order from a moral graph; those not in the order take no part.

    Linear in the latent edges of the result.
    """
    step = np.full(len(net), -1, dtype=np.int64)
    step[order] = np.arange(len(order))
    source, target = neighbors.sources, neighbors.index
    chosen = step[source] >= 0
    source, target = step[source[chosen]], target[chosen]
    seen = net.is_observed[target]
    latents, forest = _fill(source[~seen], step[target[~seen]], len(order))
    walk, start, stop, count = attach(forest, source[seen], net.place[target[seen]])
    return Elimination(ParentSets(latents, walk, start, stop, count), forest)


def _fill(source: Integers, target: Integers, n: int) -> tuple[Rows, Integers]:
    """Return the later neighbors of each step, filled in, and the elimination forest."""
    later = target > source
    rows = Rows.from_edges(source[later], target[later], n)
    if rows.lengths.max(initial=0) > 1:
        rows = _hand_down(rows)
    forest = np.full(n, -1, dtype=np.int64)
    inner = rows.lengths > 0
    forest[inner] = rows.index[rows.pointer[:-1][inner]]
    return rows, forest


def _hand_down(rows: Rows) -> Rows:
    """Add to the row of each step the rows of the steps whose first entry it is.

    A set exists only from the first time something is handed to it until its turn comes.
    """
    flat, stops = rows.index.tolist(), rows.pointer.tolist()
    handed: list[set[int] | None] = [None] * len(rows)
    filled, lengths = array("q"), array("q")
    for step in range(len(rows)):
        row = flat[stops[step] : stops[step + 1]]
        inherited = handed[step]
        if inherited:
            inherited.update(row)
            row = sorted(inherited)
            handed[step] = None
        lengths.append(len(row))
        if len(row) > 1:
            first = row[0]
            waiting = handed[first]
            if waiting is None:
                handed[first] = set(row[1:])
            else:
                waiting.update(row[1:])
        filled.extend(row)
    return Rows(cumulate(np.frombuffer(lengths, dtype=np.int64)), np.frombuffer(filled, dtype=np.int64))
