"""Conditional densities of one number given parameters that a network computes: the seam for new families.

To add a family, subclass `Conditional`: state how many parameters a number takes, and give ``log_prob`` and
``sample`` elementwise. One expressive conditional a latent keeps the structure of the inverse; stacking masked
transforms would not.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.networks.schedule import Index
from retrodict.encode.start.ridge import Affine, Cases
from retrodict.graph.rows import Integers

# What networks compute for each column, and a number for each.
Parameters = Float[Array, "*batch columns parameters"]
Columns = Float[Array, "*batch columns"]

# Log-scales are what networks compute, up to about this size.
LINEAR = 10.0


def temper(raw: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    r"""Return the log-scale for what a network computes, of which the upper side has no bound.

    It is :math:`S \tanh(r / S)` below zero and :math:`S \operatorname{arsinh}(r / S)` above, with S = 10.
    Below, it is bounded: a bad step is kept from an infinite density. Above, its gradient falls no faster than S / r:
    where it vanishes, as that of the tanh does, a latent whose scale has become far too wide stays so. Both are
    :math:`r + O(r^3)` at zero.

    >>> [round(float(temper(jnp.array(raw))), 2) for raw in (-1e3, 0.1, 2.0, 1e3)]
    [-10.0, 0.1, 1.99, 52.98]
    """
    # Without a comparison: one would tell NaN from numbers, and what follows dependences would have to heed it.
    return LINEAR * (jnp.tanh(jnp.minimum(raw, 0) / LINEAR) + jnp.arcsinh(jnp.maximum(raw, 0) / LINEAR))


def invert_temper(log_scale: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """Return what a network has to compute for a log-scale above -10.

    >>> invert_temper(np.array([-3.0, 2.0])).round(3).tolist()
    [-3.095, 2.013]
    """
    low, high = np.minimum(log_scale, 0) / LINEAR, np.maximum(log_scale, 0) / LINEAR
    raw: Float[np.ndarray, "*batch"] = LINEAR * (np.arctanh(low) + np.sinh(high))
    return raw


class Conditional(eqx.Module):
    """A family of densities of each of many columns (abstract).

    Columns may differ; ``at`` restricts to some of them. Networks compute ``n_parameters`` numbers for every
    column, the most that any of them needs.
    """

    n_parameters: eqx.AbstractVar[int]

    @abstractmethod
    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density of each number, in nats."""

    @abstractmethod
    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one draw of each number."""

    def at(self, columns: Index) -> "Conditional":
        """Return the family of these columns alone."""
        return self

    def start(self, cases: Cases) -> Affine | None:
        """Return parameters to start from, affine in the parents: a regression on simulations, `Cases.line` or another.

        None where the first parameters of a network are as good a start.
        """
        return None

    def divide(self, columns: Integers) -> list[tuple["Conditional", Integers]]:
        """Return the families of columns, each with its columns by their place in ``columns``."""
        return [(self, np.arange(len(columns)))]

    @property
    def reparameterized(self) -> bool:
        """Whether draws are differentiable functions of the parameters, of the right gradient. If not said, not."""
        return False

    @property
    def truncates(self) -> bool:
        """Whether bounded columns are given as they are, with their ends (``between``), and not as logits."""
        return False


class Normal(Conditional):
    r"""The normal family, :math:`N(m, e^{2s})`, with s tempered (`temper`).

    >>> parameters = jnp.zeros((3, 2))
    >>> Normal().log_prob(parameters, jnp.zeros(3)).shape
    (3,)
    """

    n_parameters: int = eqx.field(static=True, default=2)

    def start(self, cases: Cases) -> Affine:
        """Return the linear predictor as mean, with the spread of what it leaves."""
        slopes, intercepts, spreads = cases.line
        raw = invert_temper(np.log(spreads))
        return Affine(np.stack([slopes, np.zeros_like(slopes)], axis=-1), np.stack([intercepts, raw], axis=-1))

    def log_scale(self, parameters: Parameters) -> Columns:
        """Return the logarithm of the standard deviation."""
        return temper(parameters[..., 1])

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density of each number, in nats."""
        log_scale = self.log_scale(parameters)
        residual = (values - parameters[..., 0]) * jnp.exp(-log_scale)
        return -0.5 * (residual**2 + jnp.log(2 * jnp.pi)) - log_scale

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one draw of each number."""
        noise = jax.random.normal(key, parameters.shape[:-1], parameters.dtype)
        return parameters[..., 0] + jnp.exp(self.log_scale(parameters)) * noise

    @property
    def reparameterized(self) -> bool:
        """Draws can be differentiated."""
        return True
