"""Full conditionals of states along draws: a mean over them varies less than a count of the states drawn.

Source: Koller & Friedman, section 12.3 (Markov blanket) and section 12.4 (Rao-Blackwell).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.models.discrete.discrete_network import DiscreteNetwork

Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]


def condition_on_parents(model: DiscreteNetwork, codes: Codes, v: int) -> Doubles:
    """Return the probabilities of all states of a variable given its parents, for each row of states."""
    table = model.table(model.net.names[v]).reshape(-1, int(model.cards[v]))
    parents, strides = _list_strides(model, v)
    return np.asarray(table[codes[:, parents] @ strides])


def condition_on_blanket(model: DiscreteNetwork, codes: Codes, v: int) -> Doubles:
    """Return the probabilities of all states of a variable given all others; zero where the rest is impossible."""
    found = condition_on_parents(model, codes, v)
    states = np.arange(int(model.cards[v]))
    for child in model.net.child_rows[v].tolist():
        table = model.table(model.net.names[child]).reshape(-1, int(model.cards[child]))
        parents, strides = _list_strides(model, child)
        own = int(strides[parents == v][0])
        rows = codes[:, parents] @ strides - codes[:, v] * own
        found = found * table[rows[:, None] + own * states, codes[:, child][:, None]]
    total = found.sum(axis=1, keepdims=True)
    return np.divide(found, total, out=np.zeros_like(found), where=total > 0)


def _list_strides(model: DiscreteNetwork, v: int) -> tuple[Any, Any]:
    """Return the parents of a variable and the rows of its table between neighboring states of each."""
    first, last = model.net.parent_rows.pointer[v : v + 2].tolist()
    return model.net.parent_rows.index[first:last], model.strides[first:last]
