"""How fast training goes on, and when it ends, by what it gains on held-out simulations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from retrodict.train.history import History, find_gains


class Multiplier(NamedTuple):
    """The state of an optimizer whose updates are multiplied by a number from outside."""

    factor: Float[Array, ""]


@dataclass(frozen=True)
class Pace:
    r"""When the learning rate falls, and when training ends: a rule on the held-out objective, without a clock.

    An epoch gains where its objective lies below that of the last gain by more than the standard error of their
    difference on the same simulations. The rate stays as it is until so many steps in a row gained nothing: ``first``
    while nothing has been gained at all, then ``patience``, or the share ``further`` of the steps that the last gain
    took if these are more. Then it falls to zero along a cosine, from the best parameters so far, in ``stretch`` times
    the steps that have been taken, and training ends. In the last part ``cooling`` of a budget the rate falls in any
    case. At the end the last parameters are kept where they are worse than the best by no more than ``tolerance``
    standard errors: on fresh simulations the best of many epochs is so by chance, on stored ones it is not. With a
    tolerance of zero training also ends where ``patience`` steps in a row are all worse than the start.

    Sources: Prechelt 1998 (early stopping, but when?); Hagele et al. 2024 (constant rates with a cooldown).

    >>> pace = Pace(first=50, stretch=1.0)
    >>> flat = History((0, 25, 50, 75), (1.0,) * 4, (1.0,) * 4)
    >>> pace.find_plateau(flat), pace.is_over(flat), round(pace.rate(flat, spent=0.0), 6)
    (50, False, 0.5)
    """

    first: int = 150
    patience: int = 300
    further: float = 0.5
    stretch: float = 3.0
    cooling: float = 0.3
    tolerance: float = 3.0

    def find_plateau(self, history: History) -> int | None:
        """Return the step at which enough steps had gained nothing, if there is one."""
        last = 0
        for step, gained in zip(history.step, find_gains(history), strict=True):
            last = step if gained else last
            if step - last >= (max(self.patience, self.further * last) if last else self.first):
                return step
        return None

    def has_fallen(self, history: History) -> bool:
        """Return whether the rate begins to fall with the last epoch."""
        return self.find_plateau(history) == history.step[-1]

    def is_over(self, history: History) -> bool:
        """Return whether the rate has fallen to zero."""
        plateau = self.find_plateau(history)
        if self.tolerance == 0 and self._is_spoiled(history):
            return True
        return plateau is not None and history.step[-1] >= plateau * (1 + self.stretch)

    def _is_spoiled(self, history: History) -> bool:
        """Return whether the last steps, as many as patience has, are all worse than the start: learned by heart."""
        last = [
            test
            for step, test in zip(history.step, history.test, strict=True)
            if step > history.step[-1] - self.patience
        ]
        return history.step[-1] >= self.patience and min(last) > history.test[0]

    def rate(self, history: History, spent: float) -> float:
        """Return what the learning rate is multiplied by when this share of the budget is spent."""
        left, plateau = (1 - spent) / self.cooling, self.find_plateau(history)
        if plateau is not None:
            left = min(left, 1 - (history.step[-1] - plateau) / (self.stretch * plateau))
        return 0.5 - 0.5 * float(np.cos(np.pi * min(max(left, 0.0), 1.0)))


def follow_pace() -> optax.GradientTransformation:
    """Return an optimizer's last link, which multiplies updates by the number that `set_rate` sets."""

    def begin(_: Any) -> Multiplier:
        return Multiplier(jnp.asarray(np.float32(1.0)))

    def multiply(updates: Any, state: Multiplier, _: Any = None) -> tuple[Any, Multiplier]:
        return jax.tree.map(lambda update: state.factor * update, updates), state

    return optax.GradientTransformation(begin, multiply)


def set_rate(optimizer: Any, rate: float) -> Any:
    """Return the state of an optimizer that ends in `follow_pace`, with another number."""
    return eqx.tree_at(lambda state: state[-1].factor, optimizer, jnp.asarray(np.float32(rate)))
