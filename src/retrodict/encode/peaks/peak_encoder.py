r"""An encoder that draws in the units of the posterior: noise t around the top of the density, through its curvature.

At data x the density of codes c has its top at m(x) and, by its curvature, a covariance :math:`W(x) W(x)^\top` with W
triangular in the order of drawing. The encoder draws t with :math:`c = m(x) + W(x)\, t`. What a network has to learn of
t is how the posterior differs from a normal one, which hardly depends on the data: a prior that is a thousand times
wider than the posterior does no harm. With t standard normal this is Laplace's approximation.

Sources: Tierney & Kadane 1986 (Laplace's method); Kim et al. 2018, Semi-amortized variational autoencoders.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder, Latents, Nats, Observed
from retrodict.encode.peaks.distinct import map_distinct
from retrodict.encode.peaks.marginal_density import MarginalDensity
from retrodict.encode.peaks.peak import find_peak

# Tops, and logarithms of spreads, that are farther out than these many standard units of the prior say nothing.
FARTHEST = 30.0


class Sight(NamedTuple):
    """What is seen of data: features for a network, and the affine map from noise to codes and back."""

    features: Float[Array, "*rows features"]
    top: Float[Array, "*rows k"]
    basis: Float[Array, "*rows k k"]
    inverse: Float[Array, "*rows k k"]

    def standardize(self, codes: Float[Array, "*rows k"]) -> Float[Array, "*rows k"]:
        """Return the noise that codes are made of."""
        return jnp.einsum("...ij,...j->...i", self.inverse, codes - self.top)


class Viewer(eqx.Module):
    """Sees data by the peak of a density. ``center`` and ``spread`` are the standard units of codes.

    The search begins at ``starts``, in standard units. ``order`` are the codes in the order in which they are drawn.
    Where ``apart``, the map is diagonal: each code has noise of its own, whatever the curvature says of others.
    """

    center: Float[Array, " k"]
    spread: Float[Array, " k"]
    starts: Float[Array, "starts k"]
    density: MarginalDensity = eqx.field(static=True)
    order: tuple[int, ...] = eqx.field(static=True)
    apart: bool = eqx.field(static=True)

    def __call__(self, observed: Float[Array, "rows observed"]) -> Sight:
        """Return what is seen of each row of the observed variables; equal rows are looked at once."""
        return jax.tree.map(jax.lax.stop_gradient, map_distinct(self.view, observed))

    def view(self, row: Float[Array, " observed"]) -> Sight:
        """Return what is seen of one value of the observed variables, in the form in which encoders are given it."""
        space = self.density.space
        data = space.split(space.decode_observed(row))[1]
        # The peak's last coordinate is drawn first.
        turned = np.array(self.order[::-1])
        back = np.argsort(turned)

        def score(point: Float[Array, " k"]) -> Float[Array, ""]:
            codes = self.center + self.spread * point[back]
            return self.density(codes[None], data[None])[0]

        peak = find_peak(score, self.starts[:, turned])
        top, basis, inverse = peak.top[back], peak.basis[back][:, back], peak.inverse[back][:, back]
        wide = jnp.sqrt((basis**2).sum(axis=1))
        if self.apart:
            basis, inverse = jnp.diag(wide), jnp.diag(1 / wide)
        seen = jnp.clip(jnp.concatenate([top, jnp.log(wide)]), -FARTHEST, FARTHEST)
        return Sight(
            seen,
            self.center + self.spread * top,
            self.spread[:, None] * basis,
            inverse / self.spread,
        )


class PeakEncoder(eqx.Module):
    """A density of codes given data: an encoder of noise, on what a viewer sees, and the map from noise to codes."""

    viewer: Viewer
    own: Encoder

    @property
    def network(self) -> Any:
        """That of the encoder of noise."""
        return self.own.network

    @property
    def conditional(self) -> Any:
        """Those of the encoder of noise."""
        return self.own.conditional

    def log_prob(self, latents: Latents, observed: Observed) -> Nats:
        """Return log q of codes given data, in nats."""
        flat, rows = latents.reshape(-1, latents.shape[-1]), observed.reshape(-1, observed.shape[-1])
        sight = self.viewer(rows)
        noise = sight.standardize(flat)
        found = self.own.log_prob(noise, sight.features) - _log_det(sight)
        return found.reshape(latents.shape[:-1])

    def sample(self, key: Key[Array, ""], observed: Observed) -> Latents:
        """Return one draw for each row of observed values."""
        return self.sample_and_log_prob(key, observed)[0]

    def sample_and_log_prob(self, key: Key[Array, ""], observed: Observed) -> tuple[Latents, Nats]:
        """Return one draw for each row of observed values and its log density in nats."""
        rows = observed.reshape(-1, observed.shape[-1])
        sight = self.viewer(rows)
        noise, log_density = self.own.sample_and_log_prob(key, sight.features)
        codes = sight.top + jnp.einsum("nij,nj->ni", sight.basis, noise)
        shape = observed.shape[:-1]
        return codes.reshape(*shape, -1), (log_density - _log_det(sight)).reshape(shape)


def _log_det(sight: Sight) -> Float[Array, " rows"]:
    """Return the log of the volume that a unit of noise becomes: the map is triangular."""
    return jnp.log(jnp.diagonal(sight.basis, axis1=-2, axis2=-1)).sum(axis=-1)
