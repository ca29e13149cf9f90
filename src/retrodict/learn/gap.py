"""The loss of an encoder in two parts: what its structure cannot express, and what one network for all data misses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.learn.enumeration import enumerate_bound, list_states
from retrodict.learn.learned import LearnedModel
from retrodict.learn.refine import EXACT, choose_refining
from retrodict.plan.counts import read_count, read_rate, read_seed
from retrodict.plan.layout import Floats
from retrodict.train.autoencoder import Pair
from retrodict.train.devices.epochs import take_steps
from retrodict.train.learning import Estimate, mark_encoder
from retrodict.train.objectives.bounds import bound, elbo_per_row
from retrodict.train.optimizers import choose_optimizer
from retrodict.train.source import Fixed
from retrodict.train.steps import TrainingState
from retrodict.train.temperature import Heated, Temperature

Row = Float[Array, " observed"]
# Takes a pair, a key, one row and a number of draws.
Measure = Callable[[Pair, Key[Array, ""], Row, int], Float[Array, ""]]


@dataclass(frozen=True)
class Gap:
    r"""Three numbers of each observation, in nats, whose differences are the gaps.

    Arguments:
        amortized: bounds of the encoder, shape ``(n,)``.
        own: bounds of the same network trained for each observation alone, shape ``(n,)``.
        log_likelihood: log p(x), shape ``(n,)``.
    """

    amortized: Floats
    own: Floats
    log_likelihood: Floats

    @property
    def amortization(self) -> Floats:
        """What is lost because one network serves all observations."""
        return self.own - self.amortized

    @property
    def approximation(self) -> Floats:
        """What is lost because no network of this structure and family is the posterior."""
        return self.log_likelihood - self.own


def split_gap(
    learned: LearnedModel,
    data: Mapping[str, Any],
    steps: int = 300,
    *,
    objective: str = "elbo",
    draws: int = 8,
    temperature: float | None = None,
    learning_rate: float = 1e-3,
    judged: int = 2000,
    weights: int = 5000,
    chunk: int = 8,
    seed: int = 0,
) -> Gap:
    r"""Split what an encoder loses on each observation into approximation and amortization.

    Let q* be the encoder of the same structure and size after further training for one observation alone. Then
    :math:`\log p(x) - L(q) = [\log p(x) - L(q^*)] + [L(q^*) - L(q)]`. Where further training does not raise the bound
    on other draws, q* is q. The importance-weighted bound that stands for log p(x) is too low where q* is far narrower
    than the posterior; the approximation gap is then too small.

    Arguments:
        learned: a model learned by `fit_model`.
        data: values of each observed site, ``{site: array (n, *shape of the site)}``.
        steps: steps of training for each observation. Default 300.
        objective: an objective of `fit_model`, or ``"exact"``, which sums it and all bounds over all states of at most
            10 binary latents. Default ``"elbo"``.
        draws: draws of the encoder in a step. Default 8.
        temperature: the temperature at which binary latents are relaxed in training, never in bounds. Default: they
            are not relaxed.
        learning_rate: the first learning rate of Adam, which falls to zero along a cosine. Default 0.001.
        judged: draws of which a bound is the mean. Default 2000.
        weights: draws of q* for the importance-weighted bound that stands for log p(x). Default 5000.
        chunk: networks that are trained side by side. Default 8.
        seed: seed of all draws. Default 0.

    Returns: the `Gap`, in nats.

    Raises: `DataError` for data that do not fit the program, `OptionError` for options that do not fit, and
        `SizeError` for too many states.

    Source: Cremer, Li & Duvenaud 2018, section 3.1.

    >>> from retrodict import fit_model, zoo
    >>> data = {"x": np.random.default_rng(0).integers(0, 2, (64, 9))}
    >>> learned = fit_model(zoo.programs.vae(2, 9, hidden=(8,)), data, epochs=1, quiet=True)
    >>> split_gap(learned, {"x": data["x"][:3]}, steps=2, judged=10, weights=10).approximation.shape
    (3,)
    """
    counts = {"steps": steps, "draws": draws, "judged": judged, "weights": weights, "chunk": chunk}
    steps, draws, judged, weights, chunk = (read_count(name, number) for name, number in counts.items())
    chosen = Estimate(choose_refining(learned, objective, Temperature.of(temperature)), draws)
    rows = learned.read(data)
    train = partial(_train_one, learned.pair, chosen, steps, temperature, read_rate(learning_rate))
    lower, evidence = _choose_measures(learned, objective)

    @jax.jit
    def split(keys: Key[Array, " chunk"], rows: Float[Array, "chunk observed"]) -> Float[Array, "chunk three"]:
        return jax.vmap(partial(_split_one, learned.pair, train, lower, evidence, (judged, weights)))(keys, rows)

    keys = jax.random.split(jax.random.key(read_seed(seed)), len(rows))
    size = min(chunk, len(rows))
    found = []
    for start in range(0, len(rows), size):
        chosen_rows = (start + np.arange(size)) % len(rows)  # the last chunk is filled up
        found.append(np.asarray(split(keys[chosen_rows], rows[chosen_rows]))[: len(rows) - start])
    amortized, own, likelihood = np.concatenate(found).T
    return Gap(amortized, own, likelihood)


def _split_one(
    pair: Pair,
    train: Callable[[Key[Array, ""], Row], Pair],
    lower: Measure,
    evidence: Measure,
    counts: tuple[int, int],
    key: Key[Array, ""],
    row: Row,
) -> Float[Array, " three"]:
    """Return both bounds and the log-likelihood of one row."""
    train_key, choose_key, judge_key, weigh_key = jax.random.split(key, 4)
    judged, weights = counts
    own = train(train_key, row)
    helped = lower(own, choose_key, row, judged) > lower(pair, choose_key, row, judged)
    moving, fixed = eqx.partition(own, eqx.is_inexact_array)
    before = eqx.filter(pair, eqx.is_inexact_array)
    own = eqx.combine(jax.tree.map(lambda new, old: jnp.where(helped, new, old), moving, before), fixed)
    return jnp.stack(
        [
            lower(pair, judge_key, row, judged),
            lower(own, judge_key, row, judged),
            evidence(own, weigh_key, row, weights),
        ]
    )


def _train_one(
    pair: Pair,
    objective: Estimate,
    steps: int,
    temperature: float | None,
    learning_rate: float,
    key: Key[Array, ""],
    row: Row,
) -> Pair:
    """Return the pair with its encoder trained on for one row alone."""
    optimizer = choose_optimizer(learning_rate, steps)
    moving, held = eqx.partition(pair, mark_encoder(pair))
    source = Fixed(Heated(row[None], None if temperature is None else jnp.asarray(temperature)))
    begun = TrainingState.begin(moving, optimizer)
    state, _ = take_steps(begun, held, objective, optimizer, partial(source, key), key, steps)
    trained: Pair = eqx.combine(state.parameters, held)
    return trained


def _choose_measures(learned: LearnedModel, objective: str) -> tuple[Measure, Measure]:
    """Return the evidence lower bound and the log-likelihood of one row: exact, or from draws."""
    if objective == EXACT:
        states = list_states(learned.generator)
        return (
            lambda pair, key, row, draws: enumerate_bound(pair, states, row[None])[0][0],
            lambda pair, key, row, draws: enumerate_bound(pair, states, row[None])[1][0],
        )
    return (
        lambda pair, key, row, draws: elbo_per_row(pair, key, row[None], draws)[0],
        lambda pair, key, row, draws: bound(pair, key, row[None], draws)[0],
    )
