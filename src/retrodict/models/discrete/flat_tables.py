"""The tables of a discrete network, laid out in one flat array."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.models.discrete.checks import Probabilities


@dataclass(frozen=True, eq=False, repr=False)
class Tables:
    """Probabilities of the states of each variable given those of its parents.

    ``entries`` holds all tables one after another: that of variable ``i`` begins at ``start[i]``, its rows are the
    states of the parents (in the order of ``net.parents``, the last one fastest), its columns its own states.
    """

    net: BayesNet
    entries: Probabilities
    start: Integers

    @cached_property
    def cards(self) -> Integers:
        """Number of states of each variable, in topological order."""
        return np.array([len(self.states(name)) for name in self.net.names], dtype=np.int64)

    @cached_property
    def strides(self) -> Integers:
        """For each edge of ``net.parent_rows`` the rows between two neighboring states of the parent."""
        return find_strides(self.net, self.cards)

    def states(self, name: Name) -> tuple[str, ...]:
        """Return the names of the states of a variable; state ``k`` has the value ``k``."""
        return self.net.variable(name).states

    def table(self, name: Name) -> Probabilities:
        """Return p(states | parents), one axis for each of ``net.parents(name)`` and a last one for its states."""
        variable = self.net.index(name)
        shape = self.cards[[*self.net.parent_rows[variable].tolist(), variable]]
        return self.entries[self.start[variable] : self.start[variable + 1]].reshape(shape)


def find_strides(net: BayesNet, cards: Integers) -> Integers:
    """Return for each edge how many rows of the child's table lie between two neighboring states of the parent."""
    strides = np.ones(net.n_edges, dtype=np.int64)
    for start, stop in itertools.pairwise(net.parent_rows.pointer.tolist()):
        mine = cards[net.parent_rows.index[start:stop]]
        strides[start:stop] = np.cumprod(np.concatenate([mine[1:], [1]])[::-1])[::-1] if len(mine) else 1
    return strides
