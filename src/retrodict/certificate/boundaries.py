r"""The known variables that each latent needs: the boundary of its component among what is not yet known.

A known variable :math:`u` and the latent :math:`v_t` being drawn are d-connected given all else that is known exactly
if a way joins them in the moral graph of :math:`\mathrm{An}(K_t \cup v_t)` whose inner variables are all unknown
(Lauritzen et al. 1990). So :math:`v_t` needs the known neighbors of its connected component among the unknown.

Going backwards in time variables become unknown one by one, and components only grow: a union-find. Each component is
named by the variable that joined last, and which component joined which is a forest: the component of :math:`v_t`
is the subtree of :math:`v_t`. Families are joined whole, through the member drawn last, which is unknown whenever any
other is; moral edges are never made. Hung up at that member, the others of the family are the neighbors of all
components that hold it, so what a component touches is one slice of a walk through the forest.

No graph is filled in and no neighborhood handed on: connectivity alone decides, and nothing is shared with
`elimination`, whose results this judges. That both forests are equal is a theorem (Liu 1990), not used here.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.certificate.families import Families
from retrodict.certificate.slices import Slices
from retrodict.graph.rows import Integers, Mask, cumulate, drop_repeats, sort_edges

MOST_INSIDE = 1 << 21  # entries of slices; above, latents are found by climbing


@dataclass(frozen=True, eq=False)
class Phase:
    """The needs of the latents drawn at ``rows``, a range of steps, while the same families take part.

    Everything is numbered by step, backwards in time. ``latents`` and ``observed`` hold for each component what it
    touches; of the latents it touches those inside it, ``inside`` many, are unknown and not needed. ``forest`` says
    which component joined which (-1: none). ``hooks`` tells for each entry of the walk through the observed variables
    the step it is hung up at, ``latent_hooks`` for latents.
    """

    rows: Integers
    latents: Slices
    observed: Slices
    latent_hooks: Integers
    hooks: Integers
    inside: Integers
    forest: Integers

    @cached_property
    def n_latents(self) -> Integers:
        """Number of latents that each row needs."""
        return self.latents.count(self.rows) - self.inside[self.rows]

    @cached_property
    def n_observed(self) -> Integers:
        """Number of observed variables that each row needs."""
        return self.observed.count(self.rows)

    def needs(self, rows: Integers, latents: Integers) -> Mask:
        """Say for each row and latent whether the row needs it: the latent is drawn before, and touched."""
        return (latents > rows) & self.latents.contains(rows, latents)

    def expand_latents(self, rows: Integers) -> tuple[Integers, Integers]:
        """Write out the latents that these rows need, as pairs: from their slices, unless these are mostly inside."""
        if int(self.latents.lengths[rows].sum()) > MOST_INSIDE:
            row, latent = self._climb()
            wanted = np.isin(row, rows)
            return row[wanted], latent[wanted]
        row, latent = self.latents.expand(rows)
        known = latent > row
        return row[known], latent[known]

    def _climb(self) -> tuple[Integers, Integers]:
        """Write out the latents that any row needs: each is needed from its hooks upwards until it joins itself.

        Source: Liu 1990 (row subtrees).
        """
        forest, visited, lowest = self.forest.tolist(), [-1] * len(self.forest), int(self.rows[0])
        rows, latents = array("q"), array("q")
        order = np.argsort(self.latents.walk, kind="stable")
        hooks, values = self.latent_hooks[order].tolist(), self.latents.walk[order].tolist()
        for step, latent in zip(hooks, values, strict=True):
            while step >= 0 and step != latent and visited[step] != latent:
                visited[step] = latent
                if step >= lowest:
                    rows.append(step)
                    latents.append(latent)
                step = forest[step]
        return np.array(rows, dtype=np.int64), np.array(latents, dtype=np.int64)


def find_phase(families: Families, place: Integers, start: int, stop: int) -> Phase:
    """Return the needs of what is drawn at the times from ``start`` up to, not including, ``stop``.

    ``place`` numbers the observed variables. Linear in the edges of the model but for the sorting.
    """
    n, m = families.n, families.n - start + 1  # steps below m are unknown when the phase begins
    last, step = families.last_drawn[families.child], families.step[families.member]
    used = (families.since[families.child] <= start) & (last < m) & (step != last)
    last, step, member = last[used], step[used], families.member[used]
    linked = (step < m) & ~families.settled[families.child[used]]
    forest = _join(last[linked], step[linked], m)
    at, size = _lay_out(forest)
    seen = step == n
    touched = np.zeros(m, dtype=np.int64)
    touched[at[step[linked]]] = 1
    inside = cumulate(touched)
    latents, latent_hooks = _hang_up(at, size, last[~seen], step[~seen])
    observed, hooks = _hang_up(at, size, last[seen], place[member[seen]])
    return Phase(
        rows=np.arange(n - stop + 1, m),
        latents=latents,
        observed=observed,
        latent_hooks=latent_hooks,
        hooks=hooks,
        inside=inside[at + size] - inside[at],
        forest=forest,
    )


def _join(last: Integers, step: Integers, m: int) -> Integers:
    """Return the forest of components, joined in the order of ``step``, that of becoming unknown.

    >>> _join(np.array([0, 1, 0]), np.array([2, 3, 3]), 4).tolist()
    [2, 3, 3, -1]
    """
    step, last = drop_repeats(*sort_edges(step, last))
    forest, root = [-1] * m, list(range(m))
    for joining, found in zip(step.tolist(), last.tolist(), strict=True):
        while root[found] != found:
            root[found] = found = root[root[found]]  # halve the path, so that later searches are short
        if found != joining:
            forest[found] = root[found] = joining
    return np.array(forest, dtype=np.int64)


def _lay_out(forest: Integers) -> tuple[Integers, Integers]:
    """Return for each node its place in a walk that lists it before its subtree, and the size of the subtree.

    >>> [numbers.tolist() for numbers in _lay_out(np.array([2, 3, 3, -1]))]
    [[2, 3, 1, 0], [1, 1, 2, 4]]
    """
    parents = forest.tolist()
    size = [1] * len(parents)
    for node, parent in enumerate(parents):
        if parent >= 0:
            size[parent] += size[node]
    place = [0] * len(parents)
    free, total = [0] * len(parents), 0
    for node in range(len(parents) - 1, -1, -1):
        parent = parents[node]
        if parent < 0:
            place[node] = total
            total += size[node]
        else:
            place[node] = free[parent]
            free[parent] += size[node]
        free[node] = place[node] + 1
    return np.array(place, dtype=np.int64), np.array(size, dtype=np.int64)


def _hang_up(at: Integers, size: Integers, node: Integers, value: Integers) -> tuple[Slices, Integers]:
    """Return for each node the values hung up anywhere in its subtree, as slices; and where each is hung up."""
    line, value = drop_repeats(*sort_edges(at[node], value))
    before = cumulate(np.bincount(line, minlength=len(at)))
    walked = np.empty_like(at)
    walked[at] = np.arange(len(at))
    return Slices(value, before[at], before[at + size]), walked[line]
