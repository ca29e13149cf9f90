"""Programs that nobody here wrote: examples and tutorials of NumPyro (pyro-ppl/numpyro, Apache 2.0), by their file.

Each is the public definition, without what only serves inference: enumeration, prediction, and masks over missing ends
of sequences, which a template has as shorter series.
"""

# ruff: noqa: N803, RUF001  as their authors named them

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import expit, logit
from numpyro.contrib.control_flow import scan


def baseball_fully_pooled(at_bats, hits=None):
    """``examples/baseball.py``, after Efron & Morris 1975."""
    phi = numpyro.sample("phi", dist.Uniform(0, 1))
    with numpyro.plate("num_players", at_bats.shape[0]):
        numpyro.sample("obs", dist.Binomial(at_bats, probs=phi), obs=hits)


def baseball_partially_pooled(at_bats, hits=None):
    """``examples/baseball.py``."""
    m = numpyro.sample("m", dist.Uniform(0, 1))
    kappa = numpyro.sample("kappa", dist.Pareto(1, 1.5))
    with numpyro.plate("num_players", at_bats.shape[0]):
        phi = numpyro.sample("phi", dist.Beta(m * kappa, (1 - m) * kappa))
        numpyro.sample("obs", dist.Binomial(at_bats, probs=phi), obs=hits)


def baseball_with_logit(at_bats, hits=None):
    """``examples/baseball.py``."""
    loc = numpyro.sample("loc", dist.Normal(-1, 1))
    scale = numpyro.sample("scale", dist.HalfCauchy(1))
    with numpyro.plate("num_players", at_bats.shape[0]):
        alpha = numpyro.sample("alpha", dist.Normal(loc, scale))
        numpyro.sample("obs", dist.Binomial(at_bats, logits=alpha), obs=hits)


def multinomial(annotations):
    """``examples/annotation.py``, figure 1 of Paun et al. 2018."""
    num_classes = int(np.max(annotations)) + 1
    num_items, num_positions = annotations.shape
    with numpyro.plate("class", num_classes):
        zeta = numpyro.sample("zeta", dist.Dirichlet(jnp.ones(num_classes)))
    pi = numpyro.sample("pi", dist.Dirichlet(jnp.ones(num_classes)))
    with numpyro.plate("item", num_items, dim=-2):
        c = numpyro.sample("c", dist.Categorical(pi))
        with numpyro.plate("position", num_positions):
            numpyro.sample("y", dist.Categorical(zeta[c]), obs=annotations)


def dawid_skene(positions, annotations):
    """``examples/annotation.py``, figure 2 of Paun et al. 2018, after Dawid & Skene 1979."""
    num_annotators = int(np.max(positions)) + 1
    num_classes = int(np.max(annotations)) + 1
    num_items, num_positions = annotations.shape
    with numpyro.plate("annotator", num_annotators, dim=-2), numpyro.plate("class", num_classes):
        beta = numpyro.sample("beta", dist.Dirichlet(jnp.ones(num_classes)))
    pi = numpyro.sample("pi", dist.Dirichlet(jnp.ones(num_classes)))
    with numpyro.plate("item", num_items, dim=-2):
        c = numpyro.sample("c", dist.Categorical(pi))
        with numpyro.plate("position", num_positions):
            numpyro.sample("y", dist.Categorical(beta[positions, c]), obs=annotations)


def mace(positions, annotations):
    """``examples/annotation.py``, figure 3 of Paun et al. 2018, after Hovy et al. 2013."""
    num_annotators = int(np.max(positions)) + 1
    num_classes = int(np.max(annotations)) + 1
    num_items, num_positions = annotations.shape
    with numpyro.plate("annotator", num_annotators):
        epsilon = numpyro.sample("epsilon", dist.Dirichlet(jnp.full(num_classes, 10)))
        theta = numpyro.sample("theta", dist.Beta(0.5, 0.5))
    with numpyro.plate("item", num_items, dim=-2):
        c = numpyro.sample("c", dist.DiscreteUniform(0, num_classes - 1))
        with numpyro.plate("position", num_positions):
            s = numpyro.sample("s", dist.Bernoulli(1 - theta[positions]))
            probs = jnp.where(s[..., None] == 0, jnp.eye(num_classes)[c], epsilon[positions])
            numpyro.sample("y", dist.Categorical(probs), obs=annotations)


def capture_recapture_1(captures):
    """``examples/capture_recapture.py``, model 1, of animals that were all marked before the first time."""
    n_animals = len(captures)
    phi = numpyro.sample("phi", dist.Uniform(0.0, 1.0))
    rho = numpyro.sample("rho", dist.Uniform(0.0, 1.0))

    def transition_fn(z, y):
        with numpyro.plate("animals", n_animals, dim=-1):
            z = numpyro.sample("z", dist.Bernoulli(dist.util.clamp_probs(phi * z)))
            numpyro.sample("y", dist.Bernoulli(dist.util.clamp_probs(rho * z)), obs=y)
        return z, None

    scan(transition_fn, jnp.ones(n_animals, dtype=jnp.int32), jnp.swapaxes(captures[:, 1:], 0, 1))


def capture_recapture_3(captures):
    """``examples/capture_recapture.py``, model 3, without the reparametrization, of animals marked beforehand."""
    n_animals = len(captures)
    phi_mean = numpyro.sample("phi_mean", dist.Uniform(0.0, 1.0))
    phi_sigma = numpyro.sample("phi_sigma", dist.Uniform(0.0, 10.0))
    rho = numpyro.sample("rho", dist.Uniform(0.0, 1.0))

    def transition_fn(z, y):
        phi_t = expit(numpyro.sample("phi_logit", dist.Normal(logit(phi_mean), phi_sigma)))
        with numpyro.plate("animals", n_animals, dim=-1):
            z = numpyro.sample("z", dist.Bernoulli(dist.util.clamp_probs(phi_t * z)))
            numpyro.sample("y", dist.Bernoulli(dist.util.clamp_probs(rho * z)), obs=y)
        return z, None

    scan(transition_fn, jnp.ones(n_animals, dtype=jnp.int32), jnp.swapaxes(captures[:, 1:], 0, 1))


def capture_recapture_5(captures, sex):
    """``examples/capture_recapture.py``, model 5: a covariate of animals and effects of times."""
    n_animals = len(captures)
    phi_beta = sex * numpyro.sample("phi_beta", dist.Normal(0.0, 10.0))
    rho = numpyro.sample("rho", dist.Uniform(0.0, 1.0))

    def transition_fn(z, y):
        phi_t = expit(phi_beta + numpyro.sample("phi_gamma", dist.Normal(0.0, 10.0)))
        with numpyro.plate("animals", n_animals, dim=-1):
            z = numpyro.sample("z", dist.Bernoulli(dist.util.clamp_probs(phi_t * z)))
            numpyro.sample("y", dist.Bernoulli(dist.util.clamp_probs(rho * z)), obs=y)
        return z, None

    scan(transition_fn, jnp.ones(n_animals, dtype=jnp.int32), jnp.swapaxes(captures[:, 1:], 0, 1))


def hmm_1(sequences, hidden_dim):
    """``examples/hmm_enum.py``, model 1, of sequences of one length."""
    num_sequences, _, data_dim = sequences.shape
    probs_x = numpyro.sample("probs_x", dist.Dirichlet(0.9 * jnp.eye(hidden_dim) + 0.1).to_event(1))
    probs_y = numpyro.sample("probs_y", dist.Beta(0.1, 0.9).expand([hidden_dim, data_dim]).to_event(2))

    def transition_fn(x_prev, y):
        with numpyro.plate("sequences", num_sequences, dim=-2):
            x = numpyro.sample("x", dist.Categorical(probs_x[x_prev]))
            with numpyro.plate("tones", data_dim, dim=-1):
                numpyro.sample("y", dist.Bernoulli(probs_y[x.squeeze(-1)]), obs=y)
        return x, None

    scan(transition_fn, jnp.zeros((num_sequences, 1), dtype=jnp.int32), jnp.swapaxes(sequences, 0, 1))


def hmm_2(sequences, hidden_dim):
    """``examples/hmm_enum.py``, model 2: tones depend on the same tone before."""
    num_sequences, _, data_dim = sequences.shape
    probs_x = numpyro.sample("probs_x", dist.Dirichlet(0.9 * jnp.eye(hidden_dim) + 0.1).to_event(1))
    probs_y = numpyro.sample("probs_y", dist.Beta(0.1, 0.9).expand([hidden_dim, 2, data_dim]).to_event(3))

    def transition_fn(carry, y):
        x_prev, y_prev = carry
        with numpyro.plate("sequences", num_sequences, dim=-2):
            x = numpyro.sample("x", dist.Categorical(probs_x[x_prev]))
            with numpyro.plate("tones", data_dim, dim=-1) as tones:
                y = numpyro.sample("y", dist.Bernoulli(probs_y[x, y_prev, tones]), obs=y)
        return (x, y), None

    x_init = jnp.zeros((num_sequences, 1), dtype=jnp.int32)
    y_init = jnp.zeros((num_sequences, data_dim), dtype=jnp.int32)
    scan(transition_fn, (x_init, y_init), jnp.swapaxes(sequences, 0, 1))


def hmm_3(sequences, hidden_dim):
    """``examples/hmm_enum.py``, model 3: a factorial hidden Markov model."""
    num_sequences, _, data_dim = sequences.shape
    probs_w = numpyro.sample("probs_w", dist.Dirichlet(0.9 * jnp.eye(hidden_dim) + 0.1).to_event(1))
    probs_x = numpyro.sample("probs_x", dist.Dirichlet(0.9 * jnp.eye(hidden_dim) + 0.1).to_event(1))
    probs_y = numpyro.sample("probs_y", dist.Beta(0.1, 0.9).expand([hidden_dim, hidden_dim, data_dim]).to_event(3))

    def transition_fn(carry, y):
        w_prev, x_prev = carry
        with numpyro.plate("sequences", num_sequences, dim=-2):
            w = numpyro.sample("w", dist.Categorical(probs_w[w_prev]))
            x = numpyro.sample("x", dist.Categorical(probs_x[x_prev]))
            with numpyro.plate("tones", data_dim, dim=-1) as tones:
                numpyro.sample("y", dist.Bernoulli(probs_y[w, x, tones]), obs=y)
        return (w, x), None

    start = jnp.zeros((num_sequences, 1), dtype=jnp.int32)
    scan(transition_fn, (start, start), jnp.swapaxes(sequences, 0, 1))


def ar2(first, n_steps):
    """``examples/ar2.py``, with its first two values given."""
    alpha_1 = numpyro.sample("alpha_1", dist.Normal(0, 1))
    alpha_2 = numpyro.sample("alpha_2", dist.Normal(0, 1))
    const = numpyro.sample("const", dist.Normal(0, 1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))

    def transition(carry, _):
        y_prev, y_prev_prev = carry
        m_t = const + alpha_1 * y_prev + alpha_2 * y_prev_prev
        y_t = numpyro.sample("y", dist.Normal(m_t, sigma))
        return (y_t, y_prev), m_t

    scan(transition, (first[1], first[0]), jnp.arange(n_steps))


def stochastic_volatility(returns):
    """``examples/stochastic_volatility.py``, after Hoffman & Gelman 2014."""
    step_size = numpyro.sample("sigma", dist.Exponential(50.0))
    s = numpyro.sample("s", dist.GaussianRandomWalk(scale=step_size, num_steps=jnp.shape(returns)[0]))
    nu = numpyro.sample("nu", dist.Exponential(0.1))
    numpyro.sample("r", dist.StudentT(df=nu, loc=0.0, scale=jnp.exp(s)), obs=returns)


def pulmonary(patient_code, weeks, fvc=None):
    """``notebooks/source/bayesian_hierarchical_linear_regression.ipynb``: the decline of lungs."""
    μ_α = numpyro.sample("μ_α", dist.Normal(0.0, 500.0))
    σ_α = numpyro.sample("σ_α", dist.HalfNormal(100.0))
    μ_β = numpyro.sample("μ_β", dist.Normal(0.0, 3.0))
    σ_β = numpyro.sample("σ_β", dist.HalfNormal(3.0))
    with numpyro.plate("plate_i", len(np.unique(patient_code))):
        α = numpyro.sample("α", dist.Normal(μ_α, σ_α))
        β = numpyro.sample("β", dist.Normal(μ_β, σ_β))
    σ = numpyro.sample("σ", dist.HalfNormal(100.0))
    with numpyro.plate("data", len(patient_code)):
        numpyro.sample("obs", dist.Normal(α[patient_code] + β[patient_code] * weeks, σ), obs=fvc)


def pulmonary_by_smoking(patient_code, weeks, smoking_status, fvc=None):
    """The same notebook, with a level of smoking statuses above the patients."""
    μ_α_global = numpyro.sample("μ_α_global", dist.Normal(0.0, 500.0))
    σ_α_global = numpyro.sample("σ_α_global", dist.HalfNormal(100.0))
    μ_β_global = numpyro.sample("μ_β_global", dist.Normal(0.0, 3.0))
    σ_β_global = numpyro.sample("σ_β_global", dist.HalfNormal(3.0))
    with numpyro.plate("plate_smoking_status", len(np.unique(smoking_status))):
        μ_α = numpyro.sample("μ_α_smoking_status", dist.Normal(μ_α_global, σ_α_global))
        μ_β = numpyro.sample("μ_β_smoking_status", dist.Normal(μ_β_global, σ_β_global))
    with numpyro.plate("plate_i", len(np.unique(patient_code))):
        α = numpyro.sample("α", dist.Normal(μ_α[smoking_status], σ_α_global))
        β = numpyro.sample("β", dist.Normal(μ_β[smoking_status], σ_β_global))
    σ = numpyro.sample("σ", dist.HalfNormal(100.0))
    with numpyro.plate("data", len(patient_code)):
        numpyro.sample("obs", dist.Normal(α[patient_code] + β[patient_code] * weeks, σ), obs=fvc)


def zero_inflated_poisson(X, Y=None):
    """``examples/zero_inflated_poisson.py``."""
    b1 = numpyro.sample("b1", dist.Normal(0.0, 1.0).expand([X.shape[1]]).to_event(1))
    b2 = numpyro.sample("b2", dist.Normal(0.0, 1.0).expand([X.shape[1]]).to_event(1))
    q = expit(jnp.dot(X, b1[:, None])).reshape(-1)
    lam = jnp.exp(jnp.dot(X, b2[:, None]).reshape(-1))
    with numpyro.plate("obs", X.shape[0]):
        numpyro.sample("Y", dist.ZeroInflatedPoisson(gate=q, rate=lam), obs=Y)


def ucbadmit(dept, male, applications):
    """``examples/ucbadmit.py``, after McElreath 2020: effects of departments, correlated by a common matrix."""
    v_mu = numpyro.sample("v_mu", dist.Normal(0, jnp.array([4.0, 1.0])))
    sigma = numpyro.sample("sigma", dist.HalfNormal(jnp.ones(2)))
    correlation = numpyro.sample("L_Rho", dist.LKJCholesky(2, concentration=2))
    scale_tril = sigma[..., jnp.newaxis] * correlation
    z = numpyro.sample("z", dist.Normal(jnp.zeros((len(np.unique(dept)), 2)), 1))
    v = jnp.dot(scale_tril, z.T).T
    logits = v_mu[0] + v[dept, 0] + (v_mu[1] + v[dept, 1]) * male
    numpyro.sample("admit", dist.Binomial(applications, logits=logits))
