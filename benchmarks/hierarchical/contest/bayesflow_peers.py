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

BATCH, EPOCH, LEAST, MOST = 64, 20, 4, 100_000  # simulations, steps, and the least and greatest number of epochs
RATE, WARM = 5e-4, 0.05
FEWER, AT_ONCE = 100, 50  # for estimators whose draws take long
Arrays = dict[str, Any]


class Clock(keras.callbacks.Callback):
    """Ends training when its seconds of the processor are spent, and lets the learning rate fall with them.

    The rate is that of BayesFlow's workflows: it rises for a twentieth of the time, and falls along a cosine. An epoch
    counts as the median of all does, so that compilation does not count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ends = [time.process_time()]

    @property
    def spent(self) -> float:
        """Seconds that all epochs take, each as long as the one in the middle."""
        return float(np.median(np.diff(self.ends)) * (len(self.ends) - 1)) if len(self.ends) > LEAST else 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the learning rate."""
        share = min(self.spent / BUDGET, 1.0)
        fallen = 0.5 + 0.5 * np.cos(np.pi * max(share - WARM, 0.0) / (1 - WARM))
        self.model.optimizer.learning_rate.assign(RATE * min(0.1 + 0.9 * share / WARM, 1.0) * fallen)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop where the budget is spent."""
        self.ends.append(time.process_time())
        self.model.stop_training = self.spent >= BUDGET


def make_optimizer() -> Any:
    """Return the optimizer of BayesFlow's workflows for online training, with a rate that the clock sets."""
    return keras.optimizers.Adam(RATE, clipnorm=1.5)


def state_cost(
    answer: Callable[[Simulations, int], Any], clock: Clock, draws: int = DRAWS, at_once: int = DRAWS
) -> Trained:
    """Return what was trained, with its seconds of the processor, steps and simulations."""
    steps = EPOCH * (len(clock.ends) - 1)
    return Trained(answer, clock.spent, steps, steps * BATCH, draws, at_once)


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

    keras.utils.set_random_seed(0)
    flow = bf.BasicWorkflow(
        simulator=bf.simulators.LambdaSimulator(simulate, is_batched=True),
        adapter=bf.Adapter().convert_dtype("float64", "float32"),
        inference_network=bf.networks.CouplingFlow(),
        summary_network=make_summary(task),
        optimizer=make_optimizer(),
    )
    clock = Clock()
    flow.fit_online(MOST, EPOCH, BATCH, callbacks=[clock], verbose=0)
    return state_cost(partial(answer_flat, task, flow), clock)


def answer_flat(task: Task, flow: Any, question: Simulations, draws: int) -> Any:
    """Return draws of what is asked, all data sets at once."""
    found = flow.estimator.sample(num_samples=draws, conditions=describe(task, question))
    return unbound(task, found["inference_variables"], back=True)


# -- the autoregressive estimator: all states of a series, one after the other -----------------------------------


def train_series(task: Task) -> Trained:
    """Train the smoother of BayesFlow with its own encoder and decoder, on padded series with their masks."""
    rng = np.random.default_rng(0)

    def simulate(batch_shape: Any) -> Arrays:
        drawn = task.simulate(rng, batch_shape[0])
        return as_floats(inference_variables=drawn.asked[..., None]) | describe_series(task, drawn)

    keras.utils.set_random_seed(0)
    adapter = bf.Adapter().convert_dtype("float64", "float32")
    estimator = bf.estimators.AutoregressiveEstimator(inference_network=bf.networks.CouplingFlow(), adapter=adapter)
    estimator.compile(optimizer=make_optimizer())
    draw = bf.simulators.LambdaSimulator(simulate, is_batched=True)
    online = bf.datasets.OnlineDataset(draw, batch_size=BATCH, num_batches=EPOCH, adapter=adapter)
    clock = Clock()
    estimator.fit(dataset=online, epochs=MOST, callbacks=[clock], verbose=0)
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
    keras.utils.set_random_seed(0)
    levels = (make_schools if task.dim == "schools" else make_hierarchy)(task, np.random.default_rng(0))
    graph = levels.graph.expand().invert()
    flows = [bf.networks.CouplingFlow() for _ in graph.networks()]
    estimator = MultilevelEstimator(graph, inference_networks=flows)
    estimator.compile(optimizer=make_optimizer())
    clock = Clock()
    estimator.fit(simulator=levels, batch_size=BATCH, num_batches=EPOCH, epochs=MOST, callbacks=[clock], verbose=0)
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
