"""Codes of values: there and back, inside the support, with the volume that JAX finds by differentiating."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from retrodict.encode.codes import Codes
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import Variable

SUPPORTS = {
    "real": (Variable("z", size=3), dist.Normal(jnp.zeros(3), 1)),
    "positive": (Variable("z", size=2, support="positive"), dist.Gamma(jnp.ones(2), 1.0)),
    "unit interval": (Variable("z", support="unit_interval"), dist.Beta(2.0, 3.0)),
    "interval": (Variable("z", support="interval", bounds=(-1.0, 4.0)), dist.Uniform(-1.0, 4.0)),
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
ALL = pytest.mark.parametrize(("variable", "law"), SUPPORTS.values(), ids=SUPPORTS)


def draw(law, n: int = 6) -> jax.Array:
    return law.sample(jax.random.key(0), (n,)).reshape(n, -1)


@ALL
def test_values_come_back_from_their_codes(variable, law):
    values, codes = draw(law), Codes.of([variable])
    np.testing.assert_allclose(codes.decode(codes.encode(values)), values, rtol=2e-4, atol=2e-5)


@ALL
def test_any_codes_are_values_in_the_support(variable, law):
    codes = Codes.of([variable])
    any_codes = 3 * jax.random.normal(jax.random.key(1), (50, codes.n_codes))
    values = codes.decode(any_codes).reshape(50, *law.shape())
    if variable.support == "positive_definite":
        assert (np.linalg.eigvalsh(np.asarray(values, np.float64)) > 0).all()
    else:
        assert bool(jnp.all(law.support(values)))


@pytest.mark.parametrize("name", ["real", "positive", "unit interval", "interval"])
def test_the_volume_is_the_determinant_of_the_jacobian(name):
    variable, law = SUPPORTS[name]
    codes = Codes.of([variable])
    code = codes.encode(draw(law))
    jacobian = jax.vmap(jax.jacobian(lambda row: codes.decode(row[None])[0]))(code)
    np.testing.assert_allclose(codes.log_det(code), jnp.linalg.slogdet(jacobian)[1], rtol=1e-4, atol=1e-4)


@ALL
def test_the_density_of_codes_is_that_of_numpyro(variable, law):
    """A law on the support and its law on codes differ by the volume: NumPyro states the second, too."""
    codes = Codes.of([variable])
    values = draw(law)
    transform = dist.biject_to(law.support)
    shape = (len(values), *law.shape())
    code = transform.inv(values.reshape(shape))
    expected = transform.log_abs_det_jacobian(code, values.reshape(shape)).reshape(len(values), -1).sum(axis=1)
    np.testing.assert_allclose(codes.log_det(codes.encode(values)), expected, rtol=1e-4, atol=1e-4)


def test_many_variables_keep_their_columns():
    laws = list(SUPPORTS.values())
    variables = [Variable(f"z{i}", v.size, v.support, (), v.shape, None, v.bounds) for i, (v, _) in enumerate(laws)]
    values = jnp.concatenate([draw(law) for _, law in laws], axis=1)
    codes = Codes.of(variables)
    np.testing.assert_allclose(codes.decode(codes.encode(values)), values, rtol=2e-4, atol=2e-5)
    alone = jnp.concatenate([Codes.of([v]).encode(draw(law)) for v, law in laws], axis=1)
    np.testing.assert_allclose(codes.encode(values), alone, rtol=1e-6)


def test_categories_are_numbered_from_zero():
    variables = [Variable("a", support="bounded_count", categories=3, bounds=(2, 4)), Variable("b", support="count")]
    codes = Codes.of(variables)
    assert codes.encode(jnp.array([[2.0, 7.0], [4.0, 0.0]])).tolist() == [[0.0, 7.0], [2.0, 0.0]]
    assert codes.decode(jnp.array([[0.0, 7.000001]])).tolist() == [[2.0, 7.0]]
    assert codes.log_det(jnp.zeros((3, 2))).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_values_rounded_onto_a_bound_have_finite_codes(value):
    assert np.isfinite(Codes.of([SUPPORTS["unit interval"][0]]).encode(jnp.full((1, 1), value))).all()
    assert np.isfinite(Codes.of([SUPPORTS["positive"][0]]).encode(jnp.zeros((1, 2)))).all()
    assert np.isfinite(Codes.of([SUPPORTS["simplex"][0]]).encode(jnp.array([[0.0, 0.0, value, 1 - value]]))).all()


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
        (Variable("u", support="interval"), "not constants of 'u'"),
        (Variable("k", support="categorical"), "not constants of 'k'"),
    ],
)
def test_supports_without_codes_are_refused_by_name(variable, message):
    with pytest.raises(OptionError, match=message):
        Codes.of([variable])


@pytest.mark.parametrize("name", SUPPORTS)
def test_draws_of_numpyro_lie_in_the_support(name):
    variable, law = SUPPORTS[name]
    assert bool(Codes.of([variable]).contains(draw(law)).all())


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
    assert not bool(Codes.of([SUPPORTS[name][0]]).contains(jnp.array([value]))[0])
