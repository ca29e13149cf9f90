"""The posterior of a linear-Gaussian network, which is a linear-Gaussian network along the inverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax
import numpy as np

from retrodict.exact.closed_form import ClosedForm
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask
from retrodict.models.gaussian import LinearGaussian


@dataclass(frozen=True, eq=False)
class LinearGaussianPosterior(ClosedForm):
    r"""All latents but the barren ones, :math:`p(z_i \mid \mathrm{Pa}_i) = N(b_i + \sum_j w_{ij} v_j,\; s_i)`.

    Weights come from the elimination of the inverse, in double precision. Source: Koller & Friedman, theorem 7.4.
    """

    kind: ClassVar[str] = "linear Gaussian"

    model: LinearGaussian
    inverse: Inverse

    @cached_property
    def variables(self) -> tuple[Name, ...]:
        """The latents that are not barren."""
        barren = set(self.inverse.generative)
        return tuple(name for name in self.inverse.net.latents if name not in barren)

    @property
    def parents(self) -> tuple[Name, ...]:
        """The observed variables."""
        return self.inverse.net.observed

    @property
    def width(self) -> int:
        """The number of variables."""
        return len(self.inverse.net)

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the columns with the latents drawn, and the log density of each draw in nats."""
        drawn = self._reversed.redraw(key, columns[..., self._order], self._is_drawn)[..., np.argsort(self._order)]
        return drawn, self.score(drawn)

    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the latents given what is observed, in nats."""
        scores = self._reversed.log_conditionals(columns[..., self._order])
        return scores[..., np.flatnonzero(self._is_drawn)].sum(axis=-1)

    @cached_property
    def _reversed(self) -> LinearGaussian:
        """The network in which the parents of a latent are those of the inverse, and data have none."""
        net, factors = self.inverse.net, self.model.posterior(self.inverse)
        parents = {name: [net.names[i] for i in factors.parents[net.place[net.index(name)]]] for name in self.variables}
        turned = BayesNet({name: parents.get(name, []) for name in net.names}, net.observed)
        weights = {name: factors.coefficients(name) for name in self.variables}
        bias, variance = np.zeros(len(net)), np.ones(len(net))
        bias[net.latent_index], variance[net.latent_index] = factors.bias, factors.variance
        order = np.array([net.index(name) for name in turned.names])
        return LinearGaussian.from_weights(turned, weights, bias[order], variance[order])

    @cached_property
    def _order(self) -> Integers:
        """The variables of the turned network, by their numbers in the model."""
        return np.array([self.inverse.net.index(name) for name in self._reversed.net.names], dtype=np.int64)

    @cached_property
    def _is_drawn(self) -> Mask:
        own = set(self.variables)
        return np.array([name in own for name in self._reversed.net.names])
