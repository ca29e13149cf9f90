"""One step of training, whatever is trained: taken, or left out where a number is not finite."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int


class TrainingState(eqx.Module):
    """All that changes from step to step: ``parameters``, ``optimizer``; ``failed`` is the first bad step, or -1."""

    parameters: Any
    optimizer: Any
    step: Int[Array, ""]
    failed: Int[Array, ""]

    @classmethod
    def begin(cls, parameters: Any, optimizer: optax.GradientTransformation) -> TrainingState:
        """Return the state before the first step.

        >>> int(TrainingState.begin(jnp.zeros(3), optax.sgd(0.1)).step)
        0
        """
        return cls(parameters, optimizer.init(parameters), jnp.array(0), jnp.array(-1))

    def take(self, optimizer: optax.GradientTransformation, loss: Float[Array, ""], gradient: Any) -> TrainingState:
        """Return the state after a step; the same parameters where loss or gradient, now or before, are not finite.

        The optimizer sees the loss as ``value``.

        >>> state = TrainingState.begin(jnp.zeros(3), optax.sgd(0.1))
        >>> state.take(optax.sgd(0.1), jnp.array(jnp.nan), jnp.ones(3)).parameters.tolist()
        [0.0, 0.0, 0.0]
        """
        good = _is_finite(loss, gradient) & (self.failed < 0)

        def move() -> tuple[Any, Any]:
            informed = optax.with_extra_args_support(optimizer)
            updates, moved = informed.update(gradient, self.optimizer, self.parameters, value=loss)
            return apply(self.parameters, updates), moved

        parameters, kept = jax.lax.cond(good, move, lambda: (self.parameters, self.optimizer))
        failed = jnp.where(good | (self.failed >= 0), self.failed, self.step)
        return TrainingState(parameters, kept, self.step + 1, failed)


def apply(parameters: Any, updates: Any) -> Any:
    """Return parameters with updates added, each in its own precision: flattened updates are in the widest of all.

    >>> apply(jnp.ones(2, jnp.float16), jnp.ones(2, jnp.float32)).dtype.name
    'float16'
    """
    moved = eqx.apply_updates(parameters, updates)
    return jax.tree.map(lambda new, old: new.astype(old.dtype), moved, parameters)


def _is_finite(loss: Float[Array, ""], gradient: Any) -> Bool[Array, ""]:
    leaves = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient)]
    return jnp.isfinite(loss) & jnp.all(jnp.array(leaves))
