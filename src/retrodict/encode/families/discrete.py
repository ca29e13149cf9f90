"""Conditional probabilities of whole numbers: categories, and counts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.families.conditionals import Columns, Conditional, Parameters, invert_temper, temper
from retrodict.encode.networks.schedule import Index, take
from retrodict.encode.start.logistic import fit_logistic
from retrodict.encode.start.ridge import Affine, Cases
from retrodict.graph.rows import Integers

# A count that its parents tell without error starts with at least this standard deviation, in steps.
LEAST_SCALE = 0.1


class Categorical(Conditional):
    r"""The categorical family, :math:`p(k) \propto e^{l_k}`, of columns with different numbers of categories.

    Values are the numbers 0, 1, ... of the categories. ``categories`` has one entry a column.

    >>> import numpy as np
    >>> family = Categorical(np.array([2, 4]))
    >>> np.exp(family.log_prob(jnp.zeros((2, 4)), jnp.array([1.0, 2.0]))).tolist()
    [0.5, 0.25]
    """

    categories: Int[Array, " columns"]
    n_parameters: int = eqx.field(static=True)

    def __init__(self, categories: Integers) -> None:
        self.categories = jnp.asarray(categories, jnp.int32)
        self.n_parameters = int(categories.max())

    def start(self, cases: Cases) -> Affine:
        """Return the logits of logistic regression."""
        shape = len(cases.columns), self.n_parameters
        slopes, intercepts = np.zeros((len(cases.parents), *shape)), np.zeros(shape)
        for column, count in enumerate(np.asarray(self.categories)[cases.columns].tolist()):
            logits = fit_logistic(cases, column, count)
            intercepts[column, :count], slopes[:, column, :count] = logits[0], logits[1:]
        return Affine(slopes, intercepts)

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log probability of each category, in nats; minus infinity for what is none."""
        code = values.astype(jnp.int32)
        known = (code == values) & (code >= 0) & (code < self.categories)
        chosen = jnp.where(known, code, 0)[..., None]
        log_probability = jnp.take_along_axis(jax.nn.log_softmax(self._mask(parameters)), chosen, axis=-1)[..., 0]
        return jnp.where(known, log_probability, -jnp.inf)

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one category for each column."""
        return jax.random.categorical(key, self._mask(parameters)).astype(parameters.dtype)

    def at(self, columns: Index) -> "Categorical":
        """Return the family of these columns alone."""
        return eqx.tree_at(lambda family: family.categories, self, take(self.categories, columns))

    def _mask(self, logits: Parameters) -> Parameters:
        """Make impossible what lies beyond the categories of a column; columns of no category keep the first."""
        possible = jnp.arange(logits.shape[-1]) < jnp.maximum(self.categories, 1)[:, None]
        return jnp.where(possible, logits, -jnp.inf)


class Count(Conditional):
    r"""Whole numbers between bounds, :math:`p(k) = F(k + \frac12) - F(k - \frac12)` with a logistic F.

    The first and the last number take what lies beyond. Columns are in standard units, in which neighbors are
    ``step`` apart, and ``log_prob`` is the log of the probability over the step. ``high`` may be infinite.

    Source: Salimans et al. 2017 (PixelCNN++), section 2.1.

    >>> family = Count(jnp.array([1.0]), jnp.array([0.0]), jnp.array([jnp.inf]))
    >>> bool(jnp.isclose(jnp.exp(family.log_prob(jnp.zeros((60, 1, 2)), jnp.arange(60.0)[:, None])).sum(), 1.0))
    True
    """

    step: Float[Array, " columns"]
    low: Float[Array, " columns"]
    high: Float[Array, " columns"]
    n_parameters: int = eqx.field(static=True)

    def __init__(self, step: Array, low: Array, high: Array) -> None:
        self.step, self.low, self.high, self.n_parameters = step, low, high, 2

    def start(self, cases: Cases) -> Affine:
        """Return the linear predictor as location, with the scale at which a logistic has the spread of what is left.

        Rounding to whole numbers adds a twelfth of the square of a step to the variance.
        """
        slopes, intercepts, spreads = cases.line
        step = np.asarray(self.step, np.float64)[cases.columns]
        variance = np.maximum(spreads**2 - step**2 / 12, (LEAST_SCALE * step) ** 2)
        raw = invert_temper(np.log(2 * np.sqrt(3 * variance) / np.pi))
        return Affine(np.stack([slopes, np.zeros_like(slopes)], axis=-1), np.stack([intercepts, raw], axis=-1))

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log probability of each number over the step, in nats; minus infinity for what is none."""
        location, scale = self._read(parameters)
        step, low, high = map(jax.lax.stop_gradient, (self.step, self.low, self.high))
        count = (values - low) / step
        whole = jnp.abs(count - jnp.round(count)) < 1e-2 + 1e-6 * jnp.abs(count)  # what 32 bits can tell
        known = whole & (values > low - step / 2)
        known = known & (values < high + step / 2)
        above = (values + step / 2 - location) / scale
        below = (values - step / 2 - location) / scale
        first, last = values < low + step / 2, values > high - step / 2
        # F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)), where the factors of bounds that are open are one
        upper = jnp.where(last, 0.0, jax.nn.log_sigmoid(above))
        lower = jnp.where(first, 0.0, jax.nn.log_sigmoid(-below))
        between = jnp.where(first | last, 0.0, jnp.log(-jnp.expm1(-step / scale)))
        return jnp.where(known, upper + lower + between - jnp.log(step), -jnp.inf)

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one number for each column."""
        location, scale = self._read(parameters)
        drawn = location + scale * jax.random.logistic(key, location.shape, location.dtype)
        on_grid = self.low + self.step * jnp.round((drawn - self.low) / self.step)
        return jnp.clip(on_grid, self.low, self.high)

    def at(self, columns: Index) -> "Count":
        """Return the family of these columns alone."""
        return Count(*(take(part, columns) for part in (self.step, self.low, self.high)))

    def _read(self, parameters: Parameters) -> tuple[Array, Array]:
        return parameters[..., 0], jnp.exp(temper(parameters[..., 1])) * 0.5
