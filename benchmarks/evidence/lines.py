"""Learned conditionals of a linear-Gaussian network for any evidence, beside the exact ones: results/evidence.json.

Run with ``python -m benchmarks.evidence.lines``.
"""

from __future__ import annotations

import json
from time import perf_counter

import numpy as np

import retrodict as rd
from benchmarks.evidence.run import RESULTS, keep

SIZES, QUESTIONS, DRAWS, STEPS = (8, 16, 24), 1000, 1000, 500


def make_lines(n: int, seed: int = 0) -> rd.LinearGaussian:
    """Return a random network in which every pair is joined with probability one half, up to four parents each."""
    rng = np.random.default_rng([seed, n])
    parents = {}
    for i in range(n):
        chosen = [j for j in range(i) if rng.random() < 0.5]
        parents[f"v{i}"] = [f"v{j}" for j in rng.permutation(chosen)[:4].astype(int).tolist()]
    net = rd.BayesNet(parents, observed=[f"v{n - 1}"])
    weights = {child: {parent: float(rng.normal()) for parent in above} for child, above in parents.items()}
    return rd.LinearGaussian.from_weights(net, weights, rng.normal(size=n), rng.uniform(0.2, 3.0, n))


def measure_kl(model: rd.LinearGaussian, post: rd.EvidencePosterior, questions: int) -> list[float]:
    """Return KL(q | p) in nats a latent, by draws of q, for random evidence out of draws of the model."""
    rng, names, found = np.random.default_rng(1), model.net.names, []
    truths = model.simulate(questions, seed=2)
    for row in range(questions):
        chosen = rng.permutation(len(names))[: rng.integers(0, min(20, len(names) - 1) + 1)]
        given = {names[v]: float(truths[names[v]][row]) for v in chosen}
        gap = rd.query(model, given).log_evidence - post.importance(given, DRAWS).log_weights.mean()
        found.append(float(gap) / (len(names) - len(given)))
    return found


def main() -> None:
    """Train one network for each size, and ask it."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept = results.get("lines", {})
    for n in SIZES:
        model, started = make_lines(n), perf_counter()
        post = rd.amortize(model, evidence="any", exact=False, steps=STEPS, quiet=True)
        seconds = perf_counter() - started
        found = measure_kl(model, post, QUESTIONS)
        own = {
            "seconds": seconds,
            "steps": STEPS,
            "mean": float(np.mean(found)),
            "99 %": float(np.quantile(found, 0.99)),
        }
        print(n, own, flush=True)
        keep("lines", kept := kept | {str(n): own})


if __name__ == "__main__":
    main()
