"""Train once for each template, ask inside the trained sizes and at twice the largest: results/hierarchical.json.

Run with ``python -m benchmarks.hierarchical.run [name ...]``; what has a result already is left as it is.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

import retrodict as rd
from benchmarks.hierarchical.exact_templates import GAUSSIAN, ExactTemplate, HiddenMarkov, find_posterior, score_exactly
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole

RESULTS = ROOT / "benchmarks" / "results" / "hierarchical.json"
MISSING, STEPS, QUESTIONS, DRAWS, LENGTH = 0.3, 1000, 30, 300, 200
Figures = dict[str, float]


def draw_data(model: rd.TemplateModel, sizes: Mapping[str, int], rng: np.random.Generator) -> dict[str, Any]:
    """Return data of one simulation at these sizes, a share of which is missing."""
    import jax

    observed = model.template.observed[0]
    columns = model.columns(observed)[tuple(slice(sizes[dim]) for dim in model.template[observed].dims)]
    row = np.asarray(model.model.draw(jax.random.key(int(rng.integers(2**31))), 1))[0]
    gone = rng.random(columns.shape) < MISSING
    gone.ravel()[rng.integers(gone.size)] = False  # nothing at all is no question
    return {observed: np.where(gone, np.nan, row[columns])}


def measure_kl(posterior: rd.LiftedPosterior, model: rd.TemplateModel, data: Mapping[str, Any]) -> tuple[float, int]:
    """Return the KL from the exact posterior, by draws from it, and the number of latents."""
    hidden, mean, covariance = find_posterior(model, data)
    rows = np.random.default_rng(0).multivariate_normal(mean, covariance, DRAWS)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, place in hidden:
        shapes[name] = tuple(max(a, b + 1) for a, b in zip(shapes.get(name, (0,) * len(place)), place, strict=True))
    draws = {name: np.zeros((DRAWS, *shape)) for name, shape in shapes.items()}
    for column, (name, place) in enumerate(hidden):
        draws[name][(slice(None), *place)] = rows[:, column]
    gap = score_exactly(model, data, draws) - posterior.log_prob(draws, data)
    return float(gap.mean()), len(hidden)


def ask(posterior: rd.LiftedPosterior, model: rd.TemplateModel, sizes: list[Mapping[str, int]]) -> float:
    """Return the KL in nats a latent over data of these sizes."""
    rng = np.random.default_rng(1)
    found = [measure_kl(posterior, model, draw_data(model, own, rng)) for own in sizes]
    return sum(gap for gap, _ in found) / sum(count for _, count in found)


def run_gaussian(case: ExactTemplate) -> Figures:
    """Return the figures of a linear-Gaussian template."""
    model, start = case.at(case.trained), time.monotonic()
    vary = {dim: (1, size) for dim, size in case.trained.items()}
    posterior = rd.amortize(model, vary=vary, missing=MISSING, steps=STEPS, quiet=True, exact=False)
    seconds = time.monotonic() - start
    rng = np.random.default_rng(2)
    # A few shapes, each of which is a program of its own.
    shapes = [{dim: int(rng.integers(1, size + 1)) for dim, size in case.trained.items()} for _ in range(4)]
    inside = ask(posterior, model, [*(shapes * (QUESTIONS // 5)), *([case.trained] * (QUESTIONS // 5))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rd.errors.NoveltyWarning)
        twice = ask(posterior, case.at(case.twice), [case.twice] * (QUESTIONS // 3))
    return {"seconds": seconds, "steps": posterior.history.step[-1], "inside": inside, "twice": twice}


def run_markov() -> Figures:
    """Return the figures of a hidden Markov model: mean total variation of the marginals of states.

    That of draws of the exact posterior, as many, is ``noise``.
    """
    exact, start = HiddenMarkov.draw(), time.monotonic()
    vary = {"t": (1, 100)}
    posterior = rd.amortize(exact.at(100), vary=vary, missing=MISSING, steps=STEPS, quiet=True, exact=False)
    seconds = time.monotonic() - start
    found = {"seconds": seconds, "steps": posterior.history.step[-1]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rd.errors.NoveltyWarning)
        for label, length in (("inside", 100), ("twice", LENGTH)):
            found |= compare_marginals(posterior, exact, label, length)
    return found


def compare_marginals(posterior: rd.LiftedPosterior, exact: HiddenMarkov, label: str, length: int) -> Figures:
    """Return the mean total variation between marginals of draws and exact ones, and that of exact draws."""
    rng, model, far, noise, n = np.random.default_rng(3), exact.at(length), [], [], 10_000
    for _ in range(5):
        data = draw_data(model, {"t": length}, rng)
        marginals = exact.smooth(data["x"])
        states = np.arange(marginals.shape[1])
        shares = (posterior.sample(data, n)["z"][..., None] == states).mean(axis=0)
        again = np.stack([rng.multinomial(n, own / own.sum()) for own in marginals]) / n
        far.append(0.5 * np.abs(shares - marginals).sum(axis=1).mean())
        noise.append(0.5 * np.abs(again - marginals).sum(axis=1).mean())
    return {label: float(np.mean(far)), f"{label} noise": float(np.mean(noise))}


def main(names: list[str]) -> None:
    """Run what is named, or all that has no result."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or [*GAUSSIAN, "hidden Markov"]:
        if name not in results or name in names:
            results[name] = run_markov() if name == "hidden Markov" else run_gaussian(GAUSSIAN[name])
            print(name, results[name], flush=True)
            write_whole(RESULTS, (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
