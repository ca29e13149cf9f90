"""The exact posterior of a linear-Gaussian network, as a network of conditionals along an inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Rows
from retrodict.plan.counts import read_count, read_seed
from retrodict.plan.layout import Floats, Layout


@dataclass(frozen=True, eq=False, repr=False)
class GaussianFactors:
    r"""Conditionals :math:`q(z_i \mid \mathrm{Pa}_i) = N(b_i + \sum_j w_{ij} v_j,\; s_i)` of every latent.

    ``parents`` are numbers of variables of the model, ``weights`` stand beside them; ``bias`` and ``variance``
    have one entry a latent, in topological order. Everything in float64.

    >>> from retrodict import zoo, invert
    >>> model = zoo.binary_tree(depth=3, seed=0)
    >>> factors = model.posterior(invert(model))
    >>> draws = factors.sample({"x3": 1.0, "x4": 0.0, "x5": -1.0, "x6": 2.0}, 100, seed=0)
    >>> draws["x0"].shape, factors.log_prob(draws, {"x3": 1.0, "x4": 0.0, "x5": -1.0, "x6": 2.0}).shape
    ((100,), (100,))
    """

    inverse: Inverse
    parents: Rows
    weights: Floats
    bias: Floats
    variance: Floats

    @cached_property
    def latent_layout(self) -> Layout:
        """Columns of the latents."""
        return Layout.of(self.inverse.net, self.inverse.net.latents)

    @cached_property
    def observed_layout(self) -> Layout:
        """Columns of the observed variables."""
        return Layout.of(self.inverse.net, self.inverse.net.observed)

    def entropy(self) -> float:
        r"""Return :math:`-E_p \log q`, which for a faithful inverse is the entropy of the posterior, in nats."""
        return float(0.5 * np.log(2 * np.pi * np.e * self.variance).sum())

    def coefficients(self, name: Name) -> dict[Name, float]:
        """Return the weight on each parent of a latent."""
        net = self.inverse.net
        latent = int(net.place[net.index(name)])
        span = slice(self.parents.pointer[latent], self.parents.pointer[latent + 1])
        names = net.to_names(self.parents.index[span])
        return dict(zip(names, self.weights[span].tolist(), strict=True))

    def sample(self, data: Mapping[Name, Any], n: int, *, seed: int = 0) -> dict[Name, Floats]:
        """Return ``n`` ancestral samples, ``{latent: array (n, ...)}``; data may have leading axes of its own."""
        columns = self.observed_layout.read(data)
        rng = np.random.default_rng(read_seed(seed))
        noise = rng.standard_normal((read_count("n", n), *columns.shape[:-1], len(self.bias)))
        return self.latent_layout.unpack(self.transform(noise, columns))

    def log_prob(self, draws: Mapping[Name, Any], data: Mapping[Name, Any]) -> Floats:
        """Return log q(z | x) in nats, over the leading axes of draws and data."""
        return self.log_density(self.latent_layout.read(draws, "draws"), self.observed_layout.read(data))

    def transform(self, noise: Floats, observed: Floats) -> Floats:
        """Turn standard normal noise, shape ``(..., latents)``, into draws given the columns of the observed."""
        values = self._join(np.zeros_like(noise), observed)
        places = self.inverse.net.latent_index
        for latent in self.inverse.elimination[::-1].tolist():
            mean = self._mean(values, latent)
            values[..., places[latent]] = mean + np.sqrt(self.variance[latent]) * noise[..., latent]
        return values[..., places]

    def log_density(self, latents: Floats, observed: Floats) -> Floats:
        """Return log q of the columns of latents given those of the observed, in nats."""
        values = self._join(latents, observed)
        means = np.stack([self._mean(values, latent) for latent in range(len(self.bias))], axis=-1)
        terms = (latents - means) ** 2 / self.variance + np.log(2 * np.pi * self.variance)
        return np.asarray(-0.5 * terms.sum(axis=-1))

    def _mean(self, values: Floats, latent: int) -> Floats:
        span = slice(self.parents.pointer[latent], self.parents.pointer[latent + 1])
        return np.asarray(self.bias[latent] + values[..., self.parents.index[span]] @ self.weights[span])

    def _join(self, latents: Floats, observed: Floats) -> Floats:
        """Return columns of all variables; the observed repeat over the axes of draws."""
        net = self.inverse.net
        shape = np.broadcast_shapes(latents.shape[:-1], observed.shape[:-1])
        values = np.empty((*shape, len(net)))
        values[..., net.latent_index] = latents
        values[..., net.observed_index] = observed
        return values
