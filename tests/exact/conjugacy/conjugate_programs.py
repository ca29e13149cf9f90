"""Programs with latents that are conjugate given the rest, and others that look like it and are not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import scan

EXPOSURE = np.array([0.5, 1.0, 2.0, 4.0, 1.5, 3.0], np.float32)
GROUP = np.array([0, 0, 1, 2, 2, 2])
X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)


def sample(name, distribution):
    return numpyro.sample(name, distribution)


# -- the beta family -----------------------------------------------------------------------------------


def beta_bernoulli():
    share = sample("share", dist.Beta(2.0, 3.0))
    sample("y", dist.Bernoulli(share).expand([6]).to_event(1))


def beta_binomial_in_groups():
    a = sample("a", dist.HalfNormal(3.0))
    with numpyro.plate("group", 3):
        share = sample("share", dist.Beta(1 + a, 2.0))
    sample("y", dist.Binomial(10, share[GROUP]))


def uniform_geometric():
    share = sample("share", dist.Uniform(0.0, 1.0))
    sample("y", dist.Geometric(share).expand([4]).to_event(1))


def beta_negative_binomial():
    share = sample("share", dist.Beta(3.0, 3.0))
    sample("y", dist.NegativeBinomial(4.0, probs=share).expand([4]).to_event(1))


def beta_of_the_complement():
    share = sample("share", dist.Beta(1.0, 1.0))
    sample("y", dist.Binomial(5, 1 - share).expand([4]).to_event(1))


# -- powers with gamma distributions -------------------------------------------------------------------


def gamma_poisson():
    rate = sample("rate", dist.Gamma(2.0, 0.5))
    sample("y", dist.Poisson(rate * EXPOSURE))


def exponential_of_groups():
    scale = sample("scale", dist.LogNormal(0.0, 1.0))
    with numpyro.plate("group", 3):
        rate = sample("rate", dist.Exponential(scale))
    sample("y", dist.Exponential(rate[GROUP] * EXPOSURE))


def gamma_gamma():
    rate = sample("rate", dist.Chi2(3.0))
    shape = sample("shape", dist.Gamma(2.0, 2.0))
    sample("y", dist.Gamma(shape, 2 * rate).expand([5]).to_event(1))


def precision_of_a_normal():
    precision = sample("precision", dist.Gamma(2.0, 3.0))
    sample("y", dist.Normal(1.0, 1 / jnp.sqrt(precision)).expand([6]).to_event(1))


def precision_as_a_power():
    precision = sample("precision", dist.Gamma(2.0, 3.0).expand([3]).to_event(1))
    sample("y", dist.Normal(1.0, precision[GROUP] ** -0.5))


def root_of_a_precision():
    """A half normal prior on one over the standard deviation: its square has a gamma distribution."""
    root = sample("root", dist.HalfNormal(2.0))
    sample("y", dist.Normal(1.0, 1 / root).expand([6]).to_event(1))


def variance_of_a_normal():
    variance = sample("variance", dist.InverseGamma(3.0, 2.0))
    sample("y", dist.Normal(X @ jnp.array([1.0, -1.0]), jnp.sqrt(variance)))


def variances_of_a_normal():
    variance = sample("variance", dist.InverseGamma(3.0, 2.0).expand([3]).to_event(1))
    sample("y", dist.Normal(1.0, jnp.sqrt(variance)[GROUP]))


def scaled_covariance():
    variance = sample("variance", dist.InverseGamma(3.0, 2.0))
    kernel = jnp.exp(-((X[:, :1] - X[:, 0]) ** 2)) + 0.1 * jnp.eye(6)
    sample("y", dist.MultivariateNormal(jnp.ones(6), variance * kernel))


def scale_of_an_inverse_gamma():
    scale = sample("scale", dist.Gamma(2.0, 1.0))
    sample("y", dist.InverseGamma(3.0, scale).expand([3]).to_event(1))


def mean_of_an_exponential():
    mean = sample("mean", dist.InverseGamma(3.0, 2.0))
    sample("y", dist.Exponential(1 / mean).expand([5]).to_event(1))


def noise_of_a_chain():
    """Data in a loop, whose scale is a latent outside of it."""
    variance = sample("variance", dist.InverseGamma(3.0, 2.0))

    def step(before, _):
        y = sample("y", dist.Normal(0.5 * before, jnp.sqrt(variance)))
        return y, None

    scan(step, 0.0, None, length=5)


def rates_in_a_loop():
    """A latent in each step of a loop."""

    def step(before, _):
        rate = sample("rate", dist.Gamma(2.0, 1.0))
        sample("y", dist.Poisson(rate))
        return before, None

    scan(step, 0.0, None, length=4)


# -- the Dirichlet family ------------------------------------------------------------------------------


def dirichlet_categorical():
    shares = sample("shares", dist.Dirichlet(jnp.array([1.0, 2.0, 3.0])))
    with numpyro.plate("n", 6):
        sample("y", dist.Categorical(shares))


def dirichlet_multinomial():
    shares = sample("shares", dist.Dirichlet(jnp.array([1.0, 2.0, 0.5])))
    sample("y", dist.Multinomial(9, shares))


def rows_of_a_table():
    rows = sample("rows", dist.Dirichlet(jnp.full((3, 3), 0.7)).to_event(1))
    with numpyro.plate("n", 6):
        sample("y", dist.Categorical(rows[GROUP]))


def transitions():
    rows = sample("rows", dist.Dirichlet(jnp.ones((3, 3))).to_event(1))

    def step(state, _):
        state = sample("y", dist.Categorical(rows[state]))
        return state, None

    scan(step, 0, None, length=6)


# The program, and the latents that are conjugate given all others.
CONJUGATE = {
    beta_bernoulli: {"share"},
    beta_binomial_in_groups: {"share"},
    uniform_geometric: {"share"},
    beta_negative_binomial: {"share"},
    beta_of_the_complement: {"share"},
    gamma_poisson: {"rate"},
    exponential_of_groups: {"rate"},
    gamma_gamma: {"rate"},
    precision_of_a_normal: {"precision"},
    precision_as_a_power: {"precision"},
    root_of_a_precision: {"root"},
    variance_of_a_normal: {"variance"},
    variances_of_a_normal: {"variance"},
    scaled_covariance: {"variance"},
    scale_of_an_inverse_gamma: {"scale"},
    mean_of_an_exponential: {"mean"},
    noise_of_a_chain: {"variance"},
    rates_in_a_loop: {"rate"},
    dirichlet_categorical: {"shares"},
    dirichlet_multinomial: {"shares"},
    rows_of_a_table: {"rows"},
    transitions: {"rows"},
}


# -- no conjugate pairs --------------------------------------------------------------------------------


def logits():
    sample("y", dist.Bernoulli(logits=sample("v", dist.Beta(2.0, 2.0))))


def part_of_a_share():
    sample("y", dist.Bernoulli(0.5 * sample("v", dist.Beta(2.0, 2.0))))


def square_of_a_share():
    sample("y", dist.Bernoulli(sample("v", dist.Beta(2.0, 2.0)) ** 2))


def twice_in_one_density():
    v = sample("v", dist.Gamma(2.0, 1.0))
    sample("y", dist.Normal(v, 1 / jnp.sqrt(v)))


def rate_and_shape():
    v = sample("v", dist.Gamma(2.0, 1.0))
    sample("y", dist.Gamma(v, v))


def square_of_a_rate():
    sample("y", dist.Poisson(sample("v", dist.Gamma(2.0, 1.0)) ** 2))


def rate_with_an_offset():
    sample("y", dist.Poisson(sample("v", dist.Gamma(2.0, 1.0)) + 1))


def standard_deviation_with_a_gamma_prior():
    sample("y", dist.Normal(0.0, sample("v", dist.Gamma(2.0, 1.0))))


def variance_with_a_gamma_prior():
    sample("y", dist.Normal(0.0, jnp.sqrt(sample("v", dist.Gamma(2.0, 1.0)))))


def variance_with_noise():
    sample("y", dist.Normal(0.0, jnp.sqrt(sample("v", dist.InverseGamma(2.0, 1.0)) + 0.5)))


def half_cauchy_scale():
    sample("y", dist.Normal(0.0, sample("v", dist.HalfCauchy(1.0))))


def log_normal_rate():
    sample("y", dist.Poisson(sample("v", dist.LogNormal(0.0, 1.0))))


def sum_of_elements():
    v = sample("v", dist.Gamma(2.0, 1.0).expand([3]).to_event(1))
    sample("y", dist.Poisson(v.sum()))


def product_of_elements():
    v = sample("v", dist.Gamma(2.0, 1.0).expand([2]).to_event(1))
    sample("y", dist.Poisson(v[0] * v[1]))


def products_of_shifted_elements():
    v = sample("v", dist.Gamma(2.0, 1.0).expand([4]).to_event(1))
    sample("y", dist.Poisson(v[1:] * v[:-1]))


def products_of_groups():
    v = sample("v", dist.Gamma(2.0, 1.0).expand([3]).to_event(1))
    sample("y", dist.Poisson(v[GROUP] * v[GROUP[::-1]]))


def end_of_the_data():
    """The density is 1 / v, but only where the data are less than v."""
    sample("y", dist.Uniform(0.0, sample("v", dist.Gamma(2.0, 1.0))))


def start_of_the_data():
    v = sample("v", dist.Gamma(2.0, 1.0))
    base = dist.Exponential(1.0)
    sample("y", dist.TransformedDistribution(base, dist.transforms.AffineTransform(v, 1.0, dist.constraints.positive)))


def decided_by_a_comparison():
    v = sample("v", dist.Gamma(2.0, 1.0))
    sample("y", dist.Poisson(jnp.where(v > 1, v, 2 * v)))


def rate_and_index():
    v = sample("v", dist.Gamma(2.0, 1.0))
    sample("y", dist.Poisson(v * jnp.array([1.0, 2.0, 3.0])[jnp.clip(v.astype(int), 0, 2)]))


def clamped_rate():
    sample("y", dist.Poisson(jnp.maximum(sample("v", dist.Gamma(2.0, 1.0)), 0.5)))


def bounded_share():
    sample("y", dist.Bernoulli(sample("v", dist.Uniform(0.2, 0.8))))


def rest_of_a_rate():
    """1 - v is no probability here, and its sign depends on v."""
    v = sample("v", dist.Gamma(2.0, 1.0))
    sample("y", dist.Normal(0.0, jnp.where(1 - v > 0, 1.0, 2.0)))


def softmax_of_shares():
    sample("y", dist.Categorical(logits=sample("v", dist.Dirichlet(jnp.ones(3)))))


def mixed_shares():
    v = sample("v", dist.Dirichlet(jnp.ones(3)))
    sample("y", dist.Categorical(0.5 * v + 0.5 / 3))


def other_side_of_a_share():
    sample("y", dist.Bernoulli(1 - sample("v", dist.Dirichlet(jnp.ones(3)))[0]))


def hidden_slope():
    """A slope that is not that of the values."""
    v = sample("v", dist.Gamma(2.0, 1.0))
    sample("y", dist.Poisson(jax.lax.stop_gradient(v)))


def marginal_of_a_gamma():
    sample("y", dist.GammaPoisson(2.0, sample("v", dist.Gamma(2.0, 1.0))))


def zero_inflated():
    sample("y", dist.ZeroInflatedPoisson(0.3, sample("v", dist.Gamma(2.0, 1.0))))


def student():
    sample("y", dist.StudentT(3.0, 0.0, sample("v", dist.InverseGamma(2.0, 1.0))))


def multiplied_in_a_loop():
    v = sample("v", dist.Gamma(2.0, 1.0))

    def step(level, _):
        level = level * v
        sample("y", dist.Poisson(level))
        return level, None

    scan(step, 1.0, None, length=4)


def chain_of_rates():
    def step(before, _):
        v = sample("v", dist.Gamma(2.0, before))
        sample("y", dist.Poisson(v))
        return v, None

    scan(step, 1.0, None, length=4)


OTHERS = (
    logits,
    part_of_a_share,
    square_of_a_share,
    twice_in_one_density,
    rate_and_shape,
    square_of_a_rate,
    rate_with_an_offset,
    standard_deviation_with_a_gamma_prior,
    variance_with_a_gamma_prior,
    variance_with_noise,
    half_cauchy_scale,
    log_normal_rate,
    sum_of_elements,
    product_of_elements,
    products_of_shifted_elements,
    products_of_groups,
    end_of_the_data,
    start_of_the_data,
    decided_by_a_comparison,
    rate_and_index,
    clamped_rate,
    bounded_share,
    rest_of_a_rate,
    softmax_of_shares,
    mixed_shares,
    other_side_of_a_share,
    hidden_slope,
    marginal_of_a_gamma,
    zero_inflated,
    student,
    multiplied_in_a_loop,
    chain_of_rates,
)
