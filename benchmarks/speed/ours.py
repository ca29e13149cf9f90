"""Our own library as a contestant, through its public calls wherever they reach."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any
from unittest import mock

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import retrodict.encode.networks.network as network
from benchmarks.speed.problem import Problem
from benchmarks.speed.turns import Turns
from retrodict import invert, zoo
from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.encode.features import SCALING_DRAWS, Scaling
from retrodict.plan.dependencies import Dependencies
from retrodict.posterior import amortization
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.posterior.sharing import share
from retrodict.posterior.tables import supplies
from retrodict.train.inference import Simulate, fit
from retrodict.train.loop import Plan

ENDLESS = 10**7


def build(source: str, units: int, *, dense: bool = False, seed: int = 0) -> Any:
    """Return an untrained encoder with so many units for each parent set, if ``dense`` as masked matrices."""
    model = zoo.find(source)
    inverse = invert(model)
    latents, observed = share(model, inverse).simulate_codes(jax.random.key(seed), SCALING_DRAWS)
    scaling = Scaling.fit(jnp.concatenate([observed, latents], axis=-1))
    sets = len(set(map(tuple, Dependencies.of(inverse).parents.to_lists())))
    choice = mock.patch.object(network, "MOST_BLOCKS", 0) if dense else contextlib.nullcontext()
    with choice:
        return build_encoder(inverse, jax.random.key(seed), widths=(units * sets,) * 2, scaling=scaling)


def train(turns: Turns, problem: str, units: int, dense: bool, simulate: bool, steps: int) -> None:
    """Train as `fit` does, an epoch a turn, on new simulations or on given batches in some order."""
    given = Problem.load(problem)
    model = zoo.find(given.source)
    batch = given.batches.shape[1]
    draw = share(model, invert(model)).simulate_codes if simulate else _go_round(given)
    plan = Plan(steps=ENDLESS, batch=batch, epoch=steps, optimizer=optax.adam(1e-3))

    def watch(_: Encoder) -> Mapping[str, float]:
        turns.end(steps)
        turns.begin()
        return {}

    encoder = build(given.source, units, dense=dense)
    turns.begin()
    fit(encoder, draw, plan, jax.random.key(0), watch=watch, quiet=True)


def _go_round(given: Problem) -> Simulate:
    """Return a simulator that only picks one of the given batches, again and again where more rows are asked for."""
    batches, seen = jnp.asarray(given.batches), given.observed

    def pick(key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        batch = jax.lax.dynamic_index_in_dim(batches, jax.random.randint(key, (), 0, len(batches)), keepdims=False)
        rows = batch[:n] if n <= len(batch) else jnp.tile(batch, (-(-n // len(batch)), 1))[:n]
        return rows[:, seen:], rows[:, :seen]

    return pick


def sample(turns: Turns, problem: str, units: int, draws: int) -> None:
    """Draw from the posterior given one observation, through `AmortizedPosterior.sample`."""
    given = Problem.load(problem)
    model = zoo.find(given.source)
    posterior = AmortizedPosterior.of(model, invert(model), build(given.source, units))
    data = dict(zip(model.net.observed, given.judged[0, : given.observed].tolist(), strict=True))
    seed = 0
    while True:
        turns.begin()
        drawn = posterior.sample(data, draws, seed=seed)
        turns.end(depth=posterior.inverse.depth, finite=all(bool(np.isfinite(v).all()) for v in drawn.values()))
        seed += 1


def sample_by_evaluations(turns: Turns, problem: str, units: int, draws: int, dense: bool) -> None:
    """Draw with one evaluation of the whole network for each step along the inverse, as masked flows do."""
    given = Problem.load(problem)
    encoder = build(given.source, units, dense=dense)
    level, depth = jnp.array(encoder.structure.level), encoder.structure.depth
    center, spread = encoder.scaling
    seen = given.observed

    @eqx.filter_jit
    def draw(encoder: Any, key: jax.Array, observed: jax.Array) -> jax.Array:
        x = jnp.broadcast_to((observed - center[:seen]) / spread[:seen], (draws, seen))

        def step(i: jax.Array, latents: jax.Array) -> jax.Array:
            drawn = encoder.conditional.sample(
                jax.random.fold_in(key, i), encoder.network(jnp.concatenate([x, latents], axis=1))
            )
            return jnp.where(level == i, drawn, latents)

        latents = jax.lax.fori_loop(0, depth, step, jnp.zeros((draws, len(level))))
        return latents * spread[seen:] + center[seen:]

    observed = jnp.asarray(given.judged[0, :seen])
    seed = 0
    while True:
        turns.begin()
        drawn = np.asarray(draw(encoder, jax.random.key(seed), observed))
        turns.end(depth=depth, finite=bool(np.isfinite(drawn).all()))
        seed += 1


class _ReachedError(Exception):
    """Training can stop."""


def reach(turns: Turns, problem: str, target: float, options: Mapping[str, Any]) -> None:
    """Amortize until the distance from the exact posterior is reached; a seed a turn, each compiled anew."""
    given = Problem.load(problem)
    model = zoo.find(given.source)
    measure = _measure(given)
    for seed in range(ENDLESS):
        jax.clear_caches()  # type: ignore[no-untyped-call]
        turns.begin()
        path: list[tuple[float, float]] = []

        def watch(encoder: Encoder, path: list[tuple[float, float]] = path) -> Mapping[str, float]:
            with turns.pause():
                nats = measure(encoder)
            path.append((turns.seconds(), nats))
            if nats <= target:
                raise _ReachedError
            return {}

        try:
            with mock.patch.object(supplies, "fit", _watched(watch)):
                posterior = amortization.amortize(model, seed=seed, quiet=True, **options)
            untrained = [] if path else [_measure_untrained(turns, given, posterior)]
        except _ReachedError:
            untrained = []
        turns.end(**_describe_path(path or untrained, target, 0 if untrained else Plan.epoch))


def _measure_untrained(turns: Turns, given: Problem, posterior: AmortizedPosterior) -> tuple[float, float]:
    """Return the time by now, and the KL of a posterior from the exact one in nats a latent, which is not timed."""
    net, seen = posterior.model.net, given.observed
    data = dict(zip(net.observed, given.judged[:, :seen].T, strict=True))
    latents = {name: column[None] for name, column in zip(net.latents, given.judged[:, seen:].T, strict=True)}
    with turns.pause():
        gap = given.log_posterior - posterior.log_prob(latents, data)[0].astype(np.float64)
    return turns.seconds(), float(gap.mean()) / given.latents


def _watched(watch: Callable[[Encoder], Mapping[str, float]]) -> Callable[..., Any]:
    def fit_watched(*arguments: Any, **options: Any) -> Any:
        return fit(*arguments, **options, watch=watch)

    return fit_watched


def _measure(given: Problem) -> Callable[[Encoder], float]:
    """Return a function that gives the KL from the exact posterior in nats a latent."""
    seen = given.observed
    latents, observed = jnp.asarray(given.judged[:, seen:]), jnp.asarray(given.judged[:, :seen])
    log_prob = eqx.filter_jit(lambda encoder: encoder.log_prob(latents, observed))

    def measure(encoder: Encoder) -> float:
        gap = given.log_posterior - np.asarray(log_prob(encoder), dtype=np.float64)
        return float(gap.mean()) / given.latents

    return measure


def _describe_path(path: list[tuple[float, float]], target: float, epoch: int) -> dict[str, Any]:
    """Return what was reached and when; without compiling, every epoch counts as the median one."""
    times = [seconds for seconds, _ in path]
    each = median(np.diff(times).tolist()) if len(times) > 1 else times[0]
    best = min(nats for _, nats in path)
    return {
        "best": best,
        "reached": best <= target,
        "steps": epoch * len(path),
        "without_compiling": each * len(path),
    }


def grow(turns: Turns, source: str, batch: int, draws: int, repeats: int) -> None:
    """Go all the way from a model to draws, a stage a turn: invert, build, compile and train, compile and draw."""
    turns.begin()
    model = zoo.find(source)
    inverse = invert(model)
    latents = len(model.net.latents)
    turns.end(stage="invert", edges=inverse.n_edges, latents=latents, depth=inverse.depth)
    turns.begin()
    simulate = share(model, inverse).simulate_codes
    scaling = Scaling.fit(jnp.concatenate(simulate(jax.random.key(0), SCALING_DRAWS)[::-1], axis=-1))
    encoder = build_encoder(inverse, jax.random.key(0), scaling=scaling)
    turns.end(stage="build")
    epoch = max(10, min(500, 50_000 // latents))
    plan = Plan(steps=epoch * (repeats + 1), batch=batch, epoch=epoch, optimizer=optax.adam(1e-3))

    def watch(_: Encoder) -> Mapping[str, float]:
        turns.end(epoch, stage="train")
        turns.begin()
        return {}

    turns.begin()
    trained, _ = fit(encoder, simulate, plan, jax.random.key(0), watch=watch, quiet=True)
    with turns.pause():
        posterior = AmortizedPosterior.of(model, inverse, trained)
        simulated = model.simulate(seed=1, n=1)
        data = {name: float(simulated[name][0]) for name in model.net.observed}
    for seed in range(repeats + 1):
        posterior.sample(data, draws, seed=seed)
        turns.end(draws / 1000, stage="draw", megabytes=_peak())
        turns.begin()
    turns.end(stage="end")


def _peak() -> float:
    """Return the most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
