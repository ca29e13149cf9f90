"""The one training loop: whole epochs compiled, fresh simulations inside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder
from retrodict.errors import OptionError, RetrodictError
from retrodict.train.compiled import TRAINING
from retrodict.train.history import History as History
from retrodict.train.objectives.cross_entropy import Loss, cross_entropy
from retrodict.train.progress import Progress
from retrodict.train.steps import State

# Rows are differentiated together while their widest layer has at most so many numbers: 4 MiB, what caches hold.
PIECE = 2**20
LEAST_ROWS = 64
# The gradient of a piece is added to that of the others; this is repaid where activations outnumber weights so often.
REPAYS = 8

Pair = tuple[Float[Array, "batch latents"], Float[Array, "batch observed"]]
Simulate = Callable[[Key[Array, ""], int], Pair]


@dataclass(frozen=True)
class Fit:
    """A trained encoder and how it got there."""

    encoder: Encoder
    history: History


class TrainingError(RetrodictError, FloatingPointError):
    """The objective or its gradient was not finite.

    ``step`` is the minibatch at which it happened, ``encoder`` has the parameters before it, ``history`` the
    epochs before it.
    """

    def __init__(self, variables: tuple[Any, ...], *, step: int, encoder: Encoder, history: History) -> None:
        self.step, self.encoder, self.history = step, encoder, history
        super().__init__(
            f"the objective was not finite at step {step}, at",
            variables,
            remedy="Lower the learning rate, or check the model; error.encoder holds the last good parameters.",
        )


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train: ``steps`` minibatches of ``batch`` simulations, recorded every ``epoch``.

    The objective is tested on ``held_out`` simulations that training does not see. With ``patience``, training ends
    after so many epochs without a better test, and the parameters of the best one are kept. ``report`` gives numbers
    to record of the state of the ``optimizer``, which sees the objective of each minibatch as ``value``.
    """

    steps: int = 5000
    batch: int = 128
    epoch: int = 25
    held_out: int = 1024
    patience: int | None = None
    optimizer: optax.GradientTransformation = field(default_factory=lambda: optax.adam(1e-3))
    objective: Loss = cross_entropy
    report: Callable[[Any], Mapping[str, float]] | None = None

    def __post_init__(self) -> None:
        names = ("steps", "batch", "epoch", "held_out", "patience")
        for name, number in ((name, getattr(self, name)) for name in names):
            if number is not None and number < 1:
                raise OptionError(f"{name}={number} is too small", remedy="It must be 1 or more.")


def fit(
    encoder: Encoder,
    simulate: Simulate,
    plan: Plan,
    key: Key[Array, ""],
    *,
    watch: Callable[[Encoder], Mapping[str, float]] | None = None,
    names: tuple[Any, ...] = (),
    title: str = "fit",
    quiet: bool = False,
) -> Fit:
    """Train an encoder on fresh simulations and return it with its history.

    ``simulate(key, n)`` returns columns of latents and observed values; ``watch(encoder)`` is called after each
    epoch and may return numbers to record; ``names`` are those of the latent columns, for messages.

    Raises `TrainingError` at the first step whose objective or gradient is not finite; the last good
    parameters are in the error.

    Source: Paige & Wood 2016, section 3 (inference compilation); Webb et al. 2017, section 3.
    """
    history = History()
    parameters, fixed = eqx.partition(encoder, eqx.is_inexact_array)
    state = State.begin(parameters, plan.optimizer)
    train_key, test_key = jax.random.split(key)
    held_out = TRAINING.run(simulate, test_key, plan.held_out)
    best = encoder
    with Progress(title, plan.steps, quiet=quiet) as progress:
        for start in range(0, plan.steps, plan.epoch):
            steps = min(plan.epoch, plan.steps - start)
            state, losses = TRAINING.run(
                _take_steps, state, fixed, train_key, plan.objective, plan.optimizer, simulate, plan.batch, steps
            )
            encoder = eqx.combine(state.parameters, fixed)
            if int(state.failed) >= 0:
                batch = simulate(jax.random.fold_in(train_key, state.failed), plan.batch)
                culprits = _find_culprits(encoder, batch, names)
                raise TrainingError(culprits, step=int(state.failed), encoder=encoder, history=history)
            watched = dict(watch(encoder)) if watch else {}
            watched |= plan.report(state.optimizer) if plan.report else {}
            test = float(TRAINING.run(evaluate, plan.objective, encoder, held_out))
            history = history.extend(int(state.step), float(losses.mean()), test, watched)
            progress.update(history.step[-1], history.train[-1])
            if plan.patience is not None:
                best = encoder if history.epochs_since_best == 0 else best
                if history.epochs_since_best >= plan.patience:
                    break
    return Fit(encoder if plan.patience is None else best, history)


def _take_steps(
    state: State,
    fixed: Encoder,
    key: Key[Array, ""],
    objective: Loss,
    optimizer: optax.GradientTransformation,
    simulate: Simulate,
    batch: int,
    steps: int,
) -> tuple[State, Float[Array, " steps"]]:
    """Take many steps, each of which simulates, differentiates and updates, all in one program."""

    def advance(state: State, _: None) -> tuple[State, Float[Array, ""]]:
        rows = simulate(jax.random.fold_in(key, state.step), batch)
        loss, gradient = differentiate(objective, eqx.combine(state.parameters, fixed), rows)
        return state.take(optimizer, loss, gradient), loss

    return jax.lax.scan(advance, state, length=steps)


def differentiate(objective: Loss, encoder: Encoder, batch: Pair) -> tuple[Float[Array, ""], Encoder]:
    """Return the objective of a minibatch and its gradient."""
    return average(eqx.filter_value_and_grad(objective), encoder, batch)


def evaluate(objective: Loss, encoder: Encoder, batch: Pair) -> Float[Array, ""]:
    """Return the objective of a minibatch."""
    return average(objective, encoder, batch)


def average(function: Callable[[Encoder, Array, Array], Any], encoder: Encoder, batch: Pair) -> Any:
    """Return the mean over rows of a function that is a mean over rows, piece by piece where one pass is too wide.

    Memory is bounded by `PIECE` numbers a layer, whatever the batch, and a piece fits into a cache.
    """
    rows = len(batch[0])
    count = -(-rows // _choose_rows(encoder))
    size, left = divmod(rows, count)
    if count == 1:
        return function(encoder, *batch)
    pieces = jax.tree.map(lambda part: part[left:].reshape(count, size, -1), batch)

    def add(total: Any, piece: Pair) -> tuple[Any, None]:
        found = function(encoder, *piece)
        return jax.tree.map(lambda whole, part: whole + part * (size / rows), total, found), None

    if left:
        rest = function(encoder, *(part[:left] for part in batch))
        start = jax.tree.map(lambda part: part * (left / rows), rest)
    else:
        shapes = jax.eval_shape(lambda *piece: function(encoder, *piece), *(part[0] for part in pieces))
        start = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    return jax.lax.scan(add, start, pieces)[0]


def _choose_rows(encoder: Encoder) -> int:
    """Return how many rows to take at once: as many as caches hold, or as repay adding up the gradient of a piece."""
    weights = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(encoder, eqx.is_inexact_array)))
    return max(LEAST_ROWS, PIECE // encoder.network.width, REPAYS * weights // encoder.network.width)


def _find_culprits(encoder: Encoder, batch: Pair, names: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the latents whose density was not finite on a minibatch."""
    finite = np.isfinite(np.asarray(encoder.log_factors(*batch))).all(axis=0)
    return tuple(name for name, good in zip(names, finite, strict=False) if not good)
