"""Sets of evidence drawn from a network of tables, with their exact marginals, and how far answers are from these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import jax
import numpy as np

import retrodict as rd

MOST_KNOWN = 20
Rows = Mapping[str, Mapping[str, float]]


def draw_evidence(model: rd.DiscreteNetwork, count: int, seed: int) -> Iterator[dict[str, str]]:
    """Return known states of 0 to 20 variables of draws of the model."""
    rng = np.random.default_rng(seed)
    rows = np.asarray(model.draw(jax.random.key(seed), count)).astype(int)
    names = model.net.names
    for row in rows:
        chosen = rng.permutation(len(names))[: rng.integers(0, min(MOST_KNOWN, len(names) - 1) + 1)]
        yield {names[v]: model.states(names[v])[row[v]] for v in chosen}


def measure_distance(exact: Rows, found: Rows) -> list[float]:
    """Return the total variation of each marginal."""
    return [sum(abs(p - found[name].get(state, 0.0)) for state, p in row.items()) / 2 for name, row in exact.items()]
