"""The one training loop: whole epochs compiled, whatever is trained, on whatever a source gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import optax
from jaxtyping import Array, Float, Key

from retrodict.errors import RetrodictError
from retrodict.plan.counts import read_count
from retrodict.train.devices.agreement import agree, agree_on_arrays, require_same_shapes
from retrodict.train.devices.epochs import Epochs, Setting
from retrodict.train.devices.many_devices import Devices
from retrodict.train.history import History as History
from retrodict.train.history import find_gains
from retrodict.train.optimizers import choose_optimizer
from retrodict.train.pace import Pace, set_rate
from retrodict.train.progress import Progress
from retrodict.train.source import Source
from retrodict.train.steps import TrainingState

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
        seconds: time after which training ends with the epoch that it is in. Default: no limit.
        pace: how the rate falls and when training ends, for an optimizer that follows it (`choose_paced`). The start
            is judged, too, and the best parameters are kept. Default: neither.
        optimizer: an optax optimizer; it sees the objective of each minibatch as ``value``.
        piece: rows to differentiate at once, None for all. The objective must be a mean over rows, without randomness.
        report: gives numbers to record of the state of the optimizer.
    """

    steps: int = 5000
    batch: int = 128
    epoch: int = 25
    held_out: int = 1024
    patience: int | None = None
    seconds: float | None = None
    pace: Pace | None = None
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


class Judged(NamedTuple):
    """The held-out objective, and the standard error of its difference from that of the last epoch that gained."""

    objective: float
    noise: float


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
    judge: Callable[[Tree], float | Judged] | None = None,
    watch: Callable[[Tree], Mapping[str, float]] = lambda _: {},
    blame: Callable[[Tree, Batch], tuple[Any, ...]] = lambda *_: (),
    start: Moment | None = None,
    keep: Callable[[Moment], None] = lambda _: None,
    title: str = "train",
    quiet: bool = False,
    devices: Devices | None = None,
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
        devices: those over which the rows of minibatches are divided, in each process of a run; all processes must
            call this alike. Default: one device, in this process alone.

    Raises: `TrainingError` at the first step whose objective or gradient is not finite.
    """
    held = eqx.partition(trainable, learned)[1]
    moment = begin(trainable, plan, learned) if start is None else start
    if devices is not None:
        require_same_shapes(moment.state, moment.history.step, held, source, plan.steps, plan.batch, plan.epoch)
        moment, held = agree_on_arrays((moment, held))
    if plan.pace is not None and judge is not None and not moment.history.step:
        moment = replace(moment, history=_record(moment.history, 0, None, _ask(judge, trainable, devices), {}))
    clock = Clock(plan, devices)
    epochs = Epochs(held, source, key, Setting(objective, plan.optimizer, plan.piece, plan.epoch, devices))
    with Progress(title, plan.steps, quiet=quiet) as progress:
        while not _is_over(moment.history, plan) and not clock.is_over:
            if plan.pace is not None:
                moment = _set_pace(moment, plan.pace, clock.share(moment.history))
            done = moment.history.step[-1] if moment.history.step else 0
            state, mean = epochs.take(moment.state, done, min(plan.epoch, plan.steps - done))
            now: Tree = eqx.combine(state.parameters, held)
            if int(state.failed) >= 0:
                culprits = blame(now, source(key, state.failed))
                raise TrainingError(culprits, step=int(state.failed), trained=now, history=moment.history)
            watched = {**watch(now), **plan.report(state.optimizer)}
            judged = _ask(judge, now, devices) if judge else mean
            history = _record(moment.history, int(state.step), mean, judged, watched)
            if plan.pace is not None:
                history = _settle(history, plan.pace)
            moment = Moment(state, state.parameters if history.epochs_since_best == 0 else moment.best, history)
            keep(moment)
            progress.update(history.step[-1], mean)
    chosen = moment.state.parameters if _is_last_kept(moment.history, plan) else moment.best
    return eqx.combine(chosen if devices is None else devices.release(chosen), held), moment.history


def begin(trainable: Any, plan: Plan, learned: Any = eqx.is_inexact_array) -> Moment:
    """Return the moment before the first step."""
    parameters = eqx.filter(trainable, learned)
    return Moment(TrainingState.begin(parameters, plan.optimizer), parameters, History())


def _ask(judge: Callable[[Tree], float | Judged], now: Tree, devices: Devices | None) -> float | Judged:
    """Return what a judge says; in a run of many processes what that of the first says."""
    found = judge(now)
    if devices is None:
        return found
    return Judged(*agree(found)) if isinstance(found, Judged) else agree([found])[0]


def _record(
    history: History, step: int, mean: float | None, judged: float | Judged, watched: Mapping[str, float]
) -> History:
    """Return the history with one epoch more; where none was trained, its mean is what was judged."""
    if isinstance(judged, Judged):
        watched = {**watched, "noise": judged.noise}
        judged = judged.objective
    return history.extend(step, judged if mean is None else mean, judged, watched)


def _settle(history: History, pace: Pace) -> History:
    """Return the history with a mark at the last epoch whether the objective has stopped to fall."""
    settled = {**history.watched[-1], "settled": float(pace.find_plateau(history) is not None)}
    return replace(history, watched=(*history.watched[:-1], settled))


def _set_pace(moment: Moment, pace: Pace, spent: float) -> Moment:
    """Return the moment with the rate of its next epoch, at the best parameters if the rate has just fallen."""
    history, state = moment.history, moment.state
    optimizer = set_rate(state.optimizer, pace.rate(history, spent))
    parameters = moment.best if pace.has_fallen(history) else state.parameters
    return replace(moment, state=replace(state, parameters=parameters, optimizer=optimizer))


class Clock:
    """How much of the budget of a plan is spent, in steps or in seconds, whichever is more.

    In a run of many processes the seconds are those of the first.
    """

    def __init__(self, plan: Plan, devices: Devices | None = None) -> None:
        self._plan, self._devices, self._start = plan, devices, time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the seconds are over."""
        return self._plan.seconds is not None and self._spent >= self._plan.seconds

    @property
    def _spent(self) -> float:
        own = time.monotonic() - self._start
        return own if self._devices is None else agree([own])[0]

    def share(self, history: History) -> float:
        """Return the share that will be spent after the next epoch, at most."""
        steps = (history.step[-1] if history.step else 0) / self._plan.steps
        seconds = 0.0 if self._plan.seconds is None else self._spent / self._plan.seconds
        return min(1.0, max(steps, seconds))


def _is_last_kept(history: History, plan: Plan) -> bool:
    """Return whether the last parameters are kept, not the best: at the end of a pace where they are no worse.

    Of many epochs the best is so by chance where it lies within a few standard errors of the last, which has the lowest
    rate behind it (`Pace.tolerance`). Where nothing was gained at all, the start stays.
    """
    if plan.pace is None or not history.step:
        return plan.patience is None and plan.pace is None
    noise = history.watched[-1].get("noise", 0.0)
    return any(find_gains(history)) and history.test[-1] - min(history.test) <= plan.pace.tolerance * noise


def _is_over(history: History, plan: Plan) -> bool:
    if not history.step:
        return False
    if plan.pace is not None and plan.pace.is_over(history):
        return True
    stale = plan.patience is not None and history.steps_since_best >= plan.patience
    return stale or history.step[-1] >= plan.steps
