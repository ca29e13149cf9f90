"""Pools over exchangeable elements: weighted means with the logarithm of all weight, and sums."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from retrodict.encode.keys import split_key
from retrodict.encode.lifted.gated import Features, Gated

# Logarithms of weights are kept within these bounds.
MOST_LOG_WEIGHT = 12.0
# What elements are weighed against at first, from hardly any of them to many.
FIRST_PRIORS = (0.02, 50.0)


class Pool(eqx.Module):
    r"""A set of elements as :math:`(w_0 m_0 + \sum_i w_i v_i) / W` and :math:`\log W`, :math:`W = w_0 + \sum_i w_i`.

    Weights :math:`w_i > 0` and values :math:`v_i` are gated layers of the elements, several of each; :math:`w_0, m_0`
    stand for what is known without elements. The logarithm of one plus their number comes along, and where
    ``sums``, so do :math:`\sum_i w_i v_i` in units of ``typical`` elements. Mean and weight together hold count, sum
    and sum of squares; with precisions as weights they are the exact message of Gaussian elements.

    >>> pool = Pool(2, 4, 8, jax.random.key(0))
    >>> pool(jnp.ones((5, 3, 2)), jnp.ones((5, 3), bool), (1,)).shape
    (5, 9)
    """

    value: Gated
    weight: Gated
    prior_mean: Float[Array, " channels"]
    prior_weight: Float[Array, " channels"]
    typical: float = eqx.field(static=True)
    sums: bool = eqx.field(static=True)

    def __init__(
        self, inputs: int, channels: int, hidden: int, key: Key[Array, ""], *, typical: float = 1.0, sums: bool = False
    ) -> None:
        value, weight = split_key(key)
        self.value, self.weight = Gated(inputs, channels, hidden, value), Gated(inputs, channels, hidden, weight)
        self.weight = eqx.tree_at(lambda layer: layer.line.weight, self.weight, jnp.zeros_like(self.weight.line.weight))
        priors = np.geomspace(*FIRST_PRIORS, channels) if channels > 1 else np.ones(1)
        self.prior_weight = jax.device_put(np.log(priors).astype(np.float32))
        self.prior_mean = jax.device_put(np.zeros(channels, np.float32))
        self.typical, self.sums = typical, sums

    @property
    def size(self) -> int:
        """The number of features of a set."""
        return len(self.prior_mean) * (3 if self.sums else 2) + 1

    def __call__(
        self, elements: Features, present: Bool[Array, "*batch"], axes: tuple[int, ...]
    ) -> Float[Array, "*some features"]:
        """Return the features of sets that lie along these axes; elements that are not present add nothing."""
        return self.join(elements, present, lambda values: values.sum(axes))

    def join(
        self, elements: Features, present: Bool[Array, "*batch"], add: Callable[[Array], Array]
    ) -> Float[Array, "*some features"]:
        """Return the features of sets whose elements ``add`` puts together."""
        marks = present[..., None].astype(elements.dtype)
        weight = jnp.exp(jnp.clip(self.weight(elements), -MOST_LOG_WEIGHT, MOST_LOG_WEIGHT)) * marks
        weighted = add(weight * self.value(elements))
        prior = jnp.exp(jnp.clip(self.prior_weight, -MOST_LOG_WEIGHT, MOST_LOG_WEIGHT))
        whole = add(weight) + prior
        parts = [(weighted + prior * self.prior_mean) / whole, jnp.log(whole), jnp.log1p(add(marks))]
        return jnp.concatenate([*parts, weighted / self.typical] if self.sums else parts, axis=-1)
