"""Groups of columns drawn at once: the same density as column by column, and steps that are few."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict import BayesNet, Variable, invert
from retrodict.encode.encoder import Encoder, Structure
from retrodict.encode.features import Scaling
from retrodict.guide.linear_encoder import LinearEncoder, build_linear
from retrodict.guide.standing import Leaning
from retrodict.guide.substitution import BLOCK, invert_blocks, substitute
from retrodict.plan.dependencies import Dependencies


def _draw_lower(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.tril(rng.normal(size=(size, size)), -1) / np.sqrt(size)


@pytest.mark.parametrize("size", [1, 2, 5, BLOCK, BLOCK + 1, 100])
def test_substitution_solves(size: int) -> None:
    rng = np.random.default_rng(size)
    lower, values = _draw_lower(rng, size), rng.normal(size=(size, 3))
    found = np.asarray(jax.jit(substitute)(lower, values), np.float64)
    np.testing.assert_allclose(found, np.linalg.solve(np.eye(size) - lower, values), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [3, BLOCK + 5])
def test_substitution_has_the_gradients_of_a_solution(size: int) -> None:
    rng = np.random.default_rng(7)
    lower, values, seen = _draw_lower(rng, size), rng.normal(size=(size, 1)), rng.normal(size=(size, 1))
    solve = jax.jit(jax.grad(lambda a, b: (substitute(a, b) * seen).sum(), argnums=(0, 1)))
    own = solve(jnp.asarray(lower), jnp.asarray(values))
    inverse = np.linalg.inv(np.eye(size) - lower)
    right = inverse.T @ seen
    np.testing.assert_allclose(own[1], right, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(own[0], right @ (inverse @ values).T, rtol=1e-3, atol=1e-3)


def test_blocks_whose_powers_cancel_are_inverted() -> None:
    lower = -np.tril(np.ones((BLOCK, BLOCK)), -1)  # its powers are as large as 1e8, its inverse has ones and zeros
    inverse = np.asarray(invert_blocks(jnp.asarray(lower)[None])[0])
    np.testing.assert_array_equal(inverse, np.eye(BLOCK) - np.eye(BLOCK, k=-1))


def _build(sizes: list[int], edges: list[tuple[int, int]], family: str | Leaning) -> tuple[LinearEncoder, Encoder]:
    """Return an encoder with random weights, and the same drawn column by column."""
    names = [f"z{i}" for i in range(len(sizes))]
    parents: dict[str, list[str]] = {name: [names[a] for a, b in edges if names[b] == name] for name in names}
    net = BayesNet(
        {**parents, "x": names},
        observed=["x"],
        variables=[Variable(n, size=s) for n, s in zip(names, sizes, strict=True)],
    )
    dependencies = Dependencies.of(invert(net)).by_column()
    scaling = Scaling.none(int(dependencies.sizes.sum()))
    encoder = build_linear(dependencies, family, scaling, (), {name: name for name in names})
    assert isinstance(encoder, LinearEncoder)
    rng = np.random.default_rng(sum(sizes))
    weight = jnp.asarray(rng.normal(0, 0.3, encoder.network.skip.weight.shape), jnp.float32)
    encoder = eqx.tree_at(lambda e: e.network.skip.weight, encoder, weight)
    alone = Structure.of(dependencies)
    network = eqx.tree_at(lambda n: n.skip, encoder.network, encoder.network.skip)
    object.__setattr__(network, "depth", alone.depth)
    return encoder, Encoder(network, encoder.conditional, scaling, encoder.features, alone)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=2, max_size=3), st.sampled_from(["normal", "spline", Leaning()]))
def test_groups_have_the_density_of_single_columns(sizes: list[int], family: str | Leaning) -> None:
    encoder, alone = _build(sizes, [(0, 1)], family)
    observed = jnp.full((4, 1), 0.5)
    drawn, density = eqx.filter_jit(encoder.sample_and_log_prob)(jax.random.key(1), observed)
    for each in (encoder, alone):
        np.testing.assert_allclose(density, eqx.filter_jit(each.log_prob)(drawn, observed), rtol=1e-4, atol=1e-3)


def test_one_site_is_one_step() -> None:
    encoder, alone = _build([40], [], "normal")
    assert (encoder.structure.depth, alone.structure.depth) == (1, 40)


def test_scales_that_follow_a_latent_wait_for_it() -> None:
    encoder, _ = _build([3, 2], [(0, 1)], "normal")
    assert encoder.structure.depth == 2
    assert len(set(encoder.structure.level[:3])) == 1
