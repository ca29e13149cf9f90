"""Divide the learning rate by ten where the objective no longer improves: inside the compiled loop, by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int


class _Waiting(NamedTuple):
    """Of the present window its sum and steps; the best mean at the present rate, and the windows since it."""

    total: Float[Array, ""]
    steps: Int[Array, ""]
    best: Float[Array, ""]
    windows: Int[Array, ""]
    rate: Float[Array, ""]


@dataclass(frozen=True)
class Plateau:
    r"""When training has converged: a rule on the objective alone, which every encoder can be given.

    The objective is averaged over windows of ``window`` steps. It has converged when ``patience`` windows in a row
    did not better the best one by ``least`` nats; the learning rate is then divided by ten, at most ``times`` times,
    and the best one is looked for anew: what comes after a fall is not compared with what came before.
    ``least`` is an absolute number, because the objective is a KL plus a constant of any size; it should be above
    the noise of a window, :math:`\sqrt{d / 2n}` nats for d Gaussian latents and n simulations.

    >>> rule = Plateau(window=2, patience=1, least=0.1)
    >>> optimizer = rule.follow(optax.sgd(1.0))
    >>> state = optimizer.init(0.0)
    >>> for objective in (1.0, 1.0, 0.95, 0.95):
    ...     update, state = optimizer.update(1.0, state, value=objective)
    >>> round(rule.report(state)["rate"], 6)
    0.1
    """

    window: int
    patience: int
    least: float
    times: int = 2

    def follow(self, optimizer: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
        """Return an optimizer whose updates are divided; it has to be given the objective as ``value``."""

        def begin(parameters: Any) -> _Waiting:
            return _Waiting(jnp.zeros(()), jnp.array(0), jnp.array(jnp.inf), jnp.array(0), jnp.ones(()))

        def divide(updates: Any, state: _Waiting, parameters: Any = None, *, value: Any, **_: Any) -> Any:
            state = state._replace(total=state.total + value, steps=state.steps + 1)
            state = jax.lax.cond(state.steps == self.window, self._close, lambda kept: kept, state)
            return jax.tree.map(lambda update: state.rate * update, updates), state

        return optax.chain(optimizer, optax.GradientTransformationExtraArgs(begin, divide))

    def report(self, state: Any) -> Mapping[str, float]:
        """Return what the learning rate is multiplied by, as ``rate``, in a state of such an optimizer."""
        return {"rate": float(state[-1].rate)}

    def _close(self, state: _Waiting) -> _Waiting:
        """Compare the mean of a window that is full with the best one, and begin another."""
        mean = state.total / self.window
        better = mean < state.best - self.least
        windows = jnp.where(better, 0, state.windows + 1)
        falls = (windows == self.patience) & (state.rate > 1.5 * 0.1**self.times)
        return _Waiting(
            total=jnp.zeros(()),
            steps=jnp.array(0),
            best=jnp.where(falls, jnp.inf, jnp.where(better, mean, state.best)),
            windows=jnp.where(falls, 0, windows),
            rate=jnp.where(falls, 0.1 * state.rate, state.rate),
        )
