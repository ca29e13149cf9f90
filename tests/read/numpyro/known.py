"""Models that NumPyro's users know, written anew and small: each read by the law, or refused for what is said.

After the examples and tutorials of NumPyro, of which each keeps the structure and the traps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.experimental.ode import odeint
from jax.scipy.special import expit, logsumexp
from numpyro import handlers
from numpyro.contrib.control_flow import scan
from numpyro.infer.reparam import LocScaleReparam, TransformReparam
from numpyro.ops.indexing import Vindex

sample, plate = numpyro.sample, numpyro.plate
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Known:
    """A program, its data, and the refusal that it meets, if any."""

    program: Callable[..., Any]
    args: tuple[Any, ...]
    refusal: str | None

    @property
    def name(self) -> str:
        return self.program.__name__


KNOWN: list[Known] = []


def known(*args: Any, refused: str | None = None) -> Callable[[Any], Any]:
    def register(program: Any) -> Any:
        KNOWN.append(Known(program, args, refused))
        return program

    return register


COUNTS, HITS = np.array([45, 40, 30]), np.array([18, 12, 9])


@known(COUNTS, HITS)
def baseball_partially_pooled(trials, hits):
    share, strength = sample("share", dist.Uniform(0, 1)), sample("strength", dist.Pareto(1, 1.5))
    with plate("players", len(trials)):
        rate = sample("rate", dist.Beta(share * strength, (1 - share) * strength))
        sample("hits", dist.Binomial(trials, probs=rate), obs=hits)


@known(COUNTS, HITS)
def baseball_on_the_logit_scale(trials, hits):
    loc, scale = sample("loc", dist.Normal(-1, 1)), sample("scale", dist.HalfCauchy(1))
    with plate("players", len(trials)):
        sample("hits", dist.Binomial(trials, logits=sample("logit", dist.Normal(loc, scale))), obs=hits)


@known(jnp.sin(jnp.arange(6.0)))
def autoregression_of_order_two(y):
    """Data reach the loop through a handler, and start it: two of them are used as they are."""
    first, second = sample("first", dist.Normal(0, 1)), sample("second", dist.Normal(0, 1))
    const, scale = sample("const", dist.Normal(0, 1)), sample("scale", dist.HalfNormal(1))

    def step(carry, _):
        before, last = carry
        mean = numpyro.deterministic("mean", const + first * last + second * before)
        now = sample("y", dist.Normal(mean, scale))
        return (last, now), None

    with handlers.condition(data={"y": y[2:]}):
        scan(step, (y[0], y[1]), None, length=len(y) - 2)


@known(jnp.asarray(RNG.normal(size=(5, 2))))
def vector_autoregression(y):
    const = sample("const", dist.Normal(0, 1).expand([2]).to_event(1))
    weights = sample("weights", dist.Normal(0, 0.5).expand([2, 2]).to_event(2))
    scales = sample("scales", dist.HalfCauchy(1).expand([2]).to_event(1))
    factor = jnp.diag(scales) @ sample("correlation", dist.LKJCholesky(2, 1.0))

    def step(last, _):
        now = sample("y", dist.MultivariateNormal(const + weights @ last, scale_tril=factor))
        return now, None

    with handlers.condition(data={"y": y[1:]}):
        scan(step, y[0], None, length=len(y) - 1)


@known(jnp.exp(0.1 * jnp.arange(5.0)), 2)
def holt_winters(y, seasons):
    """Smoothing feeds each value on: a number that a loop writes into an array at a place it counts."""
    level_rate, season_rate = sample("level_rate", dist.Beta(1, 1)), sample("season_rate", dist.Beta(1, 1))
    level = sample("level", dist.Normal(1, 5))
    season = sample("season", dist.Normal(0, 1).expand([seasons]).to_event(1))
    noise = sample("noise", dist.HalfNormal(5))

    def step(carry, t):
        level, season = carry
        here = season[t % seasons]
        now = sample("y", dist.Normal(level + here, noise))
        new = level_rate * (now - here) + (1 - level_rate) * level
        season = season.at[t % seasons].set(season_rate * (now - new) + (1 - season_rate) * here)
        return (new, season), None

    with handlers.condition(data={"y": y}):
        scan(step, (level, season), jnp.arange(len(y)))


@known(RNG.normal(size=(4, 3)), np.array([0, 2, 0, 1]))
def zero_inflated_poisson(x, y):
    gate = sample("gate", dist.Normal(0, 1).expand([3]).to_event(1))
    slope = sample("slope", dist.Normal(0, 1).expand([3]).to_event(1))
    with plate("rows", len(x)):
        sample("y", dist.ZeroInflatedPoisson(gate=expit(x @ gate), rate=jnp.exp(x @ slope)), obs=y)


@known(RNG.normal(size=(4, 3)), RNG.normal(size=4))
def horseshoe(x, y):
    local, overall = sample("local", dist.HalfCauchy(jnp.ones(3))), sample("overall", dist.HalfCauchy(jnp.ones(1)))
    slopes = numpyro.deterministic("slopes", overall * local * sample("raw", dist.Normal(0.0, jnp.ones(3))))
    sample("y", dist.Normal(jnp.dot(x, slopes), 1 / jnp.sqrt(sample("precision", dist.Gamma(3.0, 1.0)))), obs=y)


@known(RNG.normal(size=(3, 2)), RNG.normal(size=(3, 1)))
def bayesian_network_of_weights(x, y):
    first = sample("first", dist.Normal(jnp.zeros((2, 3)), 1))
    last = sample("last", dist.Normal(jnp.zeros((3, 1)), 1))
    noise = 1.0 / jnp.sqrt(sample("precision", dist.Gamma(3.0, 1.0)))
    with plate("rows", len(x)):
        sample("y", dist.Normal(jnp.tanh(x @ first) @ last, noise).to_event(1), obs=y)


@known(np.linspace(-1, 1, 4), RNG.normal(size=4))
def gaussian_process(x, y):
    variance, length = sample("variance", dist.LogNormal(0, 1)), sample("length", dist.LogNormal(0, 1))
    noise = sample("noise", dist.LogNormal(0, 1))
    covariance = variance * jnp.exp(-0.5 * ((x[:, None] - x) / length) ** 2) + (noise + 1e-3) * jnp.eye(len(x))
    sample("y", dist.MultivariateNormal(jnp.zeros(len(x)), covariance_matrix=covariance), obs=y)


@known(RNG.normal(size=5))
def stochastic_volatility(returns):
    path = sample("path", dist.GaussianRandomWalk(scale=sample("step", dist.Exponential(50.0)), num_steps=len(returns)))
    tails = sample("tails", dist.Exponential(0.1))
    sample("r", dist.StudentT(df=tails, loc=0.0, scale=jnp.exp(path)), obs=returns)


@known(jnp.asarray(RNG.normal(size=(4, 3))), np.array([0, 1, 1, 0]))
def logistic_regression(x, y):
    slopes = sample("slopes", dist.MultivariateNormal(jnp.zeros(3), covariance_matrix=jnp.eye(3)))
    with plate("rows", len(x)):
        sample("y", dist.Bernoulli(logits=x.dot(slopes)), obs=y)


LABELS = np.array([[0, 1], [1, 1], [0, 0]])


@known(LABELS)
def annotators(labels):
    """Dawid and Skene: what an annotator says of an item depends on the annotator's row of a table."""
    n_items, n_annotators = labels.shape
    with plate("annotator", n_annotators, dim=-2), plate("class", 2, dim=-1):
        table = sample("table", dist.Dirichlet(jnp.ones(2)))
    shares = sample("shares", dist.Dirichlet(jnp.ones(2)))
    with plate("item", n_items, dim=-2):
        truth = sample("truth", dist.Categorical(shares))
        with plate("position", n_annotators, dim=-1):
            sample("label", dist.Categorical(Vindex(table)[jnp.arange(n_annotators), truth, :]), obs=labels)


@known(np.array([1, 0, 1, 1]), np.array([0, 1, 2, 1]), np.array([2, 1]), refused=r"factor 'forward' changes")
def semi_supervised_chain(states, words, others):
    """The forward algorithm gives the unsupervised words a factor of their own."""
    move = sample("move", dist.Dirichlet(jnp.ones((2, 2))))
    say = sample("say", dist.Dirichlet(jnp.ones((2, 3))))
    sample("states", dist.Categorical(move[states[:-1]]), obs=states[1:])
    sample("words", dist.Categorical(say[states]), obs=words)
    start = jnp.log(say)[:, others[0]]
    forward, _ = jax.lax.scan(
        lambda logp, w: (logsumexp(logp[:, None] + jnp.log(move) + jnp.log(say)[:, w], axis=0), None), start, others[1:]
    )
    numpyro.factor("forward", logsumexp(forward))


HISTORY = np.array([[1, 0, 1], [0, 1, 1]])


@known(HISTORY, refused=r"mask takes values of 'z'")
def capture_and_recapture(history):
    """Animals count from their first capture on: a mask that the data decide."""
    survival, capture = sample("survival", dist.Uniform(0, 1)), sample("capture", dist.Uniform(0, 1))

    def step(carry, y):
        met, z = carry
        with plate("animals", len(history), dim=-1), handlers.mask(mask=met):
            z = sample("z", dist.Bernoulli(dist.util.clamp_probs(met * survival * z + (1 - met))))
            sample("y", dist.Bernoulli(dist.util.clamp_probs(capture * z)), obs=y)
        return (met | (y > 0), z), None

    scan(step, (jnp.asarray(history[:, 0] > 0), jnp.ones(len(history), int)), jnp.asarray(history[:, 1:].T))


MALE, DEPARTMENT = np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1])


@known(np.array([8, 5, 7, 6]), np.array([5, 4, 2, 3]))
def admissions(applied, admitted):
    """Varying intercepts and slopes by a Cholesky factor, as a reparametrized latent."""
    scales, mean = sample("scales", dist.HalfNormal(jnp.ones(2))), sample("mean", dist.Normal(jnp.zeros(2), 1))
    factor = sample("factor", dist.LKJCholesky(2, concentration=2))
    raw = sample("raw", dist.Normal(jnp.zeros((2, 2)), 1))
    effects = mean + raw @ (scales[:, None] * factor).T
    logits = effects[DEPARTMENT, 0] + effects[DEPARTMENT, 1] * MALE
    sample("admitted", dist.Binomial(applied, logits=logits), obs=admitted)


@known(np.array([[30.0, 4.0], [25.0, 5.0], [35.0, 3.0]]))
def predator_and_prey(y):
    """A differential equation, whose solver is a while loop: every number needs every parameter."""
    start = sample("start", dist.LogNormal(jnp.log(10.0), 1).expand([2]))
    theta = sample("theta", dist.TruncatedNormal(low=0.0, loc=jnp.array([0.5, 0.05]), scale=0.1))

    def flow(z, t, theta):
        return jnp.stack([z[0] * (theta[0] - theta[1] * z[1]), z[1] * (theta[1] * z[0] - theta[0])])

    path = odeint(flow, start, jnp.arange(3.0), theta, rtol=1e-4, atol=1e-3, mxstep=50)
    sample("y", dist.LogNormal(jnp.log(path), sample("sigma", dist.LogNormal(-1, 1).expand([2]))), obs=y)


@known(np.array([0.3, -0.2]))
def funnel_reparametrized(y):
    with handlers.reparam(config={"x": LocScaleReparam(0)}):
        width = sample("width", dist.Normal(0, 3))
        x = sample("x", dist.Normal(jnp.zeros(2), jnp.exp(width / 2)))
    sample("y", dist.Normal(x, 1), obs=y)


@known(1.0, 0.0)
def three_switches(a, c):
    a = sample("a", dist.Bernoulli(sample("p", dist.Uniform(0, 1))), obs=a)
    table = sample("q", dist.Beta(1, 1).expand([2]).to_event(1))
    b = sample("b", dist.Bernoulli(table[jnp.asarray(a, int)]))
    sample("c", dist.Bernoulli(Vindex(sample("r", dist.Beta(1, 1).expand([2])))[b]), obs=c)


@known(RNG.normal(size=(3, 2)), np.array([0, 2, 1]))
def ordinal_regression(x, y):
    slopes = sample("slopes", dist.Normal(0, 1).expand([2]).to_event(1))
    cuts = sample(
        "cuts",
        dist.TransformedDistribution(dist.Normal(0, 1).expand([2]), dist.transforms.OrderedTransform()),
    )
    with plate("rows", len(x)):
        sample("y", dist.OrderedLogistic(x @ slopes, cuts), obs=y)


@known(np.array([0.4, 0.9, 1.5]))
def truncated_with_an_unknown_end(x):
    low = sample("low", dist.Normal(-1.0, 0.1))
    with plate("rows", len(x)):
        sample("x", dist.TruncatedNormal(loc=sample("loc", dist.Normal(0, 1).mask(True)), low=low), obs=x)


DOCUMENTS = np.array([[2, 0, 1], [0, 3, 1]])


@known(DOCUMENTS, DOCUMENTS.sum(axis=1))
def topics(documents, lengths):
    with plate("topics", 2):
        words = sample("words", dist.Dirichlet(jnp.ones(3)))
    with plate("documents", len(documents)):
        shares = sample("shares", dist.Dirichlet(jnp.ones(2)))
        sample("counts", dist.Multinomial(lengths, probs=shares @ words), obs=documents)


@known(DOCUMENTS, refused=r"data of 'counts' are used elsewhere")
def topics_of_documents_that_state_their_length(documents):
    topics(documents, documents.sum(axis=1))


@known(np.array([-2.0, 1.8, 2.2]))
def mixture_of_ordered_components(x):
    shares = sample("shares", dist.Dirichlet(jnp.ones(2)))
    locs = sample("locs", dist.ZeroSumNormal(1.0, event_shape=(2,)))
    scales = sample("scales", dist.InverseGamma(3.0, 1.0).expand([2]))
    with plate("rows", len(x)):
        sample("x", dist.MixtureSameFamily(dist.Categorical(shares), dist.Normal(locs, scales)), obs=x)


PATIENT, WEEK = np.array([0, 0, 1]), np.array([0.0, 1.0, 0.0])


@known(np.array([2.5, 2.4, 3.1]))
def hierarchical_regression(y):
    mean_a, sd_a = sample("mean_a", dist.Normal(0, 5)), sample("sd_a", dist.HalfNormal(5))
    with plate("patients", 2), handlers.reparam(config={"b": TransformReparam()}):
        a = sample("a", dist.Normal(mean_a, sd_a))
        affine = dist.transforms.AffineTransform(mean_a, sd_a)
        b = sample("b", dist.TransformedDistribution(dist.Normal(0, 1), affine))
    with plate("rows", len(y)):
        sample("y", dist.Normal(a[PATIENT] + b[PATIENT] * WEEK, sample("sigma", dist.HalfNormal(5))), obs=y)


@known(np.array([3.0, 4.0, 2.0]), np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
def neighboring_areas(deaths, touches):
    correlation, precision = sample("correlation", dist.Uniform(0, 0.9)), sample("precision", dist.Gamma(2, 1))
    areas = dist.CAR(loc=0.0, correlation=correlation, conditional_precision=precision, adj_matrix=touches)
    sample("deaths", dist.Poisson(jnp.exp(sample("effect", areas))), obs=deaths)


@known(np.array([[2.0, 0.0], [1.0, 4.0]]))
def poisson_factors(counts):
    with plate("documents", 2, dim=-2), plate("topics", 2, dim=-1):
        theta = sample("theta", dist.Gamma(0.3, 0.3))
    with plate("rows", 2, dim=-2), plate("words", 2, dim=-1):
        beta = sample("beta", dist.Gamma(0.3, 0.3))
    with plate("texts", 2, dim=-2), plate("vocabulary", 2, dim=-1):
        sample("counts", dist.Poisson(theta @ beta), obs=counts)


@known(np.array([[[1, 0], [0, 1]], [[0, 1], [1, 1]]]))
def music_of_hidden_states(sequences):
    """Sequences by tones in a loop, where data feed on data of the step before."""
    move = sample("move", dist.Dirichlet(0.9 * jnp.eye(2) + 0.1).to_event(1))
    tones = sample("tones", dist.Beta(1, 1).expand([2, 2, 2]).to_event(3))

    def step(carry, y):
        x, before = carry
        with plate("sequences", 2, dim=-2):
            x = sample("x", dist.Categorical(move[x]))
            with plate("tone", 2, dim=-1) as tone:
                y = sample("y", dist.Bernoulli(Vindex(tones)[x, before, tone]), obs=y)
        return (x, y), None

    start = jnp.zeros((2, 1), int), jnp.zeros((2, 2), int)
    scan(step, start, jnp.swapaxes(jnp.asarray(sequences), 0, 1))


AGES, MISSING = np.array([20.0, np.nan, 31.0]), np.array([1])


@known(refused=r"obs= is computed from what the program draws \('imputed'\).* at 'age'")
def ages_imputed():
    loc, scale = sample("loc", dist.Normal(0, 1)), sample("scale", dist.HalfNormal(1))
    imputed = sample("imputed", dist.Normal(loc, scale).expand([1]).mask(False))
    age = jnp.asarray(AGES).at[MISSING].set(imputed)
    sample("age", dist.Normal(loc, scale).expand([3]), obs=age)
    sample("survived", dist.Bernoulli(logits=age), obs=np.array([0, 1, 1]))


@known(np.array([0.2, 1.4]), np.array([False, True]), refused=r"obs= is computed .*\('z'\).* at 'limit'")
def censored_by_a_constraint(x, above):
    """What lies beyond a limit is known to lie there only."""
    with plate("rows", 2):
        z = sample("z", dist.Normal(0, 1))
        sample("limit", dist.Bernoulli(0.5), obs=jnp.where(above, z > x, 0))
