"""Programs for the tests of guides, with what is known of them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.stats import multivariate_normal


def normal(x=None):
    """z given x is N(x / 2, 1 / 2)."""
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(z, 1.0), obs=x)


def tree(x=None):
    """A root, two children, two leaves of each, whose values are the data."""
    root = numpyro.sample("root", dist.Normal(0.0, 1.0))
    left = numpyro.sample("left", dist.Normal(root, 1.0))
    right = numpyro.sample("right", dist.Normal(0.5 * root, 1.0))
    numpyro.sample("x", dist.Normal(jnp.stack([left, left, right, right]), 1.0), obs=x)


def layered_tree(x=None):
    """The same, its layers as vectors."""
    root = numpyro.sample("root", dist.Normal(0.0, 1.0))
    layer = numpyro.sample("layer", dist.Normal(root * jnp.array([1.0, 0.5]), 1.0).to_event(1))
    numpyro.sample("x", dist.Normal(jnp.repeat(layer, 2), 1.0), obs=x)


TREE_DATA = np.array([1.0, 2.0, -0.5, 0.3])
_MAP = np.array([[1, 1, 0], [1, 1, 0], [0.5, 0, 1], [0.5, 0, 1]], dtype=float)  # leaves from the noise above
TREE_COVARIANCE = _MAP @ _MAP.T + np.eye(4)
TREE_EVIDENCE = float(multivariate_normal(cov=TREE_COVARIANCE).logpdf(TREE_DATA))
# Of root, left and right given the leaves.
_NOISE = np.array([[1, 0, 0], [1, 1, 0], [0.5, 0, 1]], dtype=float)
_GAIN = _NOISE @ _MAP.T @ np.linalg.inv(TREE_COVARIANCE)
TREE_MEAN = _GAIN @ TREE_DATA
TREE_SD = np.sqrt(np.diag(_NOISE @ _NOISE.T - _GAIN @ _MAP @ _NOISE.T))
_PRECISION = np.linalg.inv(_NOISE @ _NOISE.T - _GAIN @ _MAP @ _NOISE.T)
# What the best guide with independent latents lacks, in nats.
TREE_GAP = 0.5 * (np.log(np.diag(_PRECISION)).sum() - np.linalg.slogdet(_PRECISION)[1])


def supports(y=None):
    """A latent on each of several supports, in plates and events, all of which the data need."""
    scale = numpyro.sample("scale", dist.HalfNormal(1.0))
    share = numpyro.sample("share", dist.Dirichlet(jnp.ones(3)))
    angle = numpyro.sample("angle", dist.Uniform(-1.0, 2.0))
    with numpyro.plate("outer", 2, dim=-2), numpyro.plate("inner", 3, dim=-1):
        pair = numpyro.sample("pair", dist.Normal(0.0, scale).expand([2]).to_event(1))
        numpyro.sample("y", dist.Normal(pair.sum(-1) + share + angle, 1.0), obs=y)


def predicting(x=None):
    """Two barren latents, one of them discrete."""
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(z, 1.0), obs=x)
    with numpyro.plate("futures", 3):
        rate = numpyro.sample("rate", dist.LogNormal(z, 1.0))
        numpyro.sample("count", dist.Poisson(rate))


def mixture(x=None):
    """A discrete latent that the data inform."""
    z = numpyro.sample("z", dist.Bernoulli(0.5))
    numpyro.sample("x", dist.Normal(3.0 * z, 1.0), obs=x)


def subsampled(x=None):
    """A plate with latents, of which some are taken."""
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    with numpyro.plate("rows", 10, subsample_size=5) as rows:
        own = numpyro.sample("own", dist.Normal(z, 1.0))
        numpyro.sample("x", dist.Normal(own, 1.0), obs=None if x is None else x[rows])
