"""A model of three levels that is only known by 20,000 stored runs, beside its exact posterior.

Nineteen latents: a mean, two log-scales, and sixteen groups with four measurements each. Given both log-scales all else
is Gaussian; these two are summed over a grid.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import retrodict as rd

Floats = NDArray[np.float64]
GROUPS, EACH, RUNS, DRAWS, OBSERVATIONS = 16, 4, 20_000, 4000, 5
# Of the logarithms of the spread between groups and within: mean and standard deviation of their priors.
BETWEEN, WITHIN, GRID = (-1.0, 0.5), (-1.0, 0.3), 121
NAMES = ("mean", "between", "within", *(f"group{i}" for i in range(GROUPS)))


def simulate(rng: np.random.Generator, n: int) -> dict[str, Floats]:
    """Return runs of all variables."""
    mean, between, within = rng.normal(size=n), rng.normal(*BETWEEN, size=n), rng.normal(*WITHIN, size=n)
    runs = {"mean": mean, "between": between, "within": within}
    for i in range(GROUPS):
        runs[f"group{i}"] = mean + np.exp(between) * rng.normal(size=n)
        runs[f"y{i}"] = runs[f"group{i}"][:, None] + np.exp(within)[:, None] * rng.normal(size=(n, EACH))
    return runs


def make_net() -> rd.BayesNet:
    """Return the structure."""
    groups = {f"group{i}": ["mean", "between"] for i in range(GROUPS)}
    data = {f"y{i}": [f"group{i}", "within"] for i in range(GROUPS)}
    return rd.BayesNet({"mean": [], "between": [], "within": [], **groups, **data}, observed=list(data))


def find_exact(data: Floats) -> tuple[Floats, Floats]:
    """Return means and standard deviations of all latents for data ``(groups, each)``."""
    between, within = (np.linspace(m - 5 * s, m + 5 * s, GRID) for m, s in (BETWEEN, WITHIN))
    b, w = (part.ravel() for part in np.meshgrid(between, within, indexing="ij"))
    t2, s2 = np.exp(2 * b), np.exp(2 * w)
    averages, squares = data.mean(axis=1), ((data - data.mean(axis=1, keepdims=True)) ** 2).sum()
    spread = t2 + s2 / EACH
    precision = 1 + GROUPS / spread
    center = averages.sum() / spread / precision
    log = -((b - BETWEEN[0]) ** 2) / (2 * BETWEEN[1] ** 2) - (w - WITHIN[0]) ** 2 / (2 * WITHIN[1] ** 2)
    log -= GROUPS * (EACH - 1) * w + squares / (2 * s2) + GROUPS * np.log(spread) / 2
    log -= (averages**2).sum() / (2 * spread) - precision * center**2 / 2 + np.log(precision) / 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    share = t2 / spread  # how far the average of a group counts
    groups = share[:, None] * averages + (1 - share[:, None]) * center[:, None]
    own = (share * s2 / EACH + (1 - share) ** 2 / precision)[:, None]
    means = np.column_stack([center, b, w, groups])
    variances = np.column_stack([1 / precision, 0 * b, 0 * w, np.repeat(own, GROUPS, axis=1)])
    mean = weight @ means
    return mean, np.sqrt(weight @ (variances + (means - mean) ** 2))


def measure(seed: int = 0) -> dict[str, Any]:
    """Return how far posteriors of fresh data lie from the exact ones, in standard deviations of these."""
    net, rng = make_net(), np.random.default_rng(seed + 1)
    wall, cpu = time.perf_counter(), time.process_time()
    posterior = rd.amortize(net, simulations=simulate(np.random.default_rng(seed), RUNS), seed=seed, quiet=True)
    seconds = time.process_time() - cpu, time.perf_counter() - wall
    truths, shifts, scales = simulate(rng, OBSERVATIONS), [], []
    for row in range(OBSERVATIONS):
        data = {name: truths[name][row] for name in net.observed}
        draws = posterior.sample(data, DRAWS, seed=row)
        mean, spread = find_exact(np.stack([data[f"y{i}"] for i in range(GROUPS)]))
        found = np.column_stack([draws[name] for name in NAMES]).astype(np.float64)
        shifts.append(np.abs(found.mean(axis=0) - mean) / spread)
        scales.append(found.std(axis=0) / spread)
    history = posterior.history
    return {
        "task": "three_levels",
        "seed": seed,
        "edges": posterior.inverse.n_edges,
        "shift": np.mean(shifts, axis=0).round(4).tolist(),
        "worst": round(float(np.max(shifts)), 4),
        "scale": np.mean(scales, axis=0).round(4).tolist(),
        "cpu": seconds[0],
        "wall": seconds[1],
        "steps": history.step[-1],
        "best": history.step[int(np.argmin(history.test))],
        "overfitted": history.overfitted,
        "held_out": [round(float(loss), 3) for loss in history.test[:: max(1, len(history.test) // 10)]],
    }
