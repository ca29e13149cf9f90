"""Mixtures of normals between two ends: conditionals of bounded numbers, from which nothing leaks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.families.conditionals import Columns, Conditional, Parameters, temper
from retrodict.encode.families.mixtures import Mixture
from retrodict.encode.families.tails import TINY, invert_between, log_between
from retrodict.encode.networks.schedule import Index, take
from retrodict.encode.start.ridge import Affine, Cases
from retrodict.encode.start.truncated_line import fit_between

# Ends of numbers that have none, in standard units: nothing lies beyond, and squares stay finite.
OPEN = 1e6
# The largest scale of a component, in distances of its ends: with the mean outside, any slope is possible.
WIDEST = 2.0
# The outer components start so many scales from the mean. Each is normalized by itself: apart, they crowd at an end.
APART = 0.2


class Truncated(Conditional):
    r"""A mixture of normals truncated to the ends of each column, :math:`\sum_k w_k N_{[l, h]}(m_k, s_k^2)`.

    :math:`1 / s_k = 1 / e^{r_k} + 1 / (2 (h - l))` for a tempered :math:`r_k`: means far outside make slopes, and no
    scale has to be without end. Columns without ends, as all are at first, have mixtures of normals.

    >>> family = Truncated(3).between(np.array([-1.0]), np.array([1.0]))
    >>> draws = family.sample(jax.random.key(0), jnp.full((1000, 1, 9), 5.0))
    >>> bool((abs(draws) <= 1).all())
    True
    """

    components: int = eqx.field(static=True)
    n_parameters: int = eqx.field(static=True)
    low: Float[Array, " columns"] | None
    high: Float[Array, " columns"] | None

    def __init__(self, components: int = 5) -> None:
        self.components, self.n_parameters = components, 3 * components
        self.low = self.high = None

    def between(self, low: Float[np.ndarray, " columns"], high: Float[np.ndarray, " columns"]) -> "Truncated":
        """Return the family of columns that end here, in standard units; infinite where a column has no end."""
        ends = (jnp.asarray(np.clip(end, -OPEN, OPEN), jnp.float32) for end in (low, high))
        return self._with_ends(*ends)

    def start(self, cases: Cases) -> Affine:
        """Return components about the truncated regression."""
        if self.low is None or self.high is None:
            return self._mixture.start(cases)
        low, high = (np.asarray(end, np.float64)[cases.columns] for end in (self.low, self.high))
        line = fit_between(cases, np.where(low > -OPEN, low, -np.inf), np.where(high < OPEN, high, np.inf))
        widest = WIDEST * (high - low)
        raw = 1 / (1 / line.spreads - 1 / np.maximum(widest, 1.01 * line.spreads))
        return self._mixture.start_at(line, raw, APART)

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density of each number between its ends, in nats."""
        if self.low is None or self.high is None:
            return self._mixture.log_prob(parameters, values)
        low, high = (jax.lax.stop_gradient(end)[..., None] for end in (self.low, self.high))
        logits, means, scales = self._split(parameters, high - low)
        each = log_between(values[..., None], means, scales, low, high)
        return jax.nn.logsumexp(jax.nn.log_softmax(logits) + each, axis=-1)

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one draw of each number."""
        if self.low is None or self.high is None:
            return self._mixture.sample(key, parameters)
        choose, draw = jax.random.split(key)
        logits, *normals = self._split(parameters, (self.high - self.low)[..., None])
        chosen = jax.random.categorical(choose, logits)[..., None]
        mean, scale = (jnp.take_along_axis(part, chosen, axis=-1)[..., 0] for part in normals)
        share = jax.random.uniform(draw, mean.shape, mean.dtype, minval=TINY)
        return invert_between(share, mean, scale, self.low, self.high)

    def at(self, columns: Index) -> "Truncated":
        """Return the family of these columns alone."""
        if self.low is None or self.high is None:
            return self
        return self._with_ends(take(self.low, columns), take(self.high, columns))

    @property
    def truncates(self) -> bool:
        """It needs ends."""
        return True

    @property
    def _mixture(self) -> Mixture:
        return Mixture(self.components)

    def _with_ends(self, low: Array, high: Array) -> "Truncated":
        none = (lambda family: (family.low, family.high)), self, (low, high)
        return eqx.tree_at(*none, is_leaf=lambda leaf: leaf is None)

    def _split(self, parameters: Parameters, widths: Array) -> tuple[Array, Array, Array]:
        """Return the logits of the components, their means and their scales, for ends that lie so far apart."""
        logits, normals = self._mixture.split(parameters)
        scales = jnp.exp(temper(normals[..., 1]))
        return logits, normals[..., 0], scales * (WIDEST * widths / (WIDEST * widths + scales))
