"""Families of conditionals: densities that sum to one, draws that follow them, columns that keep to their own."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.encode.build import build_encoder
from retrodict.encode.families.choice import REAL_FAMILIES, Mixed, choose_conditional
from retrodict.encode.families.conditionals import Normal
from retrodict.encode.families.discrete import Categorical, Count
from retrodict.encode.families.splines import Spline, bend, unbend
from retrodict.encode.features import REAL as REAL_INPUT
from retrodict.encode.features import Features, Scaling
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.invert import invert
from retrodict.plan.dependencies import Dependencies

# Two categorical latents of different size, a real one between them, a categorical and a real observation.
MIXED = BayesNet(
    {"a": [], "b": ["a"], "c": ["b"], "x": ["c"], "y": ["a"]},
    observed=["x", "y"],
    variables=[Variable("a", categories=2), Variable("c", categories=3), Variable("y", categories=4)],
)


@pytest.mark.parametrize(("raw", "steepness"), [(-1e6, 0.0), (-60.0, 0.01), (300.0, 0.01), (1e6, 1e-6)])
def test_a_scale_that_is_far_off_is_finite_and_comes_back(raw, steepness):
    def objective(raw):
        return -Normal().log_prob(jnp.stack([jnp.zeros(()), raw])[None], jnp.ones(1))[0]

    value, slope = jax.jit(jax.value_and_grad(objective))(jnp.array(raw))
    assert np.isfinite(value)
    assert np.isfinite(slope)
    assert float(slope) * np.sign(raw) >= steepness  # downhill is towards zero, and not flat


def test_probabilities_of_a_categorical_sum_to_one_over_its_own_categories():
    family = Categorical(np.array([2, 4, 3]))
    logits = jax.random.normal(jax.random.key(0), (3, 4))
    codes = jnp.arange(4.0)
    total = jnp.exp(jax.vmap(lambda code: family.log_prob(logits, jnp.full(3, code)))(codes)).sum(axis=0)
    np.testing.assert_allclose(total, 1.0, rtol=1e-6)


@pytest.mark.parametrize("value", [-1.0, 0.5, 2.0, 1e9])
def test_what_is_no_category_has_probability_zero(value):
    assert float(Categorical(np.array([2])).log_prob(jnp.zeros((1, 2)), jnp.array([value]))[0]) == -np.inf


def test_draws_of_a_categorical_follow_its_probabilities():
    family = Categorical(np.array([2, 3]))
    logits = jnp.array([[0.3, -0.5, 9.0], [1.0, 0.0, -1.0]])  # the third logit of the first column means nothing
    draws = np.asarray(family.sample(jax.random.key(0), jnp.broadcast_to(logits, (40_000, 2, 3))))
    for column, count in enumerate([2, 3]):
        expected = np.asarray(jax.nn.softmax(logits[column, :count]))
        found = np.bincount(draws[:, column].astype(int), minlength=count) / len(draws)
        np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(0.25 / len(draws)))


@pytest.mark.parametrize("columns", [np.array([2, 0]), jnp.array([1])])
def test_a_family_restricted_to_columns_is_that_of_these_columns(columns):
    family = Mixed([Normal(), Categorical(np.array([2, 0, 3]))], np.array([1, 0, 1]))
    parameters = jax.random.normal(jax.random.key(0), (5, 3, 3))
    values = jnp.broadcast_to(jnp.array([1.0, 0.4, 2.0]), (5, 3))

    @jax.jit
    def score(parameters, values):
        part = family.at(columns).log_prob(parameters[:, columns], values[:, columns])
        return part, family.log_prob(parameters, values)[:, columns]

    np.testing.assert_allclose(*score(parameters, values), rtol=1e-6)


def test_the_family_follows_the_latents():
    assert isinstance(choose_conditional(Dependencies.of(invert(MIXED))), Mixed)
    real = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    assert isinstance(choose_conditional(Dependencies.of(invert(real))), Normal)


def test_categories_are_seen_as_indicators_and_numbers_in_standard_units():
    features = Features.of(Dependencies.of(invert(MIXED)))  # y (4), x, a (2), b, c (3)
    assert features.category == (0, 1, 2, 3, REAL_INPUT, 0, 1, REAL_INPUT, 0, 1, 2)
    scaling = Scaling(jnp.array([0, 1.0, 0, 2.0, 0]), jnp.array([1, 2.0, 1, 4.0, 1]))
    columns = jnp.array([[2.0, 3.0, 1.0, 6.0, 0.0]])
    read = jax.jit(lambda columns: features(scaling, columns))
    assert read(columns).tolist() == [[0, 0, 1, 0, 1.0, 0, 1, 1.0, 1, 0, 0]]
    assert read(columns[:, :2]).tolist() == [[0, 0, 1, 0, 1.0]]


def test_heavy_tails_do_not_set_the_units():
    """A Cauchy column has no standard deviation; its middle 68 % has size one. A normal one keeps its own."""
    rng = np.random.default_rng(0)
    scaling = Scaling.fit(jnp.asarray(np.stack([rng.standard_cauchy(20_000), 3 * rng.normal(size=20_000)], axis=1)))
    assert float(scaling.spread[0]) == pytest.approx(np.tan(0.6826 * np.pi / 2), rel=0.05)
    assert float(scaling.spread[1]) == pytest.approx(3.0, rel=0.02)


def test_inputs_far_out_count_logarithmically_if_they_are_scaled():
    features = Features((0, 1), (REAL_INPUT, REAL_INPUT), 2)
    columns = jnp.array([[5.0, 5.0], [1000.0, 1000.0]])
    scaled = features(Scaling(jnp.array([0.0, 0.0]), jnp.array([1.0, 0.5])), columns)
    np.testing.assert_allclose(scaled[:, 0], [5.0, 1000.0])  # nothing to be scaled: left as it is
    np.testing.assert_allclose(scaled[:, 1], [10.0, 10 * (1 + np.log(200))], rtol=1e-6)


@pytest.mark.parametrize("kind", ["shared", "separate"])
@pytest.mark.parametrize("most_steps", [0, 64], ids=["loop", "written out"])
def test_a_mixed_encoder_is_a_density_and_draws_from_it(kind, most_steps, monkeypatch):
    """Summed over all categories and a grid of the real latent it is one; a draw comes with its own density."""
    monkeypatch.setattr("retrodict.encode.encoder.MOST_STEPS", most_steps)
    encoder = build_encoder(invert(MIXED), jax.random.key(3), kind, widths=(30, 30))
    grid = np.linspace(-12, 12, 601)
    points = np.stack(np.meshgrid([0.0, 1.0], grid, [0.0, 1.0, 2.0]), axis=-1).reshape(-1, 3)
    observed = np.broadcast_to([3.0, 0.7], (len(points), 2))
    density = np.exp(
        eqx.filter_jit(encoder.log_prob)(jnp.asarray(points, jnp.float32), jnp.asarray(observed, jnp.float32))
    )
    assert density.sum() * (grid[1] - grid[0]) == pytest.approx(1.0, abs=1e-3)
    rows = jnp.asarray(observed[:50], jnp.float32)
    latents, log_prob = eqx.filter_jit(encoder.sample_and_log_prob)(jax.random.key(1), rows)
    np.testing.assert_allclose(log_prob, eqx.filter_jit(encoder.log_prob)(latents, rows), rtol=1e-4, atol=1e-4)
    assert set(np.asarray(latents[:, 0]).tolist()) <= {0.0, 1.0}
    assert set(np.asarray(latents[:, 2]).tolist()) <= {0.0, 1.0, 2.0}


REAL = {name: make() for name, make in REAL_FAMILIES.items()}


@pytest.mark.parametrize("family", REAL.values(), ids=REAL)
def test_a_real_family_integrates_to_one_and_its_draws_follow_it(family):
    """For ten columns with parameters of ordinary size: probabilities of ten bins against frequencies of draws."""
    parameters = 0.7 * jax.random.normal(jax.random.key(0), (10, family.n_parameters))
    grid = np.linspace(-40, 40, 160_001)
    spacing = grid[1] - grid[0]
    score = jax.jit(jax.vmap(lambda value: family.log_prob(parameters, jnp.full(10, value))))
    log_density = score(jnp.asarray(grid, jnp.float32))
    cumulative = np.cumsum(np.exp(np.asarray(log_density, np.float64)), axis=0) * spacing
    np.testing.assert_allclose(cumulative[-1], 1.0, atol=5e-3)
    many = jnp.broadcast_to(parameters, (20_000, *parameters.shape))
    draws = np.asarray(jax.jit(family.sample)(jax.random.key(1), many))
    for column in range(10):
        levels = np.interp(draws[:, column], grid, cumulative[:, column])
        found = np.histogram(levels, bins=10, range=(0, 1))[0] / len(draws)
        np.testing.assert_allclose(found, 0.1, atol=5 * np.sqrt(0.09 / len(draws)) + 5e-3)


@pytest.mark.parametrize("family", REAL.values(), ids=REAL)
def test_gradients_of_a_real_family_are_finite(family):
    parameters = jax.random.normal(jax.random.key(0), (200, 3, family.n_parameters))
    values = 4 * jax.random.normal(jax.random.key(1), (200, 3))
    differentiate = jax.jit(jax.grad(lambda p, v: jnp.sum(jnp.tanh(family.log_prob(p, v) / 100)), argnums=(0, 1)))
    for size in (0.0, 1.0, 30.0):
        assert all(np.isfinite(slope).all() for slope in differentiate(size * parameters, values))


def test_a_spline_and_its_inverse_undo_each_other():
    family = Spline(5)
    points = jnp.linspace(-6, 6, 40)[None]

    @jax.jit
    def bend_and_back(parameters):
        knots = family._knots(parameters)
        slope = jax.vmap(jax.grad(lambda p, *k: bend(p[None, None], *(part[None, None] for part in k))[0, 0]))
        return *unbend(bend(points, *knots), *knots), slope(points[0], *(part[0] for part in knots))

    back, log_slope, slope = bend_and_back(jax.random.normal(jax.random.key(0), (1, 40, family.n_parameters)))
    np.testing.assert_allclose(back, points, atol=1e-4)
    np.testing.assert_allclose(-np.log(slope), log_slope[0], atol=1e-3)


@pytest.mark.parametrize("high", [np.inf, 6.0])
def test_counts_in_standard_units_have_probabilities_and_follow_them(high):
    center, spread = 3.0, 2.0
    family = Count(*(jnp.array([part]) for part in (1 / spread, -center / spread, (high - center) / spread)))
    parameters = jnp.array([[0.3, -0.4]])
    counts = np.arange(7 if np.isfinite(high) else 200)
    values = jnp.asarray((counts - center) / spread)[:, None]
    score = jax.jit(jax.vmap(lambda value: family.log_prob(parameters, value[None])[0]))
    probability = np.exp(np.asarray(score(values[:, 0]))) / spread
    assert probability.sum() == pytest.approx(1.0, abs=1e-4)
    many = jnp.broadcast_to(parameters, (40_000, 1, 2))
    draws = jax.jit(lambda key: family.sample(key, many))(jax.random.key(0))[:, 0] * spread + center
    found = np.bincount(np.rint(draws).astype(int), minlength=len(counts)) / len(draws)
    np.testing.assert_allclose(found[:7], probability[:7], atol=5 * np.sqrt(0.25 / len(draws)))


def test_what_is_no_count_has_probability_zero():
    family = Count(jnp.ones(1), jnp.zeros(1), jnp.full(1, 6.0))
    counts = jnp.array([[-1.0], [0.5], [7.0]])
    found = jax.jit(lambda parameters: family.log_prob(parameters, counts))(jnp.zeros((3, 1, 2)))
    assert found.ravel().tolist() == [-np.inf] * 3


def test_an_unknown_family_is_refused():
    with pytest.raises(OptionError, match=r"'cauchy' does not exist.*normal, mixture, truncated, spline"):
        build_encoder(invert(MIXED), jax.random.key(0), conditional="cauchy")
