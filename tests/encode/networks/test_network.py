"""Both layouts of the masked network are one function, and step by step they compute what they compute at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import zoo
from retrodict.encode.build import build_encoder
from retrodict.encode.networks.network import BlockNetwork, DenseNetwork, build_network
from retrodict.encode.networks.schedule import split_by_step, stack
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.inverse import Inverse
from retrodict.invert import fully_connected, invert, reversal
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.unit_groups import UnitGroups
from tests.cases import CASES

VECTORS = BayesNet(
    {"z": [], "y": ["z"], "w": ["z"], "x": ["y", "w"]},
    observed=["x"],
    variables=[Variable("z", size=2), Variable("x", size=3), Variable("w", size=4)],
)
NAMES = ["plates, 3 groups", "asia, leaves observed", "diamond", "hidden Markov model, data to the middle"]
INVERSES: dict[str, Inverse] = {
    **{f"{case}, auto": invert(case.net) for case in CASES if case.name in NAMES},
    "tree 5, reverse": invert(zoo.binary_tree(5).net, "reverse"),
    "tree 4, reversal": reversal(zoo.binary_tree(4).net),
    "tree 4, fully connected": fully_connected(zoo.binary_tree(4).net),
    "hidden Markov model": invert(zoo.hmm(12).net),
    "vectors": invert(VECTORS),
}
INVERSES = {name: inverse for name, inverse in INVERSES.items() if not inverse.is_generative.all()}
ALL = pytest.mark.parametrize("inverse", INVERSES.values(), ids=INVERSES)
# Compiling is what these tests cost, so the variants of drawing are run on structures that differ.
VARIED = ["tree 5, reverse", "hidden Markov model", "vectors"]
SOME = pytest.mark.parametrize("inverse", [INVERSES[name] for name in VARIED], ids=VARIED)
SOME_QUICKLY = pytest.mark.parametrize(
    "inverse",
    [pytest.param(i, id=name, marks=[] if name in VARIED else pytest.mark.slow) for name, i in INVERSES.items()],
)


def make_groups(inverse: Inverse) -> UnitGroups:
    dependencies = Dependencies.of(inverse)
    least = max(1, len(set(map(tuple, dependencies.parents.to_lists()))))
    return UnitGroups.of(dependencies, [3 * least, 2 * least])


def densify(blocks: BlockNetwork, groups: UnitGroups, dense: DenseNetwork) -> DenseNetwork:
    """The dense network with the weights and biases of the blocks."""
    inputs = int(groups.dependencies.sizes.sum())
    place = np.arange(inputs)
    for layer, (ours, theirs) in enumerate(zip(blocks.layers, dense.layers, strict=True)):
        dense = set_layer(dense, lambda tree, layer=layer: tree.layers[layer], ours, place, theirs)
        place = np.array(ours.row)
    if blocks.skip is not None:
        dense = set_layer(dense, lambda tree: tree.skip, blocks.skip, np.arange(inputs), dense.skip)
    return dense


def set_layer(dense, where, ours, place, theirs):
    units = theirs.weight.shape[0] // max(1, len(place))
    rows = (place[:, None] * units + np.arange(units)).ravel()
    row, outputs = np.array(ours.row), ours.bias.shape[1]
    columns = (row[:, None] * outputs + np.arange(outputs)).ravel()
    weight = to_dense(ours, len(place))[rows][:, columns]
    bias = np.asarray(ours.bias)[row].ravel()
    return eqx.tree_at(
        lambda tree: (where(tree).weight, where(tree).bias), dense, (jnp.asarray(weight), jnp.asarray(bias))
    )


def to_dense(layer, groups):
    """The weights as one matrix from all units of the input groups to all output units, by row."""
    units = layer.shapes[0][2] // layer.sources[0].shape[1] if layer.sources[0].shape[1] else 1
    dense = np.zeros((groups + 1, units, len(layer.bias), layer.bias.shape[1]), dtype=np.float32)
    for weights, source, start in zip(layer.split(), layer.sources, layer._starts, strict=False):
        blocks = np.asarray(weights).reshape(len(source), layer.bias.shape[1], source.shape[1], units)
        rows = start + np.arange(len(source))
        dense[np.asarray(source), :, rows[:, None], :] = blocks.transpose(0, 2, 3, 1)
    return dense[:-1].reshape(groups * units, -1)


def draw_inputs(groups: UnitGroups, rows: int = 6) -> jax.Array:
    return jax.random.normal(jax.random.key(1), (rows, int(groups.dependencies.sizes.sum())))


def shake(tree, seed: int = 2):
    """The same network with weights and biases of ordinary size, so that every path matters. Padding stays zero."""
    rng = np.random.default_rng(seed)

    def draw(leaf):
        return jnp.asarray(np.where(np.asarray(leaf) != 0, rng.normal(size=leaf.shape), 0.0), jnp.float32)

    return jax.tree.map(lambda leaf: draw(leaf) if eqx.is_inexact_array(leaf) else leaf, tree)


@ALL
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
def test_blocks_and_dense_matrices_are_the_same_function_with_the_same_gradient(inverse, skip):
    groups = make_groups(inverse)
    blocks = shake(BlockNetwork(groups, 2, jax.random.key(0), skip=skip))
    dense = densify(blocks, groups, DenseNetwork(groups, 2, jax.random.key(0), skip=skip))
    inputs = draw_inputs(groups)
    at_once = eqx.filter_jit(lambda network, inputs: network(inputs))
    np.testing.assert_allclose(at_once(blocks, inputs), at_once(dense, inputs), rtol=2e-4, atol=2e-4)

    def loss(network, inputs):
        return jnp.sum(jnp.sin(network(inputs)))

    slopes = eqx.filter_jit(eqx.filter_grad(loss))(blocks, inputs)
    expected = eqx.filter_jit(eqx.filter_grad(loss))(dense, inputs)
    found = densify(eqx.combine(slopes, blocks), groups, expected)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)


@SOME
@pytest.mark.parametrize("kind", [BlockNetwork, DenseNetwork])
@pytest.mark.parametrize("padded", [False, True], ids=["written out", "padded"])
def test_step_by_step_it_computes_what_it_computes_at_once(inverse, kind, padded):
    """Inputs that are not drawn yet are garbage when a step is computed, so that reading them would show."""
    groups = make_groups(inverse)
    network = shake(kind(groups, 2, jax.random.key(0), skip=True))
    inputs = draw_inputs(groups)
    at_once = np.asarray(eqx.filter_jit(network)(inputs))
    seen = int(groups.dependencies.observed_sizes.sum())
    state = network.begin(inputs.at[:, seen:].set(1e3))
    levels = np.repeat(groups.dependencies.level, groups.dependencies.latent_sizes)
    columns = split_by_step(levels, groups.dependencies.depth)
    schedule = list(zip(network.plan(), columns, strict=True))
    if padded:
        schedule = [jax.tree.map(lambda a, s=s: a[s], stack(schedule)) for s in range(len(columns))]

    @eqx.filter_jit
    def advance(network, step, padding, values, state):
        state, parameters = network.advance(step, padding, state)
        return network.write(seen + padding, values, state), parameters

    for (step, padding), drawn in zip(schedule, columns, strict=True):
        values = np.full((len(inputs), len(padding)), np.nan, np.float32)
        values[:, : len(drawn)] = np.asarray(inputs)[:, seen + drawn]
        state, parameters = advance(network, step, padding, values, state)
        np.testing.assert_allclose(np.asarray(parameters)[:, : len(drawn)], at_once[:, drawn], rtol=2e-4, atol=2e-4)
    assert sorted(np.concatenate(columns).tolist()) == list(range(at_once.shape[1]))


@ALL
def test_weights_of_padding_get_no_gradient(inverse):
    groups = make_groups(inverse)
    blocks = BlockNetwork(groups, 2, jax.random.key(0), skip=True)
    slopes = eqx.filter_jit(eqx.filter_grad(lambda network: jnp.sum(network(draw_inputs(groups)) ** 2)))(blocks)
    for layer, slope in zip((*blocks.layers, blocks.skip), (*slopes.layers, slopes.skip), strict=True):
        assert not np.asarray(slope.weights)[np.asarray(layer.weights) == 0].any()


def require_own_density(inverse, kind):
    """The log density that draws come with is theirs as of any values."""
    encoder = build_encoder(inverse, jax.random.key(3), kind, widths=(90, 90))
    observed = jax.random.normal(jax.random.key(4), (7, len(encoder.scaling.center) - len(encoder.structure.level)))

    @eqx.filter_jit
    def score_twice(encoder):
        latents, log_prob = encoder.sample_and_log_prob(jax.random.key(5), observed)
        return log_prob, encoder.log_prob(latents, observed)

    np.testing.assert_allclose(*score_twice(encoder), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["shared", "separate"])
@SOME_QUICKLY
def test_a_draw_comes_with_its_own_log_density(inverse, kind):
    require_own_density(inverse, kind)


@pytest.mark.parametrize("kind", ["shared", "separate"])
@SOME
def test_a_deep_encoder_draws_in_a_loop_what_it_would_draw_written_out(inverse, kind, monkeypatch):
    """The loop draws padding too, so only the law is the same, not the numbers: each draw has its own density."""
    monkeypatch.setattr("retrodict.encode.encoder.MOST_STEPS", 0)
    require_own_density(inverse, kind)


@pytest.mark.parametrize("most_steps", [0, 64], ids=["loop", "written out"])
def test_moments_of_draws_of_a_chain(most_steps, monkeypatch):
    """Standardized residuals of draws, by the encoder's own parameters at these draws, are standard normal."""
    monkeypatch.setattr("retrodict.encode.encoder.MOST_STEPS", most_steps)
    encoder = build_encoder(invert(zoo.hmm(8).net, "forward"), jax.random.key(0), widths=(40, 40))
    observed = jnp.tile(jnp.linspace(-1, 1, 8), (4_000, 1))

    @eqx.filter_jit
    def draw(encoder):
        latents, _ = encoder.sample_and_log_prob(jax.random.key(1), observed)
        return latents, encoder.network(jnp.concatenate([observed, latents], axis=1))

    latents, parameters = draw(encoder)
    noise = (latents - parameters[..., 0]) * jnp.exp(-encoder.conditional.log_scale(parameters))
    error = 4.5 / np.sqrt(4_000)  # a false alarm in 10,000 for 64 comparisons
    assert np.abs(noise.mean(axis=0)).max() < error
    assert np.abs(jnp.cov(noise.T) - jnp.eye(8)).max() < error * np.sqrt(2)


@pytest.mark.parametrize(
    ("inverse", "kind"),
    [(invert(zoo.binary_tree(8).net), BlockNetwork), (fully_connected(zoo.binary_tree(5).net), DenseNetwork)],
    ids=["tree 8", "fully connected"],
)
def test_the_layout_follows_the_structure(inverse, kind):
    assert isinstance(build_network(make_groups(inverse), 2, jax.random.key(0), skip=False), kind)
