"""BayesFlow 2.1 in the contest: its estimators of levels and of series, and a flat one with a set transformer.

Run with ``python -m benchmarks.hierarchical.contest.bayesflow_peers KIND [task ...]``, where KIND is multilevel, series
or flat, in an environment of Python 3.12 or 3.13 with ``pip install bayesflow==2.1.0 jax``. It needs no retrodict.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", "build/contest/compiled")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import bayesflow as bf
import keras
import numpy as np
from bayesflow.experimental.multilevel_estimator import MultilevelEstimator
from bayesflow.experimental.multilevel_simulator import MultilevelSimulator, from_table

from benchmarks.hierarchical.contest.arena import BUDGET, DRAWS, Trained, enter
from benchmarks.hierarchical.contest.models import MEMBERS, SCHOOL_SCALE, TASKS, Simulations, Task, fill_rows, unbound

BATCH, EPOCH, TRIAL, SHARE = 64, 20, 4, 0.9
FEWER, AT_ONCE = 100, 50  # for estimators whose draws take long
Arrays = dict[str, Any]


class Clock(keras.callbacks.Callback):
    """Ends training when its seconds of the processor are spent, and knows how long an epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.ends = time.process_time(), []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop where the next epoch would not fit."""
        self.ends.append(time.process_time())
        if self.ends[-1] - self.begun > BUDGET - self.epoch_seconds():
            self.model.stop_training = True

    def epoch_seconds(self) -> float:
        """Return the seconds of the quickest epoch: nothing was compiled in it."""
        return float(np.diff([self.begun, *self.ends]).min())


def fit_twice(fit: Callable[[int, Clock], Any]) -> tuple[Any, Clock]:
    """Return what is fitted in the budget; a short trial before, not counted, tells how many epochs this will be.

    The learning rate falls along a cosine over all epochs, as BayesFlow does it, so their number must be known. What
    the trial compiles is kept, so compilation hardly counts.
    """
    trial = Clock()
    fit(TRIAL, trial)
    print("trial, seconds of each epoch:", np.diff([trial.begun, *trial.ends]).round(2), flush=True)
    clock = Clock()
    return fit(max(TRIAL, int(SHARE * BUDGET / trial.epoch_seconds())), clock), clock


# -- the flat estimator: global latents and one group, of a padded set of groups --------------------------------


def describe(task: Task, drawn: Simulations) -> Arrays:
    """Return data in the form of the flat estimator: the first group, which is asked, is a condition of its own."""
    rows, here = fill_rows(task, drawn)
    own = np.concatenate([rows[:, 0], np.sqrt(drawn.sizes)[:, None]], axis=-1)
    return as_floats(summary_variables=rows, inference_conditions=own) | {"summary_mask": here}


def as_floats(**arrays: Any) -> Arrays:
    """Return arrays in single precision."""
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def make_summary(task: Task) -> Any:
    """Return the summary network that BayesFlow has for sets of varying size, or for series."""
    return bf.networks.TimeSeriesTransformer() if task.dim == "t" else bf.networks.SetTransformer()


def train_flat(task: Task) -> Trained:
    """Train a coupling flow on simulations as they are drawn."""
    rng = np.random.default_rng(0)

    def simulate(batch_shape: Any) -> Arrays:
        drawn = task.simulate(rng, batch_shape[0])
        return as_floats(inference_variables=unbound(task, task.read(drawn))) | describe(task, drawn)

    def fit(epochs: int, clock: Clock) -> Any:
        keras.utils.set_random_seed(0)
        flow = bf.BasicWorkflow(
            simulator=bf.simulators.LambdaSimulator(simulate, is_batched=True),
            adapter=bf.Adapter().convert_dtype("float64", "float32"),
            inference_network=bf.networks.CouplingFlow(),
            summary_network=make_summary(task),
        )
        flow.fit_online(epochs, EPOCH, BATCH, callbacks=[clock], verbose=0)
        return flow

    flow, clock = fit_twice(fit)
    return state_cost(partial(answer_flat, task, flow), clock)


def answer_flat(task: Task, flow: Any, question: Simulations, draws: int) -> Any:
    """Return draws of what is asked, all data sets at once."""
    found = flow.estimator.sample(num_samples=draws, conditions=describe(task, question))
    return unbound(task, found["inference_variables"], back=True)


def state_cost(
    answer: Callable[[Simulations, int], Any], clock: Clock, draws: int = DRAWS, at_once: int = DRAWS
) -> Trained:
    """Return what was trained, with its seconds of the processor, steps and simulations."""
    steps = EPOCH * len(clock.ends)
    return Trained(answer, clock.ends[-1] - clock.begun, steps, steps * BATCH, draws, at_once)


# -- the autoregressive estimator: all states of a series, one after the other -----------------------------------


def train_series(task: Task) -> Trained:
    """Train the smoother of BayesFlow with its own encoder and decoder, on padded series with their masks."""
    rng = np.random.default_rng(0)

    def simulate(batch_shape: Any) -> Arrays:
        drawn = task.simulate(rng, batch_shape[0])
        return as_floats(inference_variables=drawn.asked[..., None]) | describe_series(task, drawn)

    def fit(epochs: int, clock: Clock) -> Any:
        keras.utils.set_random_seed(0)
        adapter = bf.Adapter().convert_dtype("float64", "float32")
        estimator = bf.estimators.AutoregressiveEstimator(inference_network=bf.networks.CouplingFlow(), adapter=adapter)
        estimator.compile(optimizer=make_optimizer(epochs))
        draw = bf.simulators.LambdaSimulator(simulate, is_batched=True)
        online = bf.datasets.OnlineDataset(draw, batch_size=BATCH, num_batches=EPOCH, adapter=adapter)
        estimator.fit(dataset=online, epochs=epochs, callbacks=[clock], verbose=0)
        return estimator

    estimator, clock = fit_twice(fit)
    return state_cost(partial(answer_series, task, estimator), clock, FEWER, AT_ONCE)


def describe_series(task: Task, drawn: Simulations) -> Arrays:
    """Return data in the form of the autoregressive estimator."""
    rows, here = fill_rows(task, drawn)
    return as_floats(summary_variables=rows) | {"summary_mask": here, "inference_mask": here}


def answer_series(task: Task, estimator: Any, question: Simulations, draws: int) -> Any:
    """Return draws of the first state, the middle one and the last of all data sets at once."""
    found = estimator.sample(num_samples=draws, conditions=describe_series(task, question))
    size = question.data.shape[1]
    return found["inference_variables"][:, :, [0, size // 2, size - 1], 0]


def make_optimizer(epochs: int) -> Any:
    """Return the optimizer that a workflow of BayesFlow has for online training, for estimators without one."""
    flow = bf.BasicWorkflow(inference_variables=["x"])
    return flow.build_optimizer(epochs, EPOCH, strategy="online")


# -- the multilevel estimator: the groups of all data sets in long format ----------------------------------------


def make_hierarchy(task: Task, rng: np.random.Generator) -> Any:
    """Return the simulator of means of groups; cells that are missing are no rows."""

    def draw_mu(batch_size: int) -> Arrays:
        return as_floats(mu=rng.normal(size=(batch_size, 1)))

    def draw_theta(mu: Any, batch_size: int) -> Arrays:
        return as_floats(theta=mu + np.sqrt(0.5) * rng.normal(size=(batch_size, 1)))

    def draw_y(theta: Any, batch_size: int) -> Arrays:
        return as_floats(y=theta + rng.normal(size=(batch_size, 1)))

    def count_members(size: int) -> Any:
        return rng.binomial(MEMBERS, 1 - task.missing, size)

    return make_levels(task, rng, draw_mu, draw_theta, draw_y, count_members if task.missing else MEMBERS)


def make_schools(task: Task, rng: np.random.Generator) -> Any:
    """Return the simulator of schools; the error of each is a known column beside its value."""

    def draw_globals(batch_size: int) -> Arrays:
        mu, tau = rng.normal(size=(batch_size, 1)), np.abs(rng.normal(size=(batch_size, 1)))
        return as_floats(mu=mu, log_tau=np.log(tau))

    def draw_theta(mu: Any, log_tau: Any, batch_size: int) -> Arrays:
        return as_floats(theta=mu + np.exp(log_tau) * rng.normal(size=(batch_size, 1)))

    def draw_y(theta: Any, batch_size: int) -> Arrays:
        log_error = np.log(np.exp(2.5 + 0.4 * rng.normal(size=(batch_size, 1))) / SCHOOL_SCALE)
        return as_floats(y=theta + np.exp(log_error) * rng.normal(size=(batch_size, 1)), log_error=log_error)

    return make_levels(task, rng, draw_globals, draw_theta, draw_y, 1)


def make_levels(task: Task, rng: np.random.Generator, top: Any, group: Any, cell: Any, members: Any) -> Any:
    """Return a simulator of two levels, with a number of groups of its own for each data set."""
    levels = MultilevelSimulator(lambda: {"groups": rng.integers(task.least, task.most + 1)}, is_batched=True)
    levels.add_node("top", top)
    levels.add_node("group", group, reps="groups")
    levels.add_node("cell", cell, reps=members)
    levels.add_edge("top", "group")
    levels.add_edge("group", "cell")
    return levels


def train_multilevel(task: Task) -> Trained:
    """Train the estimator that the graph of the simulator asks for, with its encoders."""
    make = make_schools if task.dim == "schools" else make_hierarchy

    def fit(epochs: int, clock: Clock) -> Any:
        keras.utils.set_random_seed(0)
        levels = make(task, np.random.default_rng(0))
        graph = levels.graph.expand().invert()
        flows = [bf.networks.CouplingFlow() for _ in graph.networks()]
        estimator = MultilevelEstimator(graph, inference_networks=flows)
        estimator.compile(optimizer=make_optimizer(epochs))
        estimator.fit(
            simulator=levels, batch_size=BATCH, num_batches=EPOCH, epochs=epochs, callbacks=[clock], verbose=0
        )
        return levels, estimator

    (levels, estimator), clock = fit_twice(fit)
    return state_cost(partial(answer_multilevel, task, levels, estimator), clock, FEWER, AT_ONCE)


def answer_multilevel(task: Task, levels: Any, estimator: Any, question: Simulations, draws: int) -> Any:
    """Return draws of what is asked, all data sets at once."""
    places = np.argwhere(~np.isnan(question.data))
    table = {"dataset": places[:, 0], "school": places[:, 1], "y": question.data[tuple(places.T)].astype(np.float32)}
    if question.errors is not None:
        table["log_error"] = np.log(question.errors[tuple(places.T)]).astype(np.float32)
    observed = from_table(levels.graph, table, {"dataset": "dataset", "group": "school"})
    found = estimator.sample(num_samples=draws, conditions=observed)
    first = np.unique(observed["group"].indices["dataset"], return_index=True)[1]
    columns = [
        found["group"].values["theta"][first] if name == "theta[0]" else found["top"].values[state(name)]
        for name in task.asked
    ]
    return unbound(task, np.concatenate(columns, axis=-1), back=True)


def state(name: str) -> str:
    """Return the variable of the simulator that stands for one that is asked."""
    return "log_tau" if name == "tau" else name


KINDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "flat": ("BayesFlow, flat", dict.fromkeys(TASKS, train_flat)),
    "series": (
        "BayesFlow, autoregressive",
        {name: train_series for name, task in TASKS.items() if task.dim == "t"},
    ),
    "multilevel": (
        "BayesFlow, multilevel",
        {name: train_multilevel for name, task in TASKS.items() if task.dim != "t"},
    ),
}


def main(kind: str, names: list[str]) -> None:
    """Enter the estimator that is named, for these tasks or for all that it can state."""
    entrant, trains = KINDS[kind]
    enter(entrant, trains, names)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
