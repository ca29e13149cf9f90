"""Mixtures of normals: conditionals with several modes or heavy tails."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.families.conditionals import Columns, Conditional, Normal, Parameters, invert_temper
from retrodict.encode.start.ridge import Affine, Cases, Line, Numbers

# The outer components start so many standard deviations from the mean: the whole is within 2e-4 nats of a normal.
APART = 0.7


class Mixture(Conditional):
    r"""A mixture of normals, :math:`\sum_k w_k N(m_k, e^{2 s_k})`.

    Components begin apart, so that they can become different.

    Source: Bishop 1994 (mixture density networks).

    >>> Mixture(3).log_prob(jnp.zeros((2, 9)), jnp.zeros(2)).shape
    (2,)
    """

    components: int = eqx.field(static=True)
    n_parameters: int = eqx.field(static=True)

    def __init__(self, components: int = 5) -> None:
        self.components, self.n_parameters = components, 3 * components

    def start(self, cases: Cases) -> Affine:
        """Return components about the linear predictor that have the moments of its normal together."""
        return self.start_at(cases.line, cases.line.spreads)

    def start_at(self, line: Line, scales: Numbers, apart: float = APART) -> Affine:
        """Return components about a line, whose scales, were they one component, would be these."""
        slopes, intercepts, spreads = line
        away = apart * self._offsets
        within = np.sqrt(1 - (away**2).mean())
        means = intercepts[:, None] + spreads[:, None] * away - self._offsets
        raw = np.broadcast_to(invert_temper(np.log(scales * within))[:, None], means.shape)
        silent, each = np.zeros((*slopes.shape, self.components)), slopes[:, :, None] * np.ones(self.components)
        return Affine(
            np.concatenate([silent, each, silent], axis=-1),
            np.concatenate([np.zeros_like(means), means, raw], axis=-1),
        )

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density of each number, in nats."""
        logits, normals = self.split(parameters)
        each = Normal().log_prob(normals, jnp.broadcast_to(values[..., None], logits.shape))
        return jax.nn.logsumexp(jax.nn.log_softmax(logits) + each, axis=-1)

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one draw of each number."""
        choose, draw = jax.random.split(key)
        logits, normals = self.split(parameters)
        chosen = jax.random.categorical(choose, logits)[..., None, None]
        return Normal().sample(draw, jnp.take_along_axis(normals, chosen, axis=-2)[..., 0, :])

    def split(self, parameters: Parameters) -> tuple[Array, Array]:
        """Return the logits of the components, and their parameters as normals."""
        parts = parameters.reshape(*parameters.shape[:-1], 3, self.components)
        apart = jnp.asarray(self._offsets, parts.dtype)
        return parts[..., 0, :], jnp.stack([parts[..., 1, :] + apart, parts[..., 2, :]], axis=-1)

    @property
    def _offsets(self) -> Float[np.ndarray, " components"]:
        """Where the means of components are whose parameters are zero."""
        return np.linspace(-1.0, 1.0, self.components) if self.components > 1 else np.zeros(1)
