"""One run: a model and its encoder of a structure and a capacity, learned from a seed, and what it is worth."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.build import count_parameters, count_stored
from retrodict.learn.enumeration import enumerate_bound, list_states
from retrodict.learn.expectation import expect
from retrodict.learn.fit import fit_model
from retrodict.learn.gap import split_gap
from retrodict.learn.learned import LearnedModel
from retrodict.learn.refine import EXACT, refine_encoder
from retrodict.paper.experiment import Fact, Result
from retrodict.paper.learned.tasks import (
    REFINING,
    REFINING_BATCH,
    LearnedBudget,
    Task,
    list_names,
    load_rows,
    require_task,
)
from retrodict.plan.capacity import Capacity
from retrodict.plan.layout import Floats
from retrodict.train.autoencoder import Pair
from retrodict.train.learning import estimate
from retrodict.train.loop import History, TrainingError
from retrodict.train.training import Training

CURVES = ("train", "test", "weighted")
SHOWN = 10  # images in a row of pictures


@dataclass(frozen=True, order=True)
class LearnedUnit:
    """What is run, stored and resumed as a whole.

    Facts, in nats an image and for the discrete model: ``elbo`` over all held-out images; ``weighed_elbo`` and
    ``log_likelihood`` over the first of them; ``split_elbo``, ``amortization``, ``approximation`` over fewer.
    With an enumerated model all are exact and over all held-out images, but for the gaps, and ``first_elbo`` is the
    bound before the encoder alone was trained on. ``in_use`` and ``stored``
    parameters of the encoder, ``edges`` and ``levels`` (depth of sampling) of its inverse; ``seconds`` of training,
    ``epoch_seconds`` (the median after the first); ``failed_at``: the step at which training failed, or None.

    Curves: the objective in training, the negative bound of the discrete model on held-out images, and the negative
    importance-weighted one, not a number where it was not taken.
    """

    model: str
    data: str
    encoder: str
    capacity: int
    seed: int

    @property
    def name(self) -> str:
        """A name for files and people."""
        return f"{self.model}-{self.data}-{self.encoder}-{self.capacity}-seed{self.seed}"


class _Watch:
    """Takes the time of each epoch, and now and then the importance-weighted bound."""

    def __init__(self, rows: Floats, budget: LearnedBudget, epochs: int) -> None:
        self._rows, self._draws = jnp.asarray(rows[: budget.mark_images]), budget.mark_draws
        self._every, self._epochs = max(1, epochs // budget.marks), epochs
        self._began = time.perf_counter()
        self.seconds: list[float] = []

    def __call__(self, pair: Pair) -> Mapping[str, float]:
        self.seconds.append(time.perf_counter() - self._began)
        epoch, taken = len(self.seconds), math.nan
        if epoch % self._every == 0 or epoch == self._epochs:
            taken = -float(estimate(pair, jax.random.key(epoch), self._rows, self._draws).mean())
        self._began = time.perf_counter()
        return {"weighted": taken}


def run_unit(unit: LearnedUnit, budget: LearnedBudget, quiet: bool = False) -> Result[LearnedUnit]:
    """Learn a model with its encoder and measure both; a training that fails is a result too."""
    task = require_task(unit.model)
    train, test, shape = load_rows(unit.data, task, budget)
    watch = _Watch(test, budget, budget.epochs_of(task))
    start = time.perf_counter()
    try:
        learned = _learn(unit, task, budget, watch, train, test, quiet)
    except TrainingError as error:
        return Result(unit, {"failed_at": error.step}, _list_curves(error.history))
    seconds = time.perf_counter() - start
    curves = _list_curves(learned.history)
    first = None
    if task.enumerated:
        epochs = min(REFINING, budget.epochs_of(task))
        first = _judge(task, learned, test, budget)["elbo"]
        learned = refine_encoder(
            learned, {"x": train}, EXACT, epochs=epochs, batch=REFINING_BATCH, learning_rate=3e-3, quiet=quiet
        )
    facts = _describe(unit, learned) | {
        "seconds": seconds,
        "epoch_seconds": float(np.median(watch.seconds[1:] or watch.seconds)),
        "first_elbo": first,
        "failed_at": None,
    }
    facts |= _judge(task, learned, test, budget) | _split(task, learned, test[: budget.split_images], budget)
    return Result(unit, facts, curves, _draw(learned, test[:SHOWN], shape))


def _learn(
    unit: LearnedUnit, task: Task, budget: LearnedBudget, watch: _Watch, train: Floats, test: Floats, quiet: bool
) -> LearnedModel:
    options = {name: option for name, option in task.options.items() if name != "objective"}
    return fit_model(  # type: ignore[call-overload]
        task.make(train.shape[1], unit.seed),
        {"x": train},
        unit.encoder,
        widths=Capacity(unit.capacity),
        objective=task.options["objective"],
        epochs=budget.epochs_of(task),
        training=Training(**options, held_out={"x": test}, watch=watch),
        seed=unit.seed,
        quiet=quiet,
    )


def _list_curves(history: History) -> dict[str, list[float]]:
    weighted = [float(at["weighted"]) for at in history.watched]
    return {"train": list(history.train), "test": list(history.test), "weighted": weighted}


def _describe(unit: LearnedUnit, learned: LearnedModel) -> dict[str, Fact]:
    inverse, encoder = learned.inverse, learned.pair.encoder
    return {
        "names": ", ".join(list_names(unit.model, unit.encoder)),
        "strategy": inverse.strategy,
        "faithful": int(bool(learned.certificate)),
        "edges": inverse.n_edges,
        "levels": inverse.depth,
        "latents": len(inverse.net.latents),
        "in_use": count_parameters(encoder),
        "stored": count_stored(encoder),
    }


def _judge(task: Task, learned: LearnedModel, test: Floats, budget: LearnedBudget) -> dict[str, Fact]:
    """Return bounds on held-out images, and the log-likelihood of the first of them."""
    if task.enumerated:
        score = eqx.filter_jit(enumerate_bound)
        bound, exact = score(learned.pair, list_states(learned.generator), jnp.asarray(test))
        elbo = float(bound.mean())
        return {"elbo": elbo, "weighed_elbo": elbo, "log_likelihood": float(exact.mean())}
    bounds = learned.bound({"x": test}, budget.judged)
    weighed = learned.log_likelihood({"x": test[: budget.weighed_images]}, budget.weights)
    return {
        "elbo": float(bounds.mean()),
        "weighed_elbo": float(bounds[: len(weighed)].mean()),
        "log_likelihood": float(weighed.mean()),
    }


def _split(task: Task, learned: LearnedModel, test: Floats, budget: LearnedBudget) -> dict[str, Fact]:
    """Return both parts of what the encoder loses on some held-out images."""
    options = {"objective": EXACT} if task.enumerated else {"objective": task.options["objective"]}
    end = None if task.temperature is None else task.temperature.end
    gap = split_gap(
        learned,
        {"x": test},
        budget.split_steps,
        temperature=end,
        judged=10 * budget.judged,
        weights=budget.weights,
        **options,
    )
    return {
        "split_elbo": float(gap.amortized.mean()),
        "amortization": float(gap.amortization.mean()),
        "approximation": float(gap.approximation.mean()),
    }


def _draw(learned: LearnedModel, test: Floats, shape: tuple[int, int]) -> dict[str, list[str]]:
    """Return images, their reconstructions, and what draws of the model expect."""
    latents = {name: value for name, value in learned.generate(SHOWN).items() if name != "x"}
    rows = {
        "data": test,
        "reconstructions": learned.reconstruct({"x": test})["x"],
        "samples": expect(learned.model, latents)["x"],
    }
    return {"shape": [str(side) for side in shape]} | {name: [_to_hex(row) for row in r] for name, r in rows.items()}


def _to_hex(row: Floats) -> str:
    return np.round(np.clip(row, 0, 1) * 255).astype(np.uint8).tobytes().hex()
