"""Conditional densities of one number given parameters that a network computes: the seam for new families.

To add a family, subclass `Conditional`: state how many parameters a number takes, and give ``log_prob`` and
``sample`` elementwise. One expressive conditional a latent keeps the structure of the inverse; stacking masked
transforms would not.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.features import list_categories
from retrodict.encode.schedule import Index
from retrodict.graph.rows import Integers
from retrodict.masks import Dependencies


class Conditional(eqx.Module):
    """A family of densities of each of many columns (abstract).

    Columns may differ; ``at`` restricts to some of them. Networks compute ``n_parameters`` numbers for every
    column, the most that any of them needs.
    """

    n_parameters: eqx.AbstractVar[int]

    @abstractmethod
    def log_prob(
        self, parameters: Float[Array, "*batch columns parameters"], values: Float[Array, "*batch columns"]
    ) -> Float[Array, "*batch columns"]:
        """Return the log density of each number, in nats."""

    @abstractmethod
    def sample(
        self, key: Key[Array, ""], parameters: Float[Array, "*batch columns parameters"]
    ) -> Float[Array, "*batch columns"]:
        """Return one draw of each number."""

    def at(self, columns: Index) -> "Conditional":
        """Return the family of these columns alone."""
        return self


class Normal(Conditional):
    r"""The normal family, :math:`N(m, e^{2s})` with :math:`s = S \tanh(r / S)` bounded by :math:`S` = ``bound``.

    The bound keeps a bad step from an infinite density; it is far outside what standardised variables need.

    >>> parameters = jnp.zeros((3, 2))
    >>> Normal().log_prob(parameters, jnp.zeros(3)).shape
    (3,)
    """

    bound: float = 10.0
    n_parameters: int = eqx.field(static=True, default=2)

    def log_scale(self, parameters: Float[Array, "*batch columns parameters"]) -> Float[Array, "*batch columns"]:
        """Return the logarithm of the standard deviation."""
        return self.bound * jnp.tanh(parameters[..., 1] / self.bound)

    def log_prob(
        self, parameters: Float[Array, "*batch columns parameters"], values: Float[Array, "*batch columns"]
    ) -> Float[Array, "*batch columns"]:
        """Return the log density of each number, in nats."""
        log_scale = self.log_scale(parameters)
        residual = (values - parameters[..., 0]) * jnp.exp(-log_scale)
        return -0.5 * (residual**2 + jnp.log(2 * jnp.pi)) - log_scale

    def sample(
        self, key: Key[Array, ""], parameters: Float[Array, "*batch columns parameters"]
    ) -> Float[Array, "*batch columns"]:
        """Return one draw of each number."""
        noise = jax.random.normal(key, parameters.shape[:-1], parameters.dtype)
        return parameters[..., 0] + jnp.exp(self.log_scale(parameters)) * noise


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

    def log_prob(
        self, parameters: Float[Array, "*batch columns parameters"], values: Float[Array, "*batch columns"]
    ) -> Float[Array, "*batch columns"]:
        """Return the log probability of each category, in nats; minus infinity for what is none."""
        code = values.astype(jnp.int32)
        known = (code == values) & (code >= 0) & (code < self.categories)
        chosen = jnp.where(known, code, 0)[..., None]
        log_probability = jnp.take_along_axis(jax.nn.log_softmax(self._mask(parameters)), chosen, axis=-1)[..., 0]
        return jnp.where(known, log_probability, -jnp.inf)

    def sample(
        self, key: Key[Array, ""], parameters: Float[Array, "*batch columns parameters"]
    ) -> Float[Array, "*batch columns"]:
        """Return one category for each column."""
        return jax.random.categorical(key, self._mask(parameters)).astype(parameters.dtype)

    def at(self, columns: Index) -> "Categorical":
        """Return the family of these columns alone."""
        return eqx.tree_at(lambda family: family.categories, self, self.categories.at[columns].get(mode="clip"))

    def _mask(self, logits: Float[Array, "*batch columns parameters"]) -> Float[Array, "*batch columns parameters"]:
        """Make impossible what lies beyond the categories of a column; columns of no category keep the first."""
        possible = jnp.arange(logits.shape[-1]) < jnp.maximum(self.categories, 1)[:, None]
        return jnp.where(possible, logits, -jnp.inf)


class Mixed(Conditional):
    """Real columns of one family and categorical ones: each is computed for all columns, and the right one taken."""

    real: Conditional
    categorical: Categorical
    n_parameters: int = eqx.field(static=True)

    def __init__(self, real: Conditional, categorical: Categorical) -> None:
        self.real, self.categorical = real, categorical
        self.n_parameters = max(real.n_parameters, categorical.n_parameters)

    def log_prob(
        self, parameters: Float[Array, "*batch columns parameters"], values: Float[Array, "*batch columns"]
    ) -> Float[Array, "*batch columns"]:
        """Return the log density or probability of each column, in nats."""
        real = self.real.log_prob(parameters[..., : self.real.n_parameters], values)
        return jnp.where(self._is_real, real, self.categorical.log_prob(parameters, values))

    def sample(
        self, key: Key[Array, ""], parameters: Float[Array, "*batch columns parameters"]
    ) -> Float[Array, "*batch columns"]:
        """Return one draw of each column."""
        real = self.real.sample(key, parameters[..., : self.real.n_parameters])
        return jnp.where(self._is_real, real, self.categorical.sample(key, parameters))

    def at(self, columns: Index) -> "Mixed":
        """Return the families of these columns alone."""
        return eqx.tree_at(
            lambda mixed: (mixed.real, mixed.categorical), self, (self.real.at(columns), self.categorical.at(columns))
        )

    @property
    def _is_real(self) -> Array:
        return self.categorical.categories == 0


def choose_conditional(dependencies: Dependencies, real: Conditional | None = None) -> Conditional:
    """Return the family that suits the latents of an encoder: categorical where they have categories."""
    seen = int(dependencies.observed_sizes.sum())
    categories = list_categories(dependencies)[seen:]
    real = real or Normal()
    if not categories.any():
        return real
    categorical = Categorical(categories)
    return categorical if categories.all() else Mixed(real, categorical)
