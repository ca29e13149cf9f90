"""What objectives are worth: exact bounds on average, below the likelihood, rising with draws; and who may use them."""

import re
from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from retrodict import BayesNet, fit_model, invert
from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import Variable
from retrodict.train.autoencoder import Autoencoder, Generator
from retrodict.train.objectives import bounds
from retrodict.train.objectives.bounds import bound, elbo_per_row
from retrodict.train.objectives.named import OBJECTIVES, choose_objective
from retrodict.train.temperature import relax
from tests.processes import ROOT
from tests.train import exact
from tests.train.factor_analysis import build_factor_analysis
from tests.train.generators import all_binary, binary_net, binary_pair, normal_pair

BINARY, NORMALS = binary_pair(), normal_pair(latents=2)
IMAGES = all_binary(4)
KEY = jax.random.key(23)
BOUNDS = ("iwae", "rws", "vimco")


def evaluate(name, pair, observed, draws, key=KEY) -> float:
    return float(eqx.filter_jit(OBJECTIVES[name].function)(pair, key, jnp.asarray(observed), draws))


@cache
def differentiate(name):
    """The gradient of an objective of three draws, compiled once."""
    return eqx.filter_jit(eqx.filter_grad(partial(OBJECTIVES[name].function, draws=3)))


@eqx.filter_jit
def draw_rows(pair, key, n):
    return pair.generator.draw(key, n)[1]


def repeat_bound(pair, row, draws, times) -> np.ndarray:
    """Estimates of the bound of one row, many times."""
    return np.asarray(eqx.filter_jit(bound)(pair, KEY, jnp.tile(row, (times, 1)), draws), np.float64)


# -- values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "draws"), [(6, 1), (15, 2), (1, 3)])
def test_the_bound_of_a_row_is_the_exact_one_on_average(row, draws):
    found = repeat_bound(BINARY, IMAGES[row], draws, 20_000)
    expected = float(eqx.filter_jit(exact.discrete_bound)(BINARY, IMAGES[row][None], draws))
    room = norm.ppf(1 - 0.01 / (2 * 3)) * found.std() / np.sqrt(len(found))
    assert abs(found.mean() - expected) < room


def test_one_draw_gives_the_elbo_of_a_row():
    expected = eqx.filter_jit(exact.score_all)(BINARY, IMAGES)
    elbos = (jnp.exp(expected[1]) * (expected[0] - expected[1])).sum(axis=0)
    found = eqx.filter_jit(elbo_per_row)(BINARY, KEY, IMAGES, 10_000)
    np.testing.assert_allclose(found, elbos, atol=0.08)
    one = eqx.filter_jit(elbo_per_row)(BINARY, KEY, IMAGES, 1), eqx.filter_jit(bound)(BINARY, KEY, IMAGES, 1)
    np.testing.assert_allclose(*one, rtol=1e-5)


@pytest.mark.parametrize("name", BOUNDS[1:])
def test_values_are_negative_bounds_whatever_the_gradient(name):
    """With the same key, the three differ in their gradients alone."""
    pair = NORMALS
    rows = draw_rows(pair, jax.random.key(1), 16)
    assert evaluate(name, pair, rows, 7) == pytest.approx(evaluate("iwae", pair, rows, 7), rel=1e-5)


def test_exact_bounds_rise_with_draws_and_stay_below_the_likelihood():
    @eqx.filter_jit
    def bounds_of(pair):
        bounds = [exact.discrete_bound(pair, IMAGES, draws) for draws in (1, 2, 3)]
        return [exact.discrete_elbo(pair, IMAGES), *bounds, exact.log_likelihood(pair, IMAGES).mean()]

    elbo, *rising, likelihood = map(float, bounds_of(BINARY))
    assert rising[0] == pytest.approx(elbo, rel=1e-4)
    assert (np.diff([*rising, likelihood]) > 0).all()


@pytest.mark.parametrize("pair", [BINARY, NORMALS], ids=["binary", "normal"])
def test_estimated_bounds_rise_with_draws(pair):
    row = draw_rows(pair, jax.random.key(2), 1)[0]
    found = [repeat_bound(pair, row, draws, 4000) for draws in (1, 16)]
    means, errors = (np.array([getattr(one, part)() for one in found]) for part in ("mean", "std"))
    errors /= np.sqrt(4000)
    assert (np.diff(means) > 3 * np.hypot(errors[1:], errors[:-1])).all()


def test_many_draws_reach_the_likelihood():
    pair = NORMALS
    rows = draw_rows(pair, jax.random.key(3), 8)
    found = eqx.filter_jit(bound)(pair, KEY, rows, 10_000)
    np.testing.assert_allclose(found, pair.generator.log_likelihood(rows), atol=0.08)
    found, exactly = eqx.filter_jit(bound)(BINARY, KEY, IMAGES, 10_000), eqx.filter_jit(exact.log_likelihood)
    np.testing.assert_allclose(found, exactly(BINARY, IMAGES), atol=0.08)


def test_forward_kl_is_the_cross_entropy_whatever_the_data():
    found = evaluate("forward-kl", BINARY, jnp.zeros((200_000, 4)), 1)
    exactly = eqx.filter_jit(exact.discrete_cross_entropy)(BINARY, IMAGES)
    assert found == pytest.approx(float(exactly), abs=0.02)


# -- draws in pieces ---------------------------------------------------------------------------------


class Echo(Generator):
    """A joint density twice that of an encoder: every weight is 2."""

    encoder: Encoder

    def log_joint(self, latents, observed):
        return self.encoder.log_prob(latents, observed) + jnp.log(2.0)

    def draw(self, key, n):
        raise NotImplementedError


@pytest.mark.parametrize("draws", [1, 7])
def test_pieces_count_every_draw_once(draws, monkeypatch):
    monkeypatch.setattr(bounds, "PIECE", 3 * 4 * NORMALS.encoder.network.width)
    pair = Autoencoder(Echo(NORMALS.encoder), NORMALS.encoder)
    for function in (bound, elbo_per_row):
        found = eqx.filter_jit(partial(function, draws=draws))(pair, KEY, jnp.zeros((4, 2)))
        np.testing.assert_allclose(found, np.log(2), rtol=1e-4)


def test_pieces_have_different_draws(monkeypatch):
    monkeypatch.setattr(bounds, "PIECE", 1)
    rows = draw_rows(NORMALS, jax.random.key(3), 4)
    one, two = (eqx.filter_jit(bound)(NORMALS, KEY, rows, draws) for draws in (1, 2))
    assert (np.abs(one - two) > 1e-4).all()


def test_memory_does_not_grow_with_draws():
    pair = build_factor_analysis(2, 6, jax.random.key(0))
    rows = jnp.zeros((500, 6))

    def measure_memory(draws):
        lowered = eqx.filter_jit(partial(bound, draws=draws)).lower(pair, KEY, rows)
        return lowered.compile().compiled.memory_analysis().temp_size_in_bytes

    assert measure_memory(200_000) < 1.5 * measure_memory(2000)


# -- gradients that must not be ----------------------------------------------------------------------


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_are_finite_and_leave_the_scaling_alone(name):
    gradient = differentiate(name)(NORMALS, KEY, draw_rows(NORMALS, jax.random.key(4), 8))
    leaves = jax.tree.leaves(gradient)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in leaves)
    assert not any(bool(leaf.any()) for leaf in jax.tree.leaves(gradient.encoder.scaling))
    assert any(bool(leaf.any()) for leaf in jax.tree.leaves(gradient.encoder.network))
    learns = any(bool(leaf.any()) for leaf in jax.tree.leaves(gradient.generator))
    assert learns == (name != "forward-kl")


def test_weights_that_are_far_apart_give_finite_gradients():
    pair = eqx.tree_at(lambda p: p.generator.log_scale, NORMALS, jnp.array([-6.0, -6.0]))
    for name in BOUNDS:
        gradient = differentiate(name)(pair, KEY, jnp.tile(jnp.array([30.0, -30.0]), (8, 1)))
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(gradient))


# -- who may use them --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OBJECTIVES)
def test_too_few_draws_are_refused(name):
    least = OBJECTIVES[name].least_draws
    if name == "forward-kl":
        assert np.isfinite(evaluate(name, BINARY, IMAGES, 1))
        return
    with pytest.raises(OptionError, match=rf"draws={least - 1} .*{least} or more"):
        OBJECTIVES[name].function(BINARY, KEY, IMAGES, least - 1)


def test_bounds_of_no_draws_are_refused():
    for function in (bound, elbo_per_row):
        with pytest.raises(OptionError, match="draws=0"):
            function(BINARY, KEY, IMAGES, 0)


@pytest.mark.parametrize("name", [name for name, one in OBJECTIVES.items() if one.reparameterized])
def test_discrete_draws_are_not_differentiated(name):
    with pytest.raises(OptionError, match=r"Categorical .*'vimco' or 'rws', or a relaxation"):
        choose_objective(name, BINARY.encoder)
    assert choose_objective(name, NORMALS.encoder) is OBJECTIVES[name]
    assert choose_objective(name, relax(BINARY, 0.5).encoder) is OBJECTIVES[name]


@pytest.mark.parametrize("name", [name for name, one in OBJECTIVES.items() if not one.reparameterized])
def test_other_objectives_suit_all(name):
    assert choose_objective(name, BINARY.encoder) is choose_objective(name, NORMALS.encoder)


def test_one_discrete_latent_among_real_ones_is_named():
    encoder = build_encoder(invert(binary_net(1, 2, real=2)), KEY, widths=(8,))
    with pytest.raises(OptionError, match="those of Categorical are not"):
        choose_objective("elbo", encoder)
    count = Variable("n", support="count", bounds=(0, np.inf))
    net = BayesNet({"n": [], "w": [], "x": ["n", "w"]}, observed=["x"], variables=[count])
    with pytest.raises(OptionError, match="those of Mixture, Count are not"):
        choose_objective("iwae", build_encoder(invert(net), KEY, widths=(8,), conditional="mixture"))


def test_a_name_that_does_not_exist_is_refused():
    with pytest.raises(OptionError, match=r"'elbow' does not exist. Choose one of elbo, iwae"):
        choose_objective("elbow", BINARY.encoder)


@pytest.mark.slow
def test_the_example_of_the_docs_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "objectives.md").read_text(), flags=re.DOTALL)
    names = {}
    for block in blocks:
        exec(compile(block, "objectives.md", "exec"), names)  # noqa: S102
    weight = np.asarray(names["generator"].weight)
    exactly = multivariate_normal(np.zeros(5), weight.T @ weight + np.eye(5)).logpdf(names["rows"])
    assert float(names["log_likelihood"].mean()) == pytest.approx(float(exactly.mean()), abs=0.1)
    assert np.isfinite(names["relaxed_elbo"](BINARY, KEY, IMAGES, 1, step=10))


def test_the_documentation_lists_every_objective():
    table = (ROOT / "docs" / "objectives.md").read_text()
    for name in OBJECTIVES:
        assert f'``"{name}"``' in fit_model.__doc__
        assert f"\n| `{name}` |" in table
