"""The one training loop: whole epochs compiled, whatever is trained, on whatever a source gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Float, Key

from retrodict.errors import RetrodictError
from retrodict.plan.counts import read_count
from retrodict.train.compiled import TRAINING
from retrodict.train.history import History as History
from retrodict.train.optimizers import choose_optimizer
from retrodict.train.progress import Progress
from retrodict.train.source import Source, Step
from retrodict.train.steps import TrainingState, average

Tree = TypeVar("Tree")
Batch = TypeVar("Batch")
# What is minimized: a function of what is trained, of randomness of its own, and of a minibatch.
Loss = Callable[[Tree, Key[Array, ""], Batch], Float[Array, ""]]


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    Arguments:
        steps: number of minibatches.
        batch: rows of a minibatch.
        epoch: steps after which the state is judged and recorded.
        held_out: simulations that training does not see, by which it is judged.
        patience: steps without a better judgement after which training ends, rounded up to whole epochs; the
            parameters of the best epoch are kept. None: all steps are taken, and the last parameters are kept.
        optimizer: an optax optimizer; it sees the objective of each minibatch as ``value``.
        piece: rows to differentiate at once, None for all. The objective must be a mean over rows, without randomness.
        report: gives numbers to record of the state of the optimizer.
    """

    steps: int = 5000
    batch: int = 128
    epoch: int = 25
    held_out: int = 1024
    patience: int | None = None
    optimizer: optax.GradientTransformation = field(default_factory=lambda: optax.adam(1e-3))
    piece: int | None = None
    report: Callable[[Any], Mapping[str, float]] = lambda _: {}

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "epoch", "held_out", "patience", "piece"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, read_count(name, getattr(self, name)))

    @classmethod
    def of_epochs(
        cls,
        rows: int,
        epochs: int,
        batch: int,
        learning_rate: float,
        schedule: str = "cosine",
        patience: int | None = None,
    ) -> Plan:
        """Return the plan of passes over a number of rows; ``patience`` counts passes, too.

        >>> plan = Plan.of_epochs(rows=100, epochs=3, batch=32, learning_rate=1e-3, patience=2)
        >>> plan.steps, plan.epoch, plan.patience
        (9, 3, 6)
        """
        batch = min(batch, rows)
        passing = rows // batch
        optimizer = choose_optimizer(learning_rate, epochs * passing, schedule)
        waits = None if patience is None else patience * passing
        return cls(epochs * passing, batch, passing, patience=waits, optimizer=optimizer)


class Moment(eqx.Module):
    """Where training stands after an epoch: enough to go on from there."""

    state: TrainingState
    best: Any
    history: History = eqx.field(static=True)


class TrainingError(RetrodictError, FloatingPointError):
    """The objective or its gradient was not finite.

    ``step`` is the minibatch at which it happened, ``trained`` has the parameters before it, ``history`` the epochs
    before it.
    """

    def __init__(self, variables: tuple[Any, ...], *, step: int, trained: Any, history: History) -> None:
        self.step, self.trained, self.history = step, trained, history
        where = ", where the density of {names} is not finite" if variables else ""
        super().__init__(
            f"the objective is not finite at step {step}{where}",
            variables,
            remedy="Lower the learning rate, or check the model; error.trained holds the last good parameters.",
        )


def train(
    trainable: Tree,
    objective: Loss[Tree, Batch],
    source: Source[Batch],
    plan: Plan,
    key: Key[Array, ""],
    *,
    learned: Any = eqx.is_inexact_array,
    judge: Callable[[Tree], float] | None = None,
    watch: Callable[[Tree], Mapping[str, float]] = lambda _: {},
    blame: Callable[[Tree, Batch], tuple[Any, ...]] = lambda *_: (),
    start: Moment | None = None,
    keep: Callable[[Moment], None] = lambda _: None,
    title: str = "train",
    quiet: bool = False,
) -> tuple[Tree, History]:
    """Return what is trained after training, and its history.

    Arguments:
        trainable: any tree, such as an encoder, or a model together with its encoder.
        objective: ``objective(trainable, key, batch)``, to be minimized; equal ones share compiled programs.
        source: gives the minibatch of each step.
        plan: how long and how fast.
        key: for minibatches and for the randomness of the objective.
        learned: marks what is learned, a tree of truth values or a function of leaves. Default: floating-point arrays.
        judge: gives what is recorded as the held-out objective after each epoch. Default: the mean over the epoch.
        watch: gives numbers to be recorded after each epoch.
        blame: names the variables to which a minibatch gives a density that is not finite.
        start: a moment to go on from, to the same end as without a stop.
        keep: is called with the moment after each epoch.
        title: what stands before the progress.
        quiet: True shows no progress.

    Raises: `TrainingError` at the first step whose objective or gradient is not finite.
    """
    held = eqx.partition(trainable, learned)[1]
    moment = begin(trainable, plan, learned) if start is None else start
    with Progress(title, plan.steps, quiet=quiet) as progress:
        while not _is_over(moment.history, plan):
            state, mean = _take_epoch(moment, held, objective, source, plan, key)
            now: Tree = eqx.combine(state.parameters, held)
            if int(state.failed) >= 0:
                culprits = blame(now, source(key, state.failed))
                raise TrainingError(culprits, step=int(state.failed), trained=now, history=moment.history)
            watched = {**watch(now), **plan.report(state.optimizer)}
            history = moment.history.extend(int(state.step), mean, judge(now) if judge else mean, watched)
            moment = Moment(state, state.parameters if history.epochs_since_best == 0 else moment.best, history)
            keep(moment)
            progress.update(history.step[-1], mean)
    chosen = moment.state.parameters if plan.patience is None else moment.best
    return eqx.combine(chosen, held), moment.history


def begin(trainable: Any, plan: Plan, learned: Any = eqx.is_inexact_array) -> Moment:
    """Return the moment before the first step."""
    parameters = eqx.filter(trainable, learned)
    return Moment(TrainingState.begin(parameters, plan.optimizer), parameters, History())


def _is_over(history: History, plan: Plan) -> bool:
    if not history.step:
        return False
    stale = plan.patience is not None and history.steps_since_best >= plan.patience
    return stale or history.step[-1] >= plan.steps


def _take_epoch(
    moment: Moment, held: Any, objective: Any, source: Source[Any], plan: Plan, key: Key[Array, ""]
) -> tuple[TrainingState, float]:
    """Return the state after an epoch, which may be a short one at the end, and the mean of its objective."""
    done = moment.history.step[-1] if moment.history.step else 0
    steps = min(plan.epoch, plan.steps - done)
    setting = objective, plan.optimizer, plan.piece, plan.epoch, steps
    state, losses = TRAINING.run(_run_epoch, moment.state, held, source, key, setting)
    return state, float(losses.mean())


def _run_epoch(
    state: TrainingState, held: Any, source: Source[Any], key: Key[Array, ""], setting: tuple[Any, ...]
) -> tuple[TrainingState, Float[Array, " steps"]]:
    objective, optimizer, piece, epoch, steps = setting
    shared = source.share(key, state.step, epoch)
    _, own = jax.random.split(jax.random.fold_in(key, state.step))
    return take_steps(state, held, objective, optimizer, partial(shared, key), own, steps, piece)


def take_steps(
    state: TrainingState,
    held: Any,
    objective: Loss[Any, Batch],
    optimizer: optax.GradientTransformation,
    draw: Callable[[Step], Batch],
    key: Key[Array, ""],
    steps: int,
    piece: int | None = None,
) -> tuple[TrainingState, Float[Array, " steps"]]:
    """Return the state after many steps, in one program, and the objective of each.

    In a step a minibatch is drawn, and the objective differentiated by the parameters; with ``held``, which is not
    learned, they make what is trained.
    """

    def measure(parameters: Any, own: Key[Array, ""], batch: Batch) -> Float[Array, ""]:
        return objective(eqx.combine(parameters, held), own, batch)

    def advance(state: TrainingState, _: None) -> tuple[TrainingState, Float[Array, ""]]:
        differentiate = partial(eqx.filter_value_and_grad(measure), state.parameters)
        own = jax.random.fold_in(key, state.step)
        loss, gradient = average(partial(differentiate, own), draw(state.step), piece)
        return state.take(optimizer, loss, gradient), loss

    return jax.lax.scan(advance, state, length=steps)
