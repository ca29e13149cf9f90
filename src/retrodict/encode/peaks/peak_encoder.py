r"""An encoder that draws in the units of the posterior: noise t around its mean, through its covariance.

At data x the search finds the top of the density of codes c and its curvature there, and from these the mean m(x) and a
covariance :math:`W(x) W(x)^\top` with W triangular in the order of drawing. The encoder draws t with
:math:`c = m(x) + W(x)\, t`. What a network has to learn of t is how the posterior differs from a normal one, which
hardly depends on the data: a prior that is a thousand times wider than the posterior does no harm.

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
from retrodict.encode.peaks.moments import MatchedNormal, ScoreRows, draw_alike, match_moments
from retrodict.encode.peaks.peak import Peak, find_peak
from retrodict.graph.rows import Integers

# Tops, and logarithms of spreads, that are farther out than these many standard units of the prior say nothing.
FARTHEST = 30.0
# An effective share below this one says no more than that the density is not normal at all.
LEAST = 1e-3
# Codes that are drawn beside simulated ones from the same posterior, if effectively so many draws were had of it.
FURTHER, ENOUGH = 7, 50.0


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
        return self._express(match_moments(*self._climb(row)))

    def score_starts(self, row: Float[Array, " observed"]) -> Float[Array, " starts"]:
        """Return the log density of the starts of a search; minus infinity where it is no number."""
        scores = self._score(row)(self.starts[:, np.array(self.order[::-1])])
        return jnp.where(jnp.isnan(scores), -jnp.inf, scores)

    def view_from(self, row: Float[Array, " observed"], start: Float[Array, " k"]) -> tuple[Float[Array, ""], Sight]:
        """Return what is seen from the peak above one start, and the log of the mass that a normal has there."""
        score, peak = self._climb(row, start[None])
        mass = peak.height + jnp.log(jnp.diagonal(peak.basis)).sum()
        return mass, self._express(match_moments(score, peak))

    def study(
        self, key: Key[Array, ""], row: Float[Array, " observed"], codes: Float[Array, " k"]
    ) -> tuple[Float[Array, "draws k"], Sight]:
        """Return the noise of codes, and that of further ones with the same posterior, with what is seen of the data.

        Where the density is so far from normal that it cannot be drawn from, the same noise is there again and again.
        """
        score, peak = self._climb(row)
        found = match_moments(score, peak)
        sight = self._express(found)
        points, effective = draw_alike(score, found, key, FURTHER)
        drawn = self.center + self.spread * points[:, self._back]
        further = jnp.where(effective >= ENOUGH, drawn, codes)
        return jax.vmap(sight.standardize)(jnp.concatenate([codes[None], further])), sight

    def _climb(
        self, row: Float[Array, " observed"], starts: Float[Array, "starts k"] | None = None
    ) -> tuple[ScoreRows, Peak]:
        """Return the density of codes in standard units, and its peak; the last coordinate is drawn first."""
        score = self._score(row)
        starts = (self.starts if starts is None else starts)[:, np.array(self.order[::-1])]
        return score, find_peak(lambda point: score(point[None])[0], starts)

    def _score(self, row: Float[Array, " observed"]) -> ScoreRows:
        data = self.density.space.decode_data(row)

        def score(points: Float[Array, "n k"]) -> Float[Array, " n"]:
            codes = self.center + self.spread * points[:, self._back]
            return self.density(codes, jnp.broadcast_to(data, (len(points), *data.shape)))

        return score

    def _express(self, found: MatchedNormal) -> Sight:
        """Return the map from noise to codes, each in its place, and features."""
        back = self._back
        mean, basis, inverse = found.mean[back], found.basis[back][:, back], found.inverse[back][:, back]
        wide = jnp.sqrt((basis**2).sum(axis=1))
        if self.apart:
            basis, inverse = jnp.diag(wide), jnp.diag(1 / wide)
        share = jnp.log(jnp.maximum(found.share, LEAST))[None]
        seen = jnp.clip(jnp.concatenate([mean, jnp.log(wide), share]), -FARTHEST, FARTHEST)
        top = self.center + self.spread * mean
        return Sight(seen, top, self.spread[:, None] * basis, inverse / self.spread)

    @property
    def _back(self) -> Integers:
        """Where each code stands among the coordinates of the search."""
        return np.argsort(np.array(self.order[::-1]))


class Looked(eqx.Module):
    """What has been seen of the one observation that there is, for any number of rows of it."""

    sight: Sight

    def __call__(self, observed: Float[Array, "rows observed"]) -> Sight:
        """Return it for each row."""
        return jax.tree.map(lambda part: jnp.broadcast_to(part, (len(observed), *part.shape)), self.sight)


class PeakEncoder(eqx.Module):
    """A density of codes given data: an encoder of noise, on what a viewer sees, and the map from noise to codes."""

    viewer: Viewer | Looked
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
