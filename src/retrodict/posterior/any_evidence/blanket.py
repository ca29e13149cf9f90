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


def average_given_parents(model: DiscreteNetwork, codes: Codes, v: int, weights: Doubles) -> Doubles:
    """Return the weighted mean over rows of states of the probabilities of a variable given its parents.

    Weights of rows whose parents are alike are summed first, since rows of a table are few.
    """
    table = model.table(model.net.names[v]).reshape(-1, int(model.cards[v]))
    rows = _find_rows(codes, *_list_strides(model, v))
    return np.asarray(np.bincount(rows, weights, minlength=len(table)) @ table)


def condition_on_blanket(model: DiscreteNetwork, codes: Codes, v: int) -> Doubles:
    """Return the probabilities of all states of a variable given all others; zero where the rest is impossible."""
    table = model.table(model.net.names[v]).reshape(-1, int(model.cards[v]))
    found = np.asarray(table[_find_rows(codes, *_list_strides(model, v))])
    states = np.arange(int(model.cards[v]))
    for child in model.net.child_rows[v].tolist():
        table = model.table(model.net.names[child]).reshape(-1, int(model.cards[child]))
        parents, strides = _list_strides(model, child)
        own = int(strides[parents == v][0])
        rows = _find_rows(codes, parents, strides) - codes[:, v] * own
        found = found * table[rows[:, None] + own * states, codes[:, child][:, None]]
    total = found.sum(axis=1, keepdims=True)
    return np.divide(found, total, out=np.zeros_like(found), where=total > 0)


def _find_rows(codes: Codes, parents: Any, strides: Any) -> Codes:
    """Return the row of a table that each row of states selects."""
    rows = np.zeros(len(codes), np.int64)
    for parent, stride in zip(parents.tolist(), strides.tolist(), strict=True):
        rows += codes[:, parent] * stride
    return rows


def _list_strides(model: DiscreteNetwork, v: int) -> tuple[Any, Any]:
    """Return the parents of a variable and the rows of its table between neighboring states of each."""
    first, last = model.net.parent_rows.pointer[v : v + 2].tolist()
    return model.net.parent_rows.index[first:last], model.strides[first:last]
