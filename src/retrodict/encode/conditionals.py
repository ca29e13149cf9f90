"""Conditional densities of one number given parameters that a network computes: the seam for new families.

To add a family, subclass `Conditional`: state how many parameters a number takes, and give ``log_prob`` and
``sample`` elementwise. One expressive conditional a latent keeps the structure of the inverse; stacking masked
transforms would not.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.encode.schedule import Index


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

    @property
    def reparameterised(self) -> bool:
        """Whether draws are differentiable functions of the parameters, of the right gradient. If not said, not."""
        return False


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

    @property
    def reparameterised(self) -> bool:
        """Draws can be differentiated."""
        return True
