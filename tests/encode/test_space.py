"""Values keep what they are on their way from names over columns to codes and back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import BayesNet, Variable, invert
from retrodict.encode.space import Space
from retrodict.errors import DataError, OptionError

# Latents and observed variables take turns; of the latents, "lost" is barren.
NET = BayesNet(
    {"a": [], "x": ["a"], "b": ["x"], "y": ["a", "b"], "lost": ["b"], "z": ["y", "b", "a"]},
    observed=["x", "y"],
    variables=[
        Variable("a", size=3, support="simplex"),
        Variable("b", size=2, support="positive"),
        Variable("x", size=2, support="categorical", categories=4, bounds=(1, 4)),
        Variable("z", support="boolean", categories=2, bounds=(0, 1)),
    ],
)
DATA = {"x": np.array([[1.0, 4.0], [2.0, 3.0]]), "y": np.array([0.5, -2.0])}


@pytest.fixture
def space() -> Space:
    deeper = BayesNet(
        {**{name: NET.parents(name) for name in NET.names}, "w": ["z"]},
        observed=["x", "y", "w"],
        variables=NET.described.values(),
    )
    return Space(invert(deeper))


def draw(space: Space, n: int = 5) -> jax.Array:
    """Model columns with random values, each in its support."""
    rng = np.random.default_rng(0)
    values = {
        "a": rng.dirichlet(np.ones(3), n),
        "x": rng.integers(1, 5, (n, 2)),
        "b": rng.exponential(size=(n, 2)),
        "z": rng.integers(0, 2, n),
        **{name: rng.normal(size=n) for name in ("y", "lost", "w")},
    }
    return space.layout.pack({name: jnp.asarray(value, jnp.float32) for name, value in values.items()}, jnp)


def test_columns_are_split_and_joined(space):
    columns = draw(space)
    latents, observed = space.split(columns)
    assert latents.shape == (5, 7)
    np.testing.assert_array_equal(space.join(latents, observed), columns)
    np.testing.assert_array_equal(space.split(np.asarray(columns))[1], observed)
    placed = space.place(observed)
    np.testing.assert_array_equal(space.split(placed)[1], observed)
    assert not space.split(placed)[0].any()


def test_codes_of_latents_go_back_to_their_values(space):
    columns = draw(space)
    codes = space.encode_latents(columns)
    assert codes.shape == (5, 2 + 2 + 1)
    empty = space.place(space.split(columns)[1])
    again = space.decode_latents(codes, empty)
    barren = space.mark(space.generative)
    np.testing.assert_allclose(again[:, ~barren], columns[:, ~barren], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(again[:, barren], 0.0)


def test_observed_codes_go_back_to_their_values(space):
    columns = draw(space)
    codes = space.encode_observed(columns)
    np.testing.assert_array_equal(codes[:, :2], space.split(columns)[1][:, :2] - 1)  # categories begin at 1
    np.testing.assert_array_equal(space.decode_observed(codes), space.place(space.split(columns)[1]))


def test_the_volume_is_that_of_the_map(space):
    """log |dv / dc| by differentiation: two numbers of a simplex and two positive ones; discrete ones have none."""
    columns = draw(space, 1)[0]
    codes = space.encode_latents(columns)
    a, b = (space.layout.names.index(name) for name in ("a", "b"))
    free = [*(space.layout.start[a] + np.arange(2)), *(space.layout.start[b] + np.arange(2))]
    jacobian = jax.jit(jax.jacfwd(lambda c: space.decode_latents(c, columns)[np.array(free)]))(codes)
    at = np.concatenate([space.code_columns["a"], space.code_columns["b"]])
    np.testing.assert_allclose(space.log_det(codes, columns), jnp.linalg.slogdet(jacobian[:, at])[1], rtol=1e-4)


def test_values_outside_of_their_support_are_told(space):
    columns = draw(space)
    first = int(space.layout.start[space.layout.names.index("b")])
    assert space.contains(columns).all()
    assert not space.contains(columns.at[2, first].set(-1.0))[2]


def test_names_stand_beside_columns(space):
    assert space.layout.owners == ["a"] * 3 + ["x"] * 2 + ["b"] * 2 + ["y", "lost", "z", "w"]
    assert space.code_names == ["x", "x", "y", "w", "a", "a", "b", "b", "z"]
    assert space.labels == ["a[0]", "a[1]", "a[2]", "b[0]", "b[1]", "lost", "z"]
    assert {name: columns.tolist() for name, columns in space.code_columns.items()} == {
        "a": [0, 1],
        "b": [2, 3],
        "z": [4],
    }
    assert space.categories.tolist() == [4, 4, 0, 0, 0, 0, 0, 0, 2]


def test_relaxed_latents_are_their_codes(space):
    relaxed = Space(space.inverse, relaxed=("z",))
    columns = draw(space).at[:, space.layout.start[space.layout.names.index("z")]].set(-0.7)
    codes = relaxed.encode_latents(columns)
    np.testing.assert_allclose(codes[:, 4], -0.7)
    np.testing.assert_allclose(relaxed.decode_latents(codes, columns), columns, rtol=1e-5, atol=1e-6)


def test_data_are_checked_by_name(space):
    given, columns = space.read({**DATA, "w": np.zeros(2)})
    assert (given, columns.tolist()) == (("x", "y", "w"), [[1, 4, 0.5, 0], [2, 3, -2, 0]])
    with pytest.raises(DataError, match="'q', which is not among what is expected"):
        space.read({**DATA, "q": 1.0})
    with pytest.raises(DataError, match="lack 'x', 'y', 'w'"):
        space.read({})


def test_data_may_be_of_any_variables(space):
    assert space.read({"b": [1.0, 2.0], "y": 0.5})[0] == ("b", "y")


def test_a_support_without_codes_is_refused():
    net = BayesNet({"m": [], "x": ["m"]}, observed=["x"], variables=[Variable("m", size=3, support="multinomial")])
    with pytest.raises(OptionError, match="'m'"):
        Space(invert(net)).encode_latents(jnp.zeros(4))
