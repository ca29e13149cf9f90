"""One network for any evidence, against exact sums: python benchmarks/any_evidence.py child.bif.gz --steps 3000.

Evidence: 0 to 20 variables of a draw of the model. Printed: the mean and the 99th percentile of the total variation of
marginals, and seconds of training, of a query of the network and of an exact one.
"""

import argparse
from time import perf_counter

import jax
import numpy as np

import retrodict as rd


def draw_evidence(model, count, seed):
    """Return sets of known states, of 0 to 20 variables, from draws of the model."""
    rng = np.random.default_rng(seed)
    rows = np.asarray(model.draw(jax.random.key(seed), count)).astype(int)
    names = model.net.names
    for row in rows:
        chosen = rng.permutation(len(names))[: rng.integers(0, min(20, len(names) - 1) + 1)]
        yield {names[v]: model.states(names[v])[row[v]] for v in chosen}


def measure(model, posterior, count, draws, seed=1):
    """Return the total variations of all marginals, and the seconds of both ways."""
    errors, learned, exact = [], 0.0, 0.0
    for given in draw_evidence(model, count, seed):
        started = perf_counter()
        found = posterior.marginals(given, n=draws)
        learned += perf_counter() - started
        started = perf_counter()
        truth = rd.query(model, given)
        exact += perf_counter() - started
        errors += [
            sum(abs(p - found[name][state]) for state, p in row.items()) / 2 for name, row in truth.marginals.items()
        ]
    return np.array(errors), learned / count, exact / count


def main():
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=4096)
    options = parser.parse_args()
    model = rd.from_bif(options.file)
    started = perf_counter()
    posterior = rd.amortize_any(
        model, steps=options.steps, batch=options.batch, width=options.width, quiet=True, seed=0
    )
    training = perf_counter() - started
    errors, learned, exact = measure(model, posterior, options.queries, options.draws)
    print(
        f"{options.file}: mean total variation {errors.mean():.4f}, 99 % below {np.quantile(errors, 0.99):.3f}; "
        f"training {training:.0f} s, a query {learned:.3f} s, exact {exact:.3f} s"
    )


if __name__ == "__main__":
    main()
