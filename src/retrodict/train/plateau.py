"""Divide the learning rate by ten where the objective no longer improves: inside the compiled loop, by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optax
from optax import contrib


@dataclass(frozen=True)
class Plateau:
    r"""When training has converged: a rule on the objective alone, which every encoder can be given.

    The objective is averaged over windows of ``window`` steps. It has converged when ``patience`` windows in a row
    were not better than the best one before by ``least`` nats; the learning rate is then divided by ten, at most
    ``times`` times. ``least`` is an absolute number, because the objective is a KL plus a constant of any size; it
    should be above the noise of a window, :math:`\sqrt{d / 2n}` nats for d Gaussian latents and n simulations.

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
        """Return an optimiser whose updates are divided; it has to be given the objective as ``value``."""
        rule = contrib.reduce_on_plateau(
            factor=0.1,
            patience=self.patience,
            rtol=0.0,
            atol=self.least,
            accumulation_size=self.window,
            min_scale=0.1**self.times,
        )
        return optax.chain(optimizer, rule)

    def report(self, state: Any) -> Mapping[str, float]:
        """Return what the learning rate is multiplied by, as ``rate``, in a state of such an optimiser."""
        return {"rate": float(state[-1].scale)}
