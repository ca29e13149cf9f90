"""The density of an encoder as distributions of NumPyro: of one site, or of all latents together.

NumPyro has no closed form of the KL divergence for these distributions, on purpose: `TraceMeanField_ELBO` would use a
closed form for each site by itself, which is wrong where a latent is drawn before its parents in the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from numpyro import handlers
from numpyro.distributions import Distribution, constraints
from numpyro.distributions.transforms import IdentityTransform

from retrodict.encode.codes import bijection_to, bounds_or_default
from retrodict.encode.encoder import Encoder
from retrodict.graph.bayesnet import Variable
from retrodict.graph.rows import Integers
from retrodict.guide import site_steps
from retrodict.guide.site_steps import Opened, Taken
from retrodict.guide.standing import Standing
from retrodict.posterior.factors import Factor, add_up, draw_factors, score_factors


class SiteDensity(Distribution):  # type: ignore[misc]
    r"""The density of a site, :math:`\log q(z) = \log q(r) - \log |\partial z / \partial r|` for what an encoder draws.

    That is r, its codes in the units of where they stand. They are drawn in ``steps`` of an encoder, all in one or one
    after another. The first step is ``opened``, and draws the first of them at this ``place``. ``shape`` is that of the
    site's value, of which the last ``event_dim`` axes are its event.
    """

    def __init__(
        self,
        variable: Variable,
        shape: Sequence[int],
        event_dim: int,
        encoder: Encoder,
        standing: Standing,
        steps: range,
        place: int,
        opened: Opened,
    ) -> None:
        low, high = bounds_or_default(variable)
        is_real = variable.support == "real"
        self.bijection = IdentityTransform() if is_real else bijection_to(variable.support, low, high)
        together = len(standing.location) if len(steps) == 1 else 1
        self.taken_by = encoder, steps, range(place, place + together)
        self.opened, self.standing = opened, standing
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
        """Return draws of the site, and what their steps gave: values that were rounded onto a bound have no codes."""
        draw = _repeat(lambda key: site_steps.draw(*self.taken_by, key, self.opened), sample_shape)
        own = _as_key(key)
        taken = draw(jax.random.split(own, sample_shape) if sample_shape else own)
        codes = self.standing.put(taken.codes)
        return self.bijection(codes.reshape(*sample_shape, *self.code_shape)), [taken]

    def encode(self, value: jax.Array) -> jax.Array:
        """Return what the encoder draws for values, side by side."""
        codes = self.bijection.inv(value)
        flat = codes.reshape(*codes.shape[: codes.ndim - len(self.code_shape)], math.prod(self.code_shape))
        return self.standing.standardize(flat)

    def log_prob(self, value: jax.Array, intermediates: Sequence[Taken] | None = None) -> jax.Array:
        """Return the log density of values, one for each of the batch shape, in nats."""
        standard, factors, _ = intermediates[0] if intermediates else self.follow(value)
        shaped = self.standing.put(standard).reshape(*standard.shape[:-1], *self.code_shape)
        volume = self.bijection.log_abs_det_jacobian(shaped, value)
        factors = (factors - self.standing.log_scale).reshape(shaped.shape)
        first = shaped.ndim - len(self.code_shape) + len(self.batch_shape)  # the first axis of the event
        return _sum_from(factors, first) - _sum_from(volume, first)

    def follow(self, value: jax.Array) -> Taken:
        """Return what the steps of the site give where it has this value."""
        codes = self.encode(value)
        follow = _repeat(lambda one: site_steps.follow(*self.taken_by, one, self.opened), codes.shape[:-1])
        return follow(codes)


class JointDensity(Distribution):  # type: ignore[misc]
    """The density of some latents together, drawn by factors; values are the columns of a model at these ``places``.

    ``columns`` are those of the model, with all that is known before.
    """

    support = constraints.real_vector

    def __init__(self, factors: Sequence[Factor], columns: jax.Array, places: Integers) -> None:
        self.factors, self.columns, self.places = tuple(factors), columns, places
        super().__init__((), (len(places),), validate_args=False)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Return draws of the latents."""
        return self.sample_with_intermediates(key, sample_shape)[0]

    def sample_with_intermediates(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> tuple[Any, list[Any]]:
        """Return draws of the latents, and their log densities, which come out of the same pass."""
        columns = self._repeat(sample_shape)
        with handlers.block():  # what the model draws is no site of the guide
            columns, densities = draw_factors(self.factors, _as_key(key), columns)
            drawn = zip(self.factors, densities, strict=True)
            terms = [factor.score(columns) if density is None else density for factor, density in drawn]
        return columns[..., self.places], [add_up(terms, columns)]

    def log_prob(self, value: jax.Array, intermediates: Sequence[jax.Array] | None = None) -> jax.Array:
        """Return the log density of values, in nats."""
        if intermediates:
            return intermediates[0]
        with handlers.block():
            return score_factors(self.factors, self.fill(value))

    def fill(self, value: jax.Array) -> jax.Array:
        """Return the columns of the model in which the latents have these values."""
        return self._repeat(value.shape[:-1]).at[..., self.places].set(value)

    def _repeat(self, leading: tuple[int, ...]) -> jax.Array:
        return jnp.broadcast_to(self.columns, (*leading, *self.columns.shape))


def _repeat(function: Callable[[jax.Array], Taken], leading: Sequence[int]) -> Callable[[jax.Array], Taken]:
    """Return a function for arrays with these leading axes."""
    for _ in leading:
        function = jax.vmap(function)
    return function


def _sum_from(terms: jax.Array, first: int) -> jax.Array:
    return terms.sum(axis=tuple(range(first, terms.ndim)))


def _as_key(key: jax.Array) -> jax.Array:
    """Return a key as JAX types it: NumPyro passes some as their numbers."""
    return key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
