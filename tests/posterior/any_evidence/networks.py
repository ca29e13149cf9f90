"""Small models that the tests of any evidence share."""

from __future__ import annotations

import numpy as np

import retrodict as rd


def make_small() -> rd.DiscreteNetwork:
    """Two causes, a common effect, and what follows from it; three states somewhere."""
    rng = np.random.default_rng(4)
    parents = {"a": [], "b": [], "c": ["a", "b"], "d": ["c"]}
    states = {"a": ["0", "1"], "b": ["0", "1", "2"], "c": ["0", "1"], "d": ["0", "1"]}
    shapes = {"a": (2,), "b": (3,), "c": (2, 3, 2), "d": (2, 2)}
    tables = {name: rng.dirichlet(np.ones(shape[-1]), shape[:-1]) for name, shape in shapes.items()}
    return rd.DiscreteNetwork.from_tables(parents, states, tables, ["d"])


def make_lines(n: int = 6, seed: int = 0) -> rd.LinearGaussian:
    """Return a dense linear-Gaussian network with weights of either sign and unequal units."""
    rng = np.random.default_rng(seed)
    parents = {f"v{i}": [f"v{j}" for j in range(i) if rng.random() < 0.5] for i in range(n)}
    net = rd.BayesNet(parents, observed=[f"v{n - 1}"])
    weights = {child: {parent: float(rng.normal()) for parent in above} for child, above in parents.items()}
    return rd.LinearGaussian.from_weights(net, weights, rng.normal(size=n), rng.uniform(0.2, 3.0, n))
