"""What else answers any question of a network of tables by approximation: weighted draws, and messages in loops.

Source: Koller & Friedman, algorithm 12.2 (likelihood weighting) and 11.1 (loopy belief propagation).
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

import retrodict as rd
from retrodict.models.discrete.checks import read_code

Doubles = NDArray[np.float64]
Rows = dict[str, dict[str, float]]
# The change of a message that counts as none.
SAME = 1e-9


class LikelihoodWeighting:
    """Draws of the model with what is known held fixed, weighted by its probability."""

    def __init__(self, model: rd.DiscreteNetwork, rows: int = 1 << 12) -> None:
        self.model, self.rows = model, rows
        self._draw = jax.jit(self._draw_rows)

    def _draw_rows(self, key: jax.Array, given: jax.Array, unknown: jax.Array) -> tuple[jax.Array, jax.Array]:
        columns = jax.numpy.broadcast_to(given, (self.rows, len(given)))
        drawn = self.model.redraw(key, columns, unknown)
        scores = self.model.log_conditionals(drawn)
        return drawn, jax.numpy.where(unknown, 0.0, scores).sum(axis=-1)

    def answer(self, given: Mapping[str, str], seconds: float) -> Rows:
        """Return marginals out of as many draws as can be had in this time, one block at least."""
        model, started = self.model, monotonic()
        codes, unknown = np.zeros(len(model.net), np.float32), np.ones(len(model.net), bool)
        for name, state in given.items():
            codes[model.net.index(name)], unknown[model.net.index(name)] = read_code(model.states(name), state, name), 0
        sums = [np.zeros(int(card)) for card in model.cards]
        top, block = -np.inf, 0
        while block == 0 or monotonic() - started < seconds:
            drawn, log_weights = map(np.asarray, self._draw(jax.random.key(block), codes, unknown))
            block += 1
            higher = max(top, float(log_weights.max()))
            if higher == -np.inf:
                continue
            sums = [part * np.exp(top - higher) for part in sums]
            top, weights = higher, np.exp(log_weights.astype(np.float64) - higher)
            for v in np.flatnonzero(unknown).tolist():
                sums[v] += np.bincount(drawn[:, v].astype(int), weights, minlength=len(sums[v]))
        return _name(model, sums, unknown)


class JunctionTree:
    """Exact answers of pyAgrum (lazy propagation), for networks whose variables are too many for sums one by one."""

    def __init__(self, model: rd.DiscreteNetwork) -> None:
        self.model, self.network = model, translate(model)

    def answer(self, given: Mapping[str, str], seconds: float = 0.0) -> Rows:
        """Return exact marginals."""
        import pyagrum

        return _ask(pyagrum.LazyPropagation(self.network), self.model, given)


class LoopyPropagation:
    """Loopy belief propagation of pyAgrum, until messages stay or time is over."""

    def __init__(self, model: rd.DiscreteNetwork) -> None:
        self.model, self.network = model, translate(model)

    def answer(self, given: Mapping[str, str], seconds: float) -> Rows:
        """Return beliefs after as many rounds as can be had in this time."""
        import pyagrum

        propagation = pyagrum.LoopyBeliefPropagation(self.network)
        propagation.setMaxTime(seconds)
        propagation.setEpsilon(SAME)
        return _ask(propagation, self.model, given)


def translate(model: rd.DiscreteNetwork) -> Any:
    """Return the network of pyAgrum, which then works in one thread: on shared cores several wait for each other."""
    import pyagrum

    pyagrum.setNumberOfThreads(1)
    network, names = pyagrum.BayesNet(), model.net.names
    for v, name in enumerate(names):
        network.add(pyagrum.LabelizedVariable(f"v{v}", str(name), int(model.cards[v])))
    for v, name in enumerate(names):
        for parent in model.net.parents(name):
            network.addArc(f"v{model.net.index(parent)}", f"v{v}")
    for v, name in enumerate(names):
        axes = [*(f"v{model.net.index(parent)}" for parent in model.net.parents(name)), f"v{v}"]
        table = network.cpt(f"v{v}")
        order = [axes.index(axis) for axis in reversed(table.names)]
        table[:] = np.ascontiguousarray(model.table(name).transpose(order))
    return network


def _ask(inference: Any, model: rd.DiscreteNetwork, given: Mapping[str, str]) -> Rows:
    """Return the marginals that an inference of pyAgrum finds."""
    places = {model.net.index(n): read_code(model.states(n), state, n) for n, state in given.items()}
    inference.setEvidence({f"v{v}": state for v, state in places.items()})
    inference.makeInference()
    unknown = np.array([v not in places for v in range(len(model.net))])
    sums = [
        np.asarray(inference.posterior(f"v{v}").toarray()) if unknown[v] else np.ones(1) for v in range(len(unknown))
    ]
    return _name(model, sums, unknown)


def _name(model: rd.DiscreteNetwork, sums: list[Doubles], unknown: NDArray[np.bool_]) -> Rows:
    rows: Rows = {}
    for v in np.flatnonzero(unknown).tolist():
        name, total = model.net.names[v], float(sums[v].sum())
        shares = sums[v] / total if total > 0 else np.full(len(sums[v]), 1 / len(sums[v]))
        rows[name] = dict(zip(model.states(name), shares.tolist(), strict=True))
    return rows
