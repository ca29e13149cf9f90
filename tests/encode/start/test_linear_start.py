"""The linear start: exact conditionals of linear-Gaussian models up to sampling, in every network and family."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict import BayesNet, LinearGaussian, Variable, invert, zoo
from retrodict.encode.binary_concrete import relax_encoder
from retrodict.encode.build import build_encoder
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Scaling
from retrodict.encode.networks.network import BlockNetwork, DenseNetwork
from retrodict.encode.networks.stacked import StackedNetwork
from retrodict.encode.start.linear_start import count_draws, see, start_linearly
from retrodict.encode.summaries import Summarized
from retrodict.invert import fully_connected
from retrodict.paper.yardstick import measure_kl
from retrodict.plan.dependencies import Dependencies
from retrodict.posterior.sharing import share
from tests.quick import quick
from tests.random_models import models


def build(inverse, latents, observed, **options):
    dependencies = Dependencies.of(inverse).by_column()
    scaling = Scaling.of(dependencies, options.pop("summaries", ()), observed, latents)
    return build_encoder(inverse, jax.random.key(0), scaling=scaling, **options)


def start(model, inverse, draws, weights=None, **options):
    latents, observed = map(np.asarray, share(model, inverse).simulate_codes(jax.random.key(1), draws))
    return start_linearly(build(inverse, latents, observed, **options), observed, latents, weights)


def measure(model, inverse, encoder, n=4000):
    latents, observed = map(np.asarray, share(model, inverse).simulate_codes(jax.random.key(2), n))
    return measure_kl(model.posterior(inverse), encoder, latents, observed)


def expect(inverse, draws):
    """The KL that regressions cost on average, to first order: half a number that is estimated, over the draws."""
    return (Dependencies.of(inverse).parents.lengths + 2).sum() / (2 * draws)


LAYOUTS = {(4, "shared"): BlockNetwork, (3, "shared"): None, (4, "separate"): StackedNetwork}
STARTS = [(family, *layout) for family in ("normal", "mixture", "spline") for layout in LAYOUTS]
FEW = [("mixture", 4, "shared"), ("spline", 3, "shared"), ("normal", 4, "separate")]


@pytest.mark.parametrize("start_of", quick(STARTS, FEW), ids=lambda case: "-".join(map(str, case)))
def test_trees_start_at_their_posterior(start_of):
    family, depth, network = start_of
    layout = LAYOUTS[depth, network]
    model = zoo.binary_tree(depth)
    inverse = invert(model)
    encoder = start(model, inverse, 4096, network=network, conditional=family)
    assert layout is None or isinstance(encoder.network, layout)
    kl, error = measure(model, inverse, encoder)
    bent = 2e-4 * len(model.net.latents) * (family == "mixture")  # a mixture is no normal
    assert kl < 3 * expect(inverse, 4096) + bent + 4 * error
    assert kl / len(model.net.latents) < 0.0014  # what 4,096 simulations gave at depth 5


def test_the_dense_layout_starts_as_well():
    model = zoo.binary_tree(3)
    inverse = fully_connected(model.net)
    encoder = start(model, inverse, 4096)
    assert isinstance(encoder.network, DenseNetwork)
    kl, error = measure(model, inverse, encoder)
    assert kl < 3 * expect(inverse, 4096) + 4 * error


@settings(max_examples=12, deadline=None)
@given(models(6), st.integers(0, 1000), st.sampled_from(["shared", "separate"]))
def test_random_linear_gaussian_models_start_within_the_error_of_sampling(random_model, seed, network):
    net, rng = random_model.net, np.random.default_rng(seed)
    weights = {v: {u: rng.normal() for u in net.parents(v)} for v in net.names}
    model = LinearGaussian.from_weights(net, weights, rng.normal(size=len(net)), rng.uniform(0.3, 2, len(net)))
    inverse = invert(model)
    drawn = [name for name in net.latents if name not in inverse.generative]
    if not drawn:
        return
    rows = rng.multivariate_normal(model.mean, model.covariance, 8192)
    latents, observed = rows[:, [net.index(v) for v in drawn]], rows[:, [net.index(v) for v in net.observed]]
    (first, fresh), (seen, given_these) = np.split(latents, 2), np.split(observed, 2)
    encoder = start_linearly(build(inverse, first, seen, network=network), seen, first)
    judged = eqx.filter_jit(encoder.log_prob)(np.float32(fresh), np.float32(given_these))
    gap = log_density(model, drawn, fresh, given_these) - np.asarray(judged, np.float64)
    assert gap.mean() < 6 * expect(inverse, 4096) + 5 * gap.std() / np.sqrt(4096)


def log_density(model, drawn, latents, observed):
    """The log density of these latents given what is observed, by the joint covariance."""
    here, there = ([model.net.index(name) for name in names] for names in (drawn, model.net.observed))
    joint, known = (
        scipy.stats.multivariate_normal(model.mean[which], model.covariance[np.ix_(which, which)])
        for which in ([*here, *there], there)
    )
    return joint.logpdf(np.hstack([latents, observed])) - known.logpdf(observed)


def test_weights_count_as_repeated_draws():
    model = zoo.binary_tree(2)
    inverse = invert(model)
    latents, observed = map(np.asarray, share(model, inverse).simulate_codes(jax.random.key(1), 500))
    counts = np.random.default_rng(0).integers(0, 3, 500)
    untrained = build(inverse, latents, observed)
    repeated = start_linearly(untrained, np.repeat(observed, counts, axis=0), np.repeat(latents, counts, axis=0))
    weighted = start_linearly(untrained, observed, latents, counts.astype(float))
    rows = jnp.asarray(np.hstack([observed, latents])[:50])
    run = eqx.filter_jit(lambda encoder: encoder.network(rows))
    np.testing.assert_allclose(run(weighted), run(repeated), atol=0.02)


@pytest.mark.parametrize("network", ["shared", "separate"])
def test_draws_and_densities_of_a_start_agree(network):
    model = zoo.binary_tree(4)
    inverse = invert(model)
    encoder = start(model, inverse, 4096, network=network)
    observed = jnp.ones((50, len(model.net.observed)))
    drawn, density = eqx.filter_jit(encoder.sample_and_log_prob)(jax.random.key(3), observed)
    np.testing.assert_allclose(eqx.filter_jit(encoder.log_prob)(drawn, observed), density, rtol=1e-4, atol=1e-3)


BINARY = {"support": "boolean", "categories": 2, "bounds": (0, 1)}
MIXED = BayesNet(
    {"a": [], "c": ["a"], "k": ["c"], "r": ["k"], "x": ["r"], "y": ["a"], "w": ["c"]},
    observed=["x", "y", "w"],
    variables=[
        Variable("a", **BINARY),
        Variable("c", categories=3),
        Variable("k", support="integer", bounds=(0, np.inf)),
        Variable("y", categories=3),
    ],
)


def simulate_mixed(draws, seed=0):
    """Latents a, c, k, r and observed x, y, w."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2, draws)
    c = np.where(rng.random(draws) < 0.7, a, 2)
    k = rng.poisson(2.0 + 3 * c)
    r = k + rng.normal(size=draws)
    x, y = r + 0.5 * rng.normal(size=draws), np.where(rng.random(draws) < 0.8, a, 2)
    return np.stack([a, c, k, r], axis=1).astype(np.float32), np.stack([x, y, c + a + rng.normal(size=draws)], axis=1)


@pytest.mark.parametrize("network", ["shared", "separate"])
def test_every_family_starts_better_than_what_knows_no_parents(network):
    inverse = invert(MIXED)
    assert MIXED.latents == ("a", "c", "k", "r")
    latents, observed = simulate_mixed(6000)
    encoder = start_linearly(build(inverse, latents, observed, network=network), observed, latents)
    fresh, seen = (jnp.asarray(part, jnp.float32) for part in simulate_mixed(6000, seed=1))
    losses = -np.asarray(eqx.filter_jit(encoder.log_factors)(fresh, seen)).mean(axis=0)
    blind = [scipy.stats.entropy(np.bincount(part.astype(int))) for part in latents.T[:3]]
    blind.append(0.5 * np.log(2 * np.pi * np.e * latents[:, 3].var()))
    assert (losses < np.array(blind) - 0.1).all()


def test_a_category_with_one_categorical_parent_starts_at_the_frequencies():
    variables = [Variable("z", **BINARY), Variable("x", categories=3)]
    net = BayesNet({"z": [], "x": ["z"]}, observed=["x"], variables=variables)
    latents, observed = simulate_mixed(5000)[0][:, :1], simulate_mixed(5000)[1][:, 1:2]
    encoder = start_linearly(build(invert(net), latents, observed), observed, latents)
    score = eqx.filter_jit(encoder.log_prob)
    for value in np.unique(observed):
        share_of_ones = latents[observed == value].mean()
        found = np.exp(score(np.ones((1, 1), np.float32), np.full((1, 1), value, np.float32))).item()
        assert found == pytest.approx(share_of_ones, abs=0.005)


class Still(Conditional):
    """A family without a start."""

    n_parameters: int = eqx.field(static=True, default=2)

    def log_prob(self, parameters, values):
        return -jnp.abs(values - parameters[..., 0])

    def sample(self, key, parameters):
        return parameters[..., 0]


@pytest.mark.parametrize("options", [{"conditional": Still()}, {"skip": False}], ids=["family", "skip"])
def test_what_has_no_start_keeps_its_first_parameters(options):
    model = zoo.binary_tree(2)
    latents, observed = map(np.asarray, share(model, invert(model)).simulate_codes(jax.random.key(1), 100))
    untrained = build(invert(model), latents, observed, **options)
    assert eqx.tree_equal(start_linearly(untrained, observed, latents), untrained)


def halve_vector(values):
    return values[:2] * 0.5


@pytest.mark.parametrize("network", ["shared", "separate"])
def test_features_of_summaries_are_left_out_until_they_are_learned(network):
    net = BayesNet({"z": [], "x": ["z"], "y": ["z"]}, observed=["x", "y"], variables=[Variable("x", size=3)])
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(3000, 1))
    observed = np.hstack([latents + 0.1 * rng.normal(size=(3000, 3)), 2 * latents + rng.normal(size=(3000, 1))])
    summary = Summarized("x", halve_vector, (net.observed.index("x"),), (3,), 2)
    encoder = build(invert(net), latents, observed, summaries=(summary,), network=network)
    encoder = build_encoder(invert(net), jax.random.key(0), network, scaling=encoder.scaling, summaries=(summary,))
    encoder = start_linearly(encoder, observed, latents)
    inputs = see(encoder, np.hstack([observed, latents]))
    assert (inputs[:, 1:3] == 0).all()
    parameters = encoder.network(jnp.asarray(np.vstack([inputs[:1], inputs[:1] + np.array([0, 5.0, 5.0, 0])])))
    np.testing.assert_array_equal(parameters[0], parameters[1])
    left = float(jnp.exp(encoder.conditional.log_scale(parameters))[0, 0] * encoder.scaling.spread[-1])
    assert left == pytest.approx(np.sqrt(1 / 5), rel=0.05)  # of z given y


def test_in_double_precision_networks_see_the_same():
    latents, observed = simulate_mixed(300)
    observed[0, 0] = 1e6  # far out
    encoder = build(invert(MIXED), latents, observed)
    columns = np.hstack([observed, latents])
    expected = encoder.features(encoder.scaling, jnp.asarray(columns, jnp.float32))
    np.testing.assert_allclose(see(encoder, columns), expected, rtol=1e-4, atol=1e-5)


def test_relaxed_columns_are_seen_as_shares():
    variables = [Variable(name, **BINARY) for name in "zv"]
    net = BayesNet({"z": [], "v": ["z"], "x": ["v", "z"]}, observed=["x"], variables=variables)
    encoder = relax_encoder(build_encoder(invert(net), jax.random.key(0)), 0.5)
    columns = np.random.default_rng(0).normal(size=(20, 3))
    expected = encoder.features(encoder.scaling, jnp.asarray(columns, jnp.float32))
    np.testing.assert_allclose(see(encoder, columns), expected, rtol=1e-4, atol=1e-5)


def test_more_parents_are_worth_more_draws():
    few, many = (count_draws(Dependencies.of(invert(zoo.binary_tree(depth)))) for depth in (3, 6))
    assert 4096 <= few < many <= 16384
