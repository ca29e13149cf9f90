"""One guide on one program, seed after seed: prints a line of JSON for each seed.

    python -m benchmarks.posteriors.guides.one_guide PROGRAM GUIDE OPTIMIZER STEPS SEEDS [--data FOLDER]

All guides take the same steps of the same optimizer from their own start. The bound is estimated anew at the end.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.infer import SVI, Trace_ELBO, autoguide

import retrodict as rd
from benchmarks.posteriors.catalog import load
from benchmarks.posteriors.entry import Entry

RATE, DRAWS, PIECE = 0.01, 10_000, 100


def _build(entry: Entry, **options: Any) -> rd.AutoFaithful:
    return rd.AutoFaithful(entry.guided, elementwise=entry.elementwise, **options)


GUIDES: dict[str, Callable[[Entry], Any]] = {
    "AutoFaithful": lambda entry: _build(entry),
    "AutoFaithful sinh-arcsinh": lambda entry: _build(entry, conditional="sinh-arcsinh"),
    "AutoFaithful spline": lambda entry: _build(entry, conditional="spline"),
    "AutoNormal": lambda entry: autoguide.AutoNormal(entry.guided),
    "AutoMultivariateNormal": lambda entry: autoguide.AutoMultivariateNormal(entry.guided),
    "AutoIAFNormal": lambda entry: autoguide.AutoIAFNormal(entry.guided),
    "AutoBNAFNormal": lambda entry: autoguide.AutoBNAFNormal(entry.guided),
}
OPTIMIZERS = {"Adam": numpyro.optim.Adam, "ClippedAdam": numpyro.optim.ClippedAdam}


class Took(NamedTuple):
    """Seconds until training could begin and for its compilation, and microseconds for a step."""

    setup: float
    compilation: float
    step: float


def train(svi: SVI, entry: Entry, steps: int, seeds: int) -> tuple[Any, jax.Array, Took]:
    """Return the states after training from each seed, the losses of all steps, seed by seed, and what took how long.

    Seeds come one after another, as they do for a user, so that the time of a step is that of one.
    """
    times = [time.perf_counter()]
    svi.init(jax.random.key(0), *entry.arguments)
    times.append(time.perf_counter())
    begin = jax.jit(lambda key: svi.init(key, *entry.arguments))  # arguments stay as they are: some are lengths
    started = [begin(jax.random.key(seed)) for seed in range(seeds)]
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), *started)
    times.append(time.perf_counter())

    def run(state: Any) -> Any:
        return jax.lax.scan(lambda held, _: svi.update(held, *entry.arguments), state, length=steps)

    compiled = jax.jit(lambda held: jax.lax.map(run, held)).lower(states).compile()
    times.append(time.perf_counter())
    trained, losses = jax.block_until_ready(compiled(states))
    times.append(time.perf_counter())
    setup, _, compilation, stepping = np.diff(times)
    return trained, losses, Took(setup, compilation, 1e6 * stepping / steps / seeds)


def estimate_bounds(svi: SVI, entry: Entry, states: Any) -> np.ndarray:
    """Return the terms of the bound of each seed (row), one for each draw."""
    keys = jax.random.split(jax.random.key(10_000), (DRAWS // PIECE, PIECE))

    def score(state: Any) -> jax.Array:
        parameters = svi.get_params(state)

        def score_one(key: jax.Array) -> jax.Array:
            return -svi.loss.loss(key, parameters, svi.model, svi.guide, *entry.arguments)

        return jax.lax.map(jax.vmap(score_one), keys).ravel()

    return np.asarray(jax.jit(lambda held: jax.lax.map(score, held))(states), dtype=float)


def run(entry: Entry, guide: str, optimizer: str, steps: int, seeds: int) -> Iterator[dict[str, Any]]:
    """Train a guide and estimate its bounds."""
    svi = SVI(entry.guided, GUIDES[guide](entry), OPTIMIZERS[optimizer](RATE), Trace_ELBO())
    states, losses, took = train(svi, entry, steps, seeds)
    terms = estimate_bounds(svi, entry, states)
    for seed, (row, loss) in enumerate(zip(terms, np.asarray(losses), strict=True)):
        finite = bool(np.isfinite(row).all())
        yield {
            "seed": seed,
            "elbo": round(float(row.mean()), 3) if finite else None,
            "error": round(float(row.std() / np.sqrt(len(row))), 4) if finite else None,
            "bad steps": int(np.sum(~np.isfinite(loss))),
            **{name: round(figure, 2) for name, figure in took._asdict().items()},
        }


def main() -> None:
    """Print the seeds of one guide on one program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("guide", choices=GUIDES)
    parser.add_argument("optimizer", choices=OPTIMIZERS)
    parser.add_argument("steps", type=int)
    parser.add_argument("seeds", type=int)
    parser.add_argument("--data", type=Path)
    told = parser.parse_args()
    warnings.simplefilter("ignore")
    for row in run(load(told.program, told.data), told.guide, told.optimizer, told.steps, told.seeds):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
