"""What an encoder says of latents, as distributions of NumPyro: of one site, or of all latents together.

Both are distributions of a kind of their own, for which NumPyro knows no closed form of the KL divergence. That is on
purpose: `TraceMeanField_ELBO` would use one for each site by itself, which is wrong when a latent is drawn before its
parents in the model, as inverses do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers
from numpyro.distributions import Distribution, constraints
from numpyro.distributions.transforms import IdentityTransform

from retrodict.encode.codes import bijection_to, bounds_or_default
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Scaling
from retrodict.encode.space import Space
from retrodict.graph.bayesnet import Variable
from retrodict.models.model import Model


class SiteDensity(Distribution):  # type: ignore[misc]
    r"""The density of a site, :math:`\log q(z) = \log q(c) - \log |\partial z / \partial c|` for its codes c.

    Codes have the family ``conditional`` with ``parameters``, of shape (codes, parameters), in the units of
    ``scaling``. ``shape`` is that of the site's value, of which the last ``event_dim`` axes are its event.
    """

    def __init__(
        self,
        variable: Variable,
        shape: Sequence[int],
        event_dim: int,
        conditional: Conditional,
        parameters: jax.Array,
        scaling: Scaling,
    ) -> None:
        low, high = bounds_or_default(variable)
        is_real = variable.support == "real"
        self.bijection = IdentityTransform() if is_real else bijection_to(variable.support, low, high)
        self.conditional, self.parameters, self.scaling = conditional, parameters, scaling
        self.code_shape = tuple(self.bijection.inverse_shape(tuple(shape)))
        n_batch = len(shape) - event_dim
        super().__init__(tuple(shape[:n_batch]), tuple(shape[n_batch:]), validate_args=False)

    @property
    def support(self) -> Any:
        """Where values lie."""
        codomain = self.bijection.codomain
        extra = self.event_dim - codomain.event_dim
        return constraints.independent(codomain, extra) if extra > 0 else codomain

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Return draws of the site."""
        return self.sample_with_intermediates(key, sample_shape)[0]

    def sample_with_intermediates(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> tuple[Any, list[Any]]:
        """Return draws of the site, and their codes: values that were rounded onto a bound have none."""
        parameters = jnp.broadcast_to(self.parameters, (*sample_shape, *self.parameters.shape))
        codes = self.conditional.sample(_as_key(key), parameters) * self.scaling.spread + self.scaling.center
        return self.bijection(codes.reshape(*sample_shape, *self.code_shape)), [codes]

    def encode(self, value: jax.Array) -> jax.Array:
        """Return the codes of values, side by side."""
        codes = self.bijection.inv(value)
        return codes.reshape(*codes.shape[: codes.ndim - len(self.code_shape)], math.prod(self.code_shape))

    def log_prob(self, value: jax.Array, intermediates: Sequence[jax.Array] | None = None) -> jax.Array:
        """Return the log density of values, one for each of the batch shape, in nats."""
        codes = intermediates[0] if intermediates else self.encode(value)
        center, spread = self.scaling
        parameters = jnp.broadcast_to(self.parameters, (*codes.shape, self.parameters.shape[-1]))
        factors = self.conditional.log_prob(parameters, (codes - center) / spread) - jnp.log(spread)
        shaped = codes.reshape(*codes.shape[:-1], *self.code_shape)
        volume = self.bijection.log_abs_det_jacobian(shaped, value)
        first = shaped.ndim - len(self.code_shape) + len(self.batch_shape)  # the first axis of the event
        return _sum_from(factors.reshape(shaped.shape), first) - _sum_from(volume, first)


class JointDensity(Distribution):  # type: ignore[misc]
    """The density of all latents together, whose values are the columns of the latents in a space.

    Inferred latents come from the encoder, barren ones from the model. ``seen`` are the observed columns of the
    model, ``codes`` those that the encoder is given for them.
    """

    support = constraints.real_vector

    def __init__(self, encoder: Encoder | None, model: Model, space: Space, seen: jax.Array, codes: jax.Array) -> None:
        self.encoder, self.model, self.space, self.seen, self.codes = encoder, model, space, seen, codes
        super().__init__((), (space.latent_layout.width,), validate_args=False)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Return draws of all latents."""
        encode_key, model_key = jax.random.split(_as_key(key))
        columns = self._place(sample_shape)
        if self.encoder is not None:
            codes = jnp.broadcast_to(self.codes, (*sample_shape, *self.codes.shape))
            drawn = self.encoder.sample(encode_key, codes)
            columns = self.space.decode_latents(drawn, columns)
        if self.space.generative.any():
            with handlers.block():  # what the model draws is no site of the guide
                columns = self.model.redraw(model_key, columns, self.space.generative)
        latents: jax.Array = self.space.split(columns)[0]
        return latents

    def log_prob(self, value: jax.Array) -> jax.Array:
        """Return the log density of values, in nats."""
        leading = value.shape[:-1]
        columns = self.space.join(value, jnp.broadcast_to(self.seen, (*leading, *self.seen.shape)))
        log_prob = jnp.zeros(leading)
        if self.encoder is not None:
            codes = self.space.encode_latents(columns)
            log_prob = self.encoder.log_prob(codes, jnp.broadcast_to(self.codes, (*leading, *self.codes.shape)))
            log_prob = log_prob - self.space.log_det(codes)
        if self.space.generative.any():
            with handlers.block():
                factors = self.model.log_conditionals(columns)
            log_prob = log_prob + factors[..., np.flatnonzero(self.space.generative)].sum(axis=-1)
        return log_prob

    def _place(self, leading: tuple[int, ...]) -> jax.Array:
        """Return columns of the model with the data in their places."""
        return self.space.place(jnp.broadcast_to(self.seen, (*leading, *self.seen.shape)))


def _sum_from(terms: jax.Array, first: int) -> jax.Array:
    return terms.sum(axis=tuple(range(first, terms.ndim)))


def _as_key(key: jax.Array) -> jax.Array:
    """Return a key as JAX types it: NumPyro passes some as their numbers."""
    return key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
