"""Every encoder, on every inverse: its Jacobian is the inverse, its density is one, its samples follow it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import zoo
from retrodict.encode.build import build_encoder, count_parameters, count_stored
from retrodict.encode.families.conditionals import Normal
from retrodict.encode.features import Scaling
from retrodict.errors import OptionError, WidthError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.invert import fully_connected, invert, mean_field, reversal
from retrodict.plan.dependencies import Dependencies
from tests.cases import CASES
from tests.quick import quick

KINDS = ["shared", "separate"]
STRUCTURES = {
    "auto": invert,
    "forward": lambda net: invert(net, "forward"),
    "reversal": reversal,
    "mean field": mean_field,
    "fully connected": fully_connected,
}
SMALL = [case for case in CASES if len(case.net) <= 16 and not invert(case.net).is_generative.all()]


def first_weights(encoder) -> jax.Array:
    return jax.tree.leaves(encoder)[0]


def build(inverse, kind="shared", skip=False, seed=0):
    return build_encoder(inverse, jax.random.key(seed), kind, widths=(40, 40), skip=skip)


def depends(encoder, inverse) -> np.ndarray:
    """Which inputs move the parameters of each latent column, at any of 32 random points: a ReLU may sleep at some."""
    dependencies = Dependencies.of(inverse)
    n_seen, n_latent = int(dependencies.observed_sizes.sum()), int(dependencies.latent_sizes.sum())
    z = jax.random.normal(jax.random.key(1), (32, n_latent))
    x = jax.random.normal(jax.random.key(2), (32, n_seen))
    differentiate = jax.jacobian(lambda x, z: encoder.network(jnp.concatenate([x, z])[None])[0], argnums=(0, 1))
    jacobian = jax.jit(jax.vmap(differentiate))(x, z)
    return np.abs(np.concatenate(jacobian, axis=-1)).sum(axis=(0, 2)) > 0


WAYS = [(kind, skip) for kind in KINDS for skip in (False, True)]


@pytest.mark.parametrize(
    "way", quick(WAYS, [("shared", False), ("separate", True)]), ids=lambda way: f"{way[0]}{' skip' * way[1]}"
)
@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
@pytest.mark.parametrize("case", quick(SMALL[:6], SMALL[:3]), ids=str)
def test_the_jacobian_is_the_inverse(case, structure, way):
    inverse, (kind, skip) = structure(case.net), way
    np.testing.assert_array_equal(depends(build(inverse, kind, skip), inverse), Dependencies.of(inverse).columns)


@pytest.mark.parametrize("kind", KINDS)
def test_the_jacobian_of_vector_variables_is_the_inverse(kind):
    sizes = [Variable("z", size=2), Variable("x", size=3)]
    net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"], variables=sizes)
    inverse = invert(net)
    expected = Dependencies.of(inverse).by_column()  # the second number of z may depend on the first
    np.testing.assert_array_equal(depends(build(inverse, kind), inverse), expected.columns)


@pytest.mark.parametrize("kind", KINDS)
def test_the_density_integrates_to_one(kind):
    """Over a grid of both latents of a chain, for a network with random weights and a scaling."""
    inverse = invert(BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"]))
    scaling = Scaling(jnp.array([1.0, -0.5, 0.3]), jnp.array([2.0, 1.5, 0.7]))
    encoder = build_encoder(inverse, jax.random.key(3), kind, widths=(20, 20), scaling=scaling)
    grid = jnp.linspace(-15, 15, 401)
    points = jnp.stack(jnp.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    density = jnp.exp(eqx.filter_jit(encoder.log_prob)(points, jnp.full((len(points), 1), 0.8)))
    assert float(density.sum() * (grid[1] - grid[0]) ** 2) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_follow_the_density(kind):
    """The mean of -log q over samples is the entropy, which the conditionals state along the way."""
    inverse = invert(zoo.binary_tree(3).net)
    encoder = build(inverse, kind, seed=5)
    observed = jnp.tile(jnp.array([1.0, -1.0, 0.5, 2.0]), (20_000, 1))
    draws = eqx.filter_jit(encoder.sample)(jax.random.key(6), observed)
    parameters = eqx.filter_jit(encoder.network)(jnp.concatenate([observed, draws], axis=-1))
    standardized = (draws - parameters[..., 0]) * jnp.exp(-Normal().log_scale(parameters))
    correlation = np.corrcoef(np.asarray(standardized).T)
    assert np.abs(correlation - np.eye(3)).max() < 5 / np.sqrt(20_000)
    assert np.abs(np.asarray(standardized.mean(axis=0))).max() < 5 / np.sqrt(20_000)
    assert np.abs(np.asarray(standardized.std(axis=0)) - 1).max() < 5 / np.sqrt(40_000)


@pytest.mark.parametrize("kind", KINDS)
def test_scaling_is_a_change_of_variables(kind):
    inverse = invert(zoo.binary_tree(3).net)
    scaling = Scaling(jnp.arange(7.0), jnp.arange(1.0, 8.0))
    plain = build_encoder(inverse, jax.random.key(0), kind, widths=(20, 20))
    scaled = build_encoder(inverse, jax.random.key(0), kind, widths=(20, 20), scaling=scaling)
    x, z = jnp.ones((5, 4)), jnp.full((5, 3), 0.5)
    score = eqx.filter_jit(lambda encoder, z, x: encoder.log_prob(z, x))
    moved = score(scaled, z * scaling.spread[4:] + scaling.center[4:], x * scaling.spread[:4] + scaling.center[:4])
    np.testing.assert_allclose(moved, score(plain, z, x) - jnp.log(scaling.spread[4:]).sum(), rtol=1e-5)


def test_a_constant_column_is_not_divided_by_zero():
    assert Scaling.fit(jnp.ones((10, 2))).spread.tolist() == [1.0, 1.0]


def test_the_same_key_gives_the_same_bits():
    inverse = invert(zoo.binary_tree(3).net)
    first, again, other = (first_weights(build(inverse, seed=s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_separate_networks_count_all_their_weights():
    """15 networks of 2 inputs, [200, 200] and 2 outputs, written out by hand."""
    encoder = build_encoder(reversal(zoo.binary_tree(5).net), jax.random.key(0), "separate", (200, 200), skip=False)
    assert count_parameters(encoder) == 15 * (3 * 200 + 201 * 200 + 201 * 2)
    assert count_stored(encoder) == count_parameters(encoder)


def test_of_empty_blocks_nothing_is_stored():
    inverse = invert(zoo.binary_tree(6).net, "reverse")
    encoder = build_encoder(inverse, jax.random.key(0), widths=(62, 62), skip=False)
    blocks = inverse.n_edges * 2 + 31 * 2 + 31 * (2 * 2 + 2) + 31 * (2 * 2 + 2)
    assert count_parameters(encoder) == blocks
    assert count_stored(encoder) < 1.2 * blocks


def test_weights_that_a_mask_switches_off_are_stored_but_not_in_use():
    encoder = build(fully_connected(zoo.binary_tree(4).net), seed=0)
    assert count_stored(encoder) == (15 + 1) * 35 + 36 * 35 + 36 * 14
    assert count_parameters(encoder) < count_stored(encoder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most_steps", [0, 64], ids=["loop", "written out"])
def test_steps_one_by_one_give_what_all_steps_give(kind, most_steps, monkeypatch):
    """Drawn in two parts or followed with the same values, a draw has the terms and the density that it has at once."""
    monkeypatch.setattr("retrodict.encode.encoder.MOST_STEPS", most_steps)
    encoder = build(invert(zoo.hmm(4).net, "forward"), kind, skip=True)
    observed, key = jax.random.normal(jax.random.key(1), (5, 4)), jax.random.key(2)

    @eqx.filter_jit
    def take(encoder):
        whole = encoder.draw(key, encoder.begin(observed))
        half, first = encoder.draw(key, encoder.begin(observed), range(2))
        drawn, last = encoder.draw(key, half, range(2, 4))
        followed = encoder.follow(drawn.latents, half, range(2, 4))
        latents = drawn.latents[:-1].T
        return whole, (drawn, jnp.concatenate([first, last])), (followed[1], last), encoder.log_prob(latents, observed)

    whole, parts, (followed, last), log_prob = take(encoder)
    np.testing.assert_allclose(whole[0].latents, parts[0].latents, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(whole[1], parts[1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(followed, last, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(whole[1].sum(axis=0), log_prob, rtol=1e-4, atol=1e-4)


def test_bad_options_are_refused():
    inverse = invert(zoo.binary_tree(3).net)
    with pytest.raises(OptionError, match="network 'conv' does not exist"):
        build_encoder(inverse, jax.random.key(0), "conv")
    with pytest.raises(WidthError, match="at least 3 wide"):
        build_encoder(inverse, jax.random.key(0), "shared", widths=(2, 40))
