"""Distributions that are terms of a log density, and not what anything is drawn from."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from numpyro import distributions as dist
from numpyro.distributions import biject_to, constraints

from retrodict.read.numpyro.distributions.numpyro_supports import WRAPPERS, peel


class WeighedTerm(dist.Distribution):  # type: ignore[misc]
    """A distribution whose log density is multiplied by a weight, zero where a mask hides it.

    It draws as if nothing were hidden.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    pytree_data_fields = ("base", "weight")

    def __init__(self, base: Any, weight: Any, shape: tuple[int, ...]) -> None:
        self.base, self.weight = base, weight
        super().__init__(shape, base.event_shape)

    @property
    def support(self) -> Any:
        """That of the distribution."""
        return self.base.support

    def sample(self, key: jax.Array | None, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw from the distribution."""
        return self.base.expand(self.batch_shape).sample(key, sample_shape)

    def log_prob(self, value: Any) -> Any:
        """Return the weighed log density; what is hidden may be no number."""
        density = self.base.log_prob(value)
        return jnp.where(jnp.asarray(self.weight) == 0, 0.0, density) * self.weight

    def icdf(self, q: Any) -> Any:
        """Return quantiles of the distribution."""
        return self.base.icdf(q)


class Flat(dist.Distribution):  # type: ignore[misc]
    """An improper prior that can begin somewhere: it draws a standard normal on the unconstrained scale."""

    arg_constraints: ClassVar[dict[str, Any]] = {}
    pytree_data_fields = ("where",)

    def __init__(self, support: Any, batch_shape: tuple[int, ...], event_shape: tuple[int, ...]) -> None:
        self.where = constraints.independent(support, len(event_shape) - support.event_dim)
        super().__init__(batch_shape, event_shape)

    @property
    def support(self) -> Any:
        """Where the values lie."""
        return self.where

    @classmethod
    def of(cls, fn: Any) -> Flat:
        """Return one on the support of a distribution, of its shape."""
        inner = peel(fn)
        shape = fn.shape()
        return cls(inner.support, shape[: len(shape) - inner.event_dim], inner.event_shape)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw on the unconstrained scale."""
        bijection = biject_to(self.support)
        shape = bijection.inverse_shape((*sample_shape, *self.batch_shape, *self.event_shape))
        return bijection(jax.random.normal(key, shape))

    def log_prob(self, value: Any) -> Any:
        """Return zeros."""
        return jnp.zeros(jnp.broadcast_shapes(jnp.shape(value)[: jnp.ndim(value) - self.event_dim], self.batch_shape))


class Potential(dist.Distribution):  # type: ignore[misc]
    """A term of a log density, as an observed site whose data, zeros, say nothing."""

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support = constraints.real
    pytree_data_fields = ("log_factor",)

    def __init__(self, log_factor: Any) -> None:
        self.log_factor = log_factor
        super().__init__(jnp.shape(log_factor), ())

    def sample(self, key: jax.Array | None, sample_shape: tuple[int, ...] = ()) -> Any:
        """Return zeros."""
        return jnp.zeros((*sample_shape, *self.batch_shape))

    def log_prob(self, value: Any) -> Any:
        """Return the term, whatever the value."""
        return jnp.broadcast_to(self.log_factor, jnp.broadcast_shapes(jnp.shape(value), self.batch_shape))


def weigh(fn: Any, scale: Any) -> Any:
    """Return a distribution whose elements carry the masks in its wrappers, and a scale, as weights.

    >>> masked = dist.Normal(0, 1).expand([2]).mask(jnp.array([True, False]))
    >>> weigh(masked, 2.0).log_prob(jnp.zeros(2)).round(3).tolist()
    [-1.8380000591278076, 0.0]
    """
    inner = peel(fn)
    whole = fn.shape()
    shape = whole[: len(whole) - inner.event_dim]
    weight = jnp.ones(())
    for own, event_dim in [*_list_masks(fn), *([] if scale is None else [(scale, fn.event_dim)])]:
        weight = weight * _widen(jnp.asarray(own), event_dim - inner.event_dim)
    return WeighedTerm(inner, weight, shape).to_event(fn.event_dim - inner.event_dim)


def has_masks(fn: Any) -> bool:
    """Return whether a mask stands in the wrappers of a distribution."""
    return bool(_list_masks(fn))


def _list_masks(fn: Any) -> list[tuple[Any, int]]:
    """Return the masks in the wrappers of a distribution, and the axes of an event where each stands."""
    found = []
    while isinstance(fn, WRAPPERS):
        if isinstance(fn, dist.MaskedDistribution):
            found.append((fn._mask, fn.event_dim))
        fn = fn.base_dist
    return found


def _widen(array: Any, axes: int) -> Any:
    """Return an array with axes of length 1 behind its own, unless it is one number."""
    return array.reshape((*array.shape, *[1] * axes)) if array.ndim else array
