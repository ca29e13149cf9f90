"""Codes of values: there and back, inside the support, with the volume that JAX finds by differentiating."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from retrodict.encode.codes import Codes
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import Variable


class Scaled(dist.TransformedDistribution):
    """Three normal numbers brought onto a support."""

    def __init__(self, support) -> None:
        super().__init__(dist.Normal(jnp.zeros(3), 0.5).to_event(1), dist.biject_to(support))
        self.own_support = support

    @property
    def support(self):
        return self.own_support  # NumPyro states that of the last of several transforms


SUPPORTS = {
    "real": (Variable("z", size=3), dist.Normal(jnp.zeros(3), 1)),
    "positive": (Variable("z", size=2, support="positive"), dist.Gamma(jnp.ones(2), 1.0)),
    "unit interval": (Variable("z", support="unit_interval"), dist.Beta(2.0, 3.0)),
    "interval": (Variable("z", support="interval", bounds=(-1.0, 4.0)), dist.Uniform(-1.0, 4.0)),
    "above": (Variable("z", support="greater_than", bounds=(2.0, np.inf)), dist.Pareto(2.0, 3.0)),
    "below": (Variable("z", support="less_than", bounds=(-np.inf, 1.0)), dist.TruncatedNormal(high=1.0)),
    "far interval": (Variable("z", support="interval", bounds=(1e6, 1e6 + 64)), dist.Uniform(1e6, 1e6 + 64)),
    "l1 ball": (Variable("z", size=3, support="l1_ball"), Scaled(dist.constraints.l1_ball)),
    "ordered": (Variable("z", size=3, support="ordered_vector"), Scaled(dist.constraints.ordered_vector)),
    "positive ordered": (
        Variable("z", size=3, support="positive_ordered_vector"),
        Scaled(dist.constraints.positive_ordered_vector),
    ),
    "simplex": (Variable("z", size=4, support="simplex"), dist.Dirichlet(jnp.ones(4))),
    "two simplices": (
        Variable("z", size=6, shape=(2, 3), support="simplex"),
        dist.Dirichlet(jnp.ones((2, 3))),
    ),
    "correlations": (Variable("z", size=9, shape=(3, 3), support="corr_cholesky"), dist.LKJCholesky(3, 1.0)),
    "covariance": (
        Variable("z", size=4, shape=(2, 2), support="positive_definite"),
        dist.Wishart(4.0, jnp.eye(2)),
    ),
}
# Supports of full dimension, whose volume is the determinant of the whole Jacobian.
FULL = ("real", "positive", "above", "below", "interval", "l1 ball", "ordered", "positive ordered", "unit interval")
FULL = (*FULL, "far interval")
ALL = pytest.mark.parametrize("name", SUPPORTS)


@cache
def draw(name: str) -> jax.Array:
    """Six draws of the law."""
    law = SUPPORTS[name][1]
    return jax.jit(lambda key: law.sample(key, (6,)).reshape(6, -1))(jax.random.key(0))


@cache
def measure(name: str) -> dict[str, np.ndarray]:
    """What codes say of draws of the law, and which values any codes stand for: one program."""
    variable, law = SUPPORTS[name]
    codes, transform = Codes.of([variable]), dist.biject_to(law.support)

    @jax.jit
    def run(values):
        code, events = codes.encode(values), values.reshape(len(values), *law.shape())
        volume = transform.log_abs_det_jacobian(transform.inv(events), events)
        found = {
            "again": codes.decode(code),
            "inside": codes.contains(values),
            "volume": codes.log_det(code),
            "volume of NumPyro": volume.reshape(len(values), -1).sum(axis=1),
            "values": codes.decode(3 * jax.random.normal(jax.random.key(1), (50, codes.n_codes))),
        }
        if name in FULL:
            found["jacobian"] = jax.vmap(jax.jacobian(lambda row: codes.decode(row[None])[0]))(code)
        return found

    return {what: np.asarray(found) for what, found in run(draw(name)).items()}


@ALL
def test_values_come_back_from_their_codes(name):
    np.testing.assert_allclose(measure(name)["again"], draw(name), rtol=2e-4, atol=2e-5)


@ALL
def test_any_codes_are_values_in_the_support(name):
    variable, law = SUPPORTS[name]
    values = measure(name)["values"].reshape(50, *law.shape())
    if variable.support == "positive_ordered_vector":
        assert (values[:, 1:] >= values[:, :-1]).all()  # NumPyro wants steps that 32 bits need not show
    elif variable.support == "positive_definite":
        assert (np.linalg.eigvalsh(np.asarray(values, np.float64)) > 0).all()
    else:
        assert bool(jnp.all(law.support(values)))


@pytest.mark.parametrize("name", FULL)
def test_the_volume_is_the_determinant_of_the_jacobian(name):
    np.testing.assert_allclose(
        measure(name)["volume"], np.linalg.slogdet(measure(name)["jacobian"])[1], rtol=1e-4, atol=1e-4
    )


@ALL
def test_the_density_of_codes_is_that_of_numpyro(name):
    """A law on the support and its law on codes differ by the volume: NumPyro states the second, too."""
    np.testing.assert_allclose(measure(name)["volume"], measure(name)["volume of NumPyro"], rtol=1e-4, atol=1e-4)


def test_many_variables_keep_their_columns():
    own = [variable for variable, _ in SUPPORTS.values()]
    variables = [Variable(f"z{i}", v.size, v.support, (), v.shape, None, v.bounds) for i, v in enumerate(own)]
    codes = Codes.of(variables)

    @jax.jit
    def encode(parts):
        found = codes.encode(jnp.concatenate(parts, axis=1))
        alone = [Codes.of([variable]).encode(part) for variable, part in zip(own, parts, strict=True)]
        return found, jnp.concatenate(alone, axis=1), codes.decode(found)

    parts = [draw(name) for name in SUPPORTS]
    found, alone, again = encode(parts)
    np.testing.assert_allclose(again, np.concatenate(parts, axis=1), rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(found, alone, rtol=1e-6)


def test_categories_are_numbered_from_zero():
    variables = [Variable("a", support="bounded_count", categories=3, bounds=(2, 4)), Variable("b", support="count")]
    codes = Codes.of(variables)
    assert codes.encode(jnp.array([[2.0, 7.0], [4.0, 0.0]])).tolist() == [[0.0, 7.0], [2.0, 0.0]]
    assert codes.decode(jnp.array([[0.0, 7.000001]])).tolist() == [[2.0, 7.0]]
    assert codes.log_det(jnp.zeros((3, 2))).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_values_rounded_onto_a_bound_have_finite_codes(value):
    bounds = {"unit interval": [value], "positive": [0.0, 0.0], "simplex": [0.0, 0.0, value, 1 - value]}
    for name, row in bounds.items():
        assert np.isfinite(jax.jit(Codes.of(SUPPORTS[name][:1]).encode)(jnp.array([row]))).all()


def test_observed_values_are_left_as_they_are_but_for_categories():
    observed = [Variable("x", support="positive"), Variable("n", support="bounded_count", categories=4, bounds=(1, 4))]
    assert Codes.of_observed(observed).encode(jnp.array([[0.0, 3.0]])).tolist() == [[0.0, 2.0]]


def test_observed_counts_of_a_multinomial_are_left_as_they_are():
    counts = Variable("n", size=3, shape=(3,), support="multinomial", categories=11, bounds=(0, 10))
    assert Codes.of_observed([counts]).encode(jnp.array([[3.0, 7.0, 0.0]])).tolist() == [[3.0, 7.0, 0.0]]


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (Variable("s", support="sphere", size=3), r"support of 's' \(sphere\)"),
        (Variable("n", support="multinomial", size=3, bounds=(0, 10)), r"support of 'n' \(multinomial\)"),
        (Variable("u", support="interval"), "support of 'u' are not constants"),
        (Variable("k", support="categorical"), "support of 'k' are not constants"),
    ],
)
def test_supports_without_codes_are_refused_by_name(variable, message):
    with pytest.raises(OptionError, match=message):
        Codes.of([variable])


@ALL
def test_draws_of_numpyro_lie_in_the_support(name):
    assert measure(name)["inside"].all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positive", [-1.0, 1.0]),
        ("unit interval", [1.5]),
        ("interval", [-1.1]),
        ("simplex", [0.5, 0.5, 0.5, -0.5]),
        ("simplex", [0.5, 0.5, 0.5, 0.5]),
        ("correlations", [1.0, 0, 0, 0.5, 0.5, 0, 0, 0, 1]),
    ],
)
def test_values_outside_of_a_support_are_told(name, value):
    assert not bool(jax.jit(Codes.of(SUPPORTS[name][:1]).contains)(jnp.array([value]))[0])
