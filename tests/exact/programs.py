"""Programs with latents that are Gaussian given the rest, and others in which none is."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import scan

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0], np.float32)
GROUP = np.arange(20) % 4


def eight_schools():
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("schools", 8):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, ERRORS))


def eight_schools_noncentered():
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("schools", 8):
        effect = numpyro.sample("effect", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(mu + tau * effect, ERRORS))


def regression():
    weights = numpyro.sample("weights", dist.Normal(0, 10).expand([3]).to_event(1))
    scale = numpyro.sample("scale", dist.HalfNormal(10))
    numpyro.sample("y", dist.Normal(X @ weights, scale))


def regression_of_correlated_weights():
    weights = numpyro.sample("weights", dist.MultivariateNormal(jnp.zeros(3), jnp.eye(3) * 2 + 1))
    log_scale = numpyro.sample("log_scale", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(X @ weights, jnp.exp(log_scale)))


def groups():
    mean = numpyro.sample("mean", dist.Normal(0, 10))
    between = numpyro.sample("between", dist.HalfNormal(1))
    within = numpyro.sample("within", dist.HalfNormal(1))
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("group", 4):
        effect = numpyro.sample("effect", dist.Normal(mean, between))
    numpyro.sample("y", dist.Normal(effect[GROUP] + slope * X[:, 0], within))


def lines_of_groups():
    """An intercept and a slope of each of eleven groups, of uneven numbers of rows."""
    group = np.repeat(np.arange(11), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6])
    x = np.linspace(-1, 2, len(group), dtype=np.float32)
    mean, drift = numpyro.sample("mean", dist.Normal(0, 5)), numpyro.sample("drift", dist.Normal(0, 1))
    spread, noise = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("spread", "noise"))
    with numpyro.plate("group", 11):
        a = numpyro.sample("a", dist.Normal(mean, spread))
        b = numpyro.sample("b", dist.Normal(drift, spread))
    numpyro.sample("y", dist.Normal(a[group] + b[group] * x, noise))


def gaussian_process():
    variance = numpyro.sample("variance", dist.LogNormal(0, 1))
    kernel = variance * jnp.exp(-((X[:, :1] - X[:, 0]) ** 2)) + 1e-2 * jnp.eye(20)
    function = numpyro.sample("function", dist.MultivariateNormal(jnp.zeros(20), kernel))
    numpyro.sample("y", dist.Normal(function, 0.1))


def state_space():
    """A chain whose transition is a latent: states and transition are Gaussian each, but not together."""
    noise = numpyro.sample("noise", dist.HalfNormal(1))
    keep = numpyro.sample("keep", dist.Normal(0, 1))

    def step(state, _):
        state = numpyro.sample("state", dist.Normal(keep * state, noise))
        numpyro.sample("y", dist.Normal(state, 1.0))
        return state, None

    scan(step, 0.0, None, length=6)


def long_walk():
    """A chain of twelve states."""
    noise = numpyro.sample("noise", dist.HalfNormal(1))

    def step(state, _):
        state = numpyro.sample("state", dist.Normal(0.9 * state, 1))
        numpyro.sample("y", dist.Normal(state, noise))
        return state, None

    scan(step, jnp.zeros(()), None, length=12)


def product():
    a, b = (numpyro.sample(name, dist.Normal(0, 1)) for name in "ab")
    numpyro.sample("y", dist.Normal(a * b, 1))


def log_normal_data():
    location = numpyro.sample("location", dist.Normal(0, 10))
    numpyro.sample("y", dist.LogNormal(location, 1.0))


def logistic():
    weights = numpyro.sample("weights", dist.Normal(0, 10).expand([3]).to_event(1))
    numpyro.sample("y", dist.Bernoulli(logits=X @ weights))


def heavy_tails():
    weights = numpyro.sample("weights", dist.Normal(0, 10).expand([3]).to_event(1))
    numpyro.sample("y", dist.StudentT(3.0, X @ weights, 1.0))


def poisson():
    level = numpyro.sample("level", dist.Normal(0, 1))
    numpyro.sample("y", dist.Poisson(jnp.exp(level)))


def decided_by_a_comparison():
    level = numpyro.sample("level", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(jnp.where(level > 0, level, 2 * level), 1))


def folded():
    level = numpyro.sample("level", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(jnp.abs(level), 1))


# The program, and the latents that are found to be Gaussian together given the rest.
GAUSSIAN = {
    eight_schools: {"theta", "mu"},
    eight_schools_noncentered: {"effect", "mu"},
    regression: {"weights"},
    regression_of_correlated_weights: {"weights"},
    groups: {"effect", "mean", "slope"},
    lines_of_groups: {"mean", "drift", "a", "b"},
    gaussian_process: {"function"},
    state_space: {"state"},
    long_walk: {"state"},
    product: {"a"},
    log_normal_data: {"location"},
}
OTHERS = (logistic, heavy_tails, poisson, decided_by_a_comparison, folded)
