"""The model of a program draws from its law, scores as NumPyro does, and redraws given parents."""

import json
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.infer.util import log_density

from retrodict import amortize, from_numpyro
from retrodict.errors import DataError, ProgramError
from tests.read.numpyro import programs
from tests.read.numpyro.programs import CASES, Case
from tests.read.numpyro.test_structure import read

BY_NAME = {case.name: case for case in CASES}


@cache
def model_of(name: str, elementwise: bool):
    return read(BY_NAME[name], elementwise=elementwise)


def numpyro_density(case: Case, values):
    def density(values):
        program = handlers.substitute(case.program, data=values)
        return log_density(program, case.args, dict(case.kwargs), {})[0]

    return jax.jit(jax.vmap(density))(values)


def trace_values(case: Case, n: int = 2):
    """Values of all random sites, drawn by NumPyro itself."""
    names = model_of(case.name, True).sites

    @jax.jit
    def run(key):
        trace = handlers.trace(handlers.seed(case.program, key)).get_trace(*case.args, **case.kwargs)
        return {name: trace[name]["value"] for name in names}

    runs = [run(jax.random.PRNGKey(i)) for i in range(n)]
    return {name: jnp.stack([drawn[name] for drawn in runs]) for name in names}


def require_same_density(case: Case, *, elementwise: bool):
    model, values = model_of(case.name, elementwise), trace_values(case)
    expected = numpyro_density(case, values)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(model.log_joint(model.split(values)), expected, rtol=2e-5, atol=2e-5)


WHOLE = ["eight_schools", "jointly_drawn", "simplex_rows", "matrix_and_row_sums", "both_branches"]
QUICK = {"observed_parent", "point_mass_between", "control_flow_cond", "mixture", "scan_vector_states"}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if case.name in QUICK else pytest.mark.slow, id=case.name) for case in CASES],
)
def test_log_joint_is_the_log_density_of_numpyro(case):
    require_same_density(case, elementwise=True)


@pytest.mark.parametrize("name", ["mixture", *(pytest.param(n, marks=pytest.mark.slow) for n in WHOLE)])
def test_log_joint_of_whole_sites(name):
    require_same_density(BY_NAME[name], elementwise=False)


@pytest.mark.parametrize("name", ["scan_vector_states", pytest.param("mixture", marks=pytest.mark.slow)])
def test_conditionals_are_those_of_each_element(name):
    """Each element has the density that NumPyro gives to its place in the site."""
    model, case = model_of(name, True), BY_NAME[name]
    values = trace_values(case, n=1)
    each = model.log_conditionals(model.layout.pack(model.split(values), jnp))[0]
    here = {name: value[0] for name, value in values.items()}
    with handlers.trace() as trace, handlers.substitute(data=here):
        case.program(*case.args, **case.kwargs)
    for site, numbers in model.structure.variables.items():
        expected = np.ravel(trace[site]["fn"].log_prob(here[site]))
        np.testing.assert_allclose(each[numbers], expected, rtol=1e-5, atol=1e-5)


def test_simulations_have_the_shapes_of_the_sites():
    model = model_of("matrix_and_row_sums", False)
    draws = model.simulate(seed=0, n=7)
    assert {name: value.shape for name, value in draws.items()} == {"z": (7, 2, 2), "x": (7, 2)}
    assert all(value.dtype == np.float32 for value in draws.values())


@pytest.mark.parametrize("name", ["eight_schools", "scan_autoregression"])
def test_data_of_the_program_are_placeholders(name):
    draws = model_of(name, True).simulate(seed=0, n=50)
    assert len({float(value) for value in np.ravel(draws["x[1]"])}) > 40


def require_moments(draws, names, mean, cov):
    """Within five standard errors of exact moments."""
    n = len(draws[names[0]])
    cov = np.asarray(cov)
    found = np.stack([draws[name] for name in names])
    errors = np.sqrt(np.diag(cov) / n)
    np.testing.assert_array_less(np.abs(found.mean(axis=1) - mean), 5 * errors)
    spread = np.sqrt((cov**2 + np.outer(np.diag(cov), np.diag(cov))) / n)
    np.testing.assert_array_less(np.abs(np.cov(found) - cov), 5 * spread)


def test_simulations_of_a_loop_have_exact_moments():
    model = model_of("scan_gaussian_hmm", True)
    names = ["z_init", *[f"z[{t}]" for t in range(5)], *[f"x[{t}]" for t in range(5)]]
    step = np.linalg.inv(np.eye(6) - np.diag(0.9 * np.ones(5), -1))
    states = step @ step.T
    both = np.block([[states, states[:, 1:]], [states[1:], states[1:, 1:] + np.eye(5)]])
    require_moments(model.simulate(seed=3, n=20_000), names, 0.0, both)


def test_simulations_of_a_discrete_loop_have_exact_marginals():
    draws = model_of("scan_discrete_hmm", True).simulate(seed=4, n=20_000)
    at = np.array([1.0, 0.0, 0.0])
    for t in range(5):
        at = at @ np.asarray(programs.TRANSITION)
        found = np.bincount(np.asarray(draws[f"z[{t}]"]).astype(int), minlength=3) / 20_000
        np.testing.assert_array_less(np.abs(found - at), 5 * np.sqrt(at * (1 - at) / 20_000) + 1e-9)


def test_simulations_of_a_plate_have_exact_moments():
    model = from_numpyro(plated, observed=["x"])
    draws = model.simulate(seed=5, n=20_000)
    flat = {"mu": draws["mu"]} | {f"x{i}": draws["x"][:, i] for i in range(2)}
    require_moments(flat, ["mu", "x0", "x1"], 1.0, [[4, 4, 4], [4, 6, 4], [4, 4, 14]])


def plated():
    mu = numpyro.sample("mu", dist.Normal(1, 2))
    with numpyro.plate("rows", 2):
        z = numpyro.sample("z", dist.Normal(mu, 1))
        numpyro.sample("x", dist.Normal(z, np.array([1.0, 3.0])))


def test_every_element_has_randomness_of_its_own():
    draws = model_of("scan_vector_states", True).simulate(seed=6, n=2000)
    noise = np.stack([draws[f"x[{t},{i}]"] - draws[f"z[{t}]"].sum(axis=-1) for t in range(3) for i in range(2)])
    np.testing.assert_allclose(np.corrcoef(noise), np.eye(6), atol=0.12)


def test_redrawing_a_part_of_a_loop_goes_on_from_what_was_redrawn():
    model = model_of("scan_gaussian_hmm", True)
    old = model.draw(jax.random.key(0), 20_000)
    marked = ["z[3]", "z[4]", "x[3]"]
    which = np.array([name in marked for name in model.net.names])
    new = model.redraw(jax.random.key(1), old, which)
    assert np.array_equal(new[:, ~which], old[:, ~which])
    before, after = model.layout.unpack(old), model.layout.unpack(new)
    residuals = {
        "z3": after["z[3]"] - 0.9 * before["z[2]"],
        "z4": after["z[4]"] - 0.9 * after["z[3]"],
        "x3": after["x[3]"] - after["z[3]"],
        "old": before["z[3]"] - 0.9 * before["z[2]"],
    }
    require_moments(residuals, list(residuals), 0.0, np.eye(4))


def test_redrawing_single_elements_of_a_site_keeps_the_others():
    model = model_of("mixture", True)
    old = model.draw(jax.random.key(0), 4000)
    which = np.array([name in ("k[1]", "x[2]") for name in model.net.names])
    new = model.redraw(jax.random.key(1), old, which)
    assert np.array_equal(new[:, np.repeat(~which, model.layout.sizes)], old[:, np.repeat(~which, model.layout.sizes)])
    before, after = model.layout.unpack(old), model.layout.unpack(new)
    assert not np.array_equal(before["k[1]"], after["k[1]"])
    center = np.where(before["k[2]"] == 1, before["mu[1]"], before["mu[0]"])
    residual = np.asarray(after["x[2]"] - center)
    assert abs(residual.mean()) < 5 / np.sqrt(4000)
    assert abs(residual.var() - 1) < 5 * np.sqrt(2 / 4000)


def test_redrawing_keeps_leading_axes_and_works_when_compiled():
    model = model_of("collider", False)
    columns = model.draw(jax.random.key(0), 6).reshape(2, 3, -1)
    which = ~model.net.is_observed
    new = jax.jit(lambda key, columns: model.redraw(key, columns, which))(jax.random.key(1), columns)
    assert new.shape == columns.shape
    assert np.array_equal(new[..., which], model.redraw(jax.random.key(1), columns, which)[..., which])


def test_the_same_key_gives_the_same_draws():
    model = model_of("mixture", True)
    assert np.array_equal(model.draw(jax.random.key(3), 5), model.draw(jax.random.key(3), 5))
    assert not np.array_equal(model.draw(jax.random.key(3), 5), model.draw(jax.random.key(4), 5))


def limited():
    a = numpyro.sample("a", dist.Exponential(1.0))
    k = numpyro.sample("k", dist.Poisson(a))
    numpyro.sample("x", dist.Normal(k, a))


@pytest.mark.parametrize(
    ("values", "impossible"),
    [
        ({"a": 1.0, "k": 2.0, "x": 0.0}, set()),
        ({"a": -1.0, "k": 2.0, "x": 0.0}, {"a"}),
        ({"a": 1.0, "k": 2.5, "x": 0.0}, {"k"}),
        ({"a": 1.0, "k": -1.0, "x": 0.0}, {"k"}),
    ],
)
def test_outside_of_its_support_a_variable_has_no_density(values, impossible):
    model = from_numpyro(limited, observed=["x"])
    each = dict(zip(model.net.names, model.log_conditionals(model.layout.pack(values, jnp)), strict=True))
    assert impossible <= {name for name, density in each.items() if density == -jnp.inf}
    assert (float(model.log_joint(values)) == -np.inf) == bool(impossible)


def test_the_density_has_a_gradient():
    model = model_of("eight_schools", False)
    values = {"mu": 1.0, "tau": 2.0, "theta": jnp.array([0.5, 1.0, 2.0]), "x": jnp.array([1.0, 2.0, 3.0])}
    gradient = jax.grad(lambda mu: model.log_joint({**values, "mu": mu}))(1.0)
    exact = -1.0 / 25 + sum((theta - 1.0) / 4 for theta in (0.5, 1.0, 2.0))
    np.testing.assert_allclose(gradient, exact, rtol=1e-5)


def test_values_of_sites_and_of_elements_are_one_another():
    model = model_of("scan_vector_states", True)
    draws = model.simulate(seed=0, n=5)
    sites = model.join(draws)
    assert {name: value.shape for name, value in sites.items()} == {"z": (5, 3, 2), "x": (5, 3, 2)}
    again = model.split(sites)
    assert set(again) == set(draws)
    assert all(np.array_equal(again[name], draws[name]) for name in draws)
    assert np.array_equal(sites["x"][:, 2, 1], draws["x[2,1]"])


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda model: model.split({"q": np.zeros(3)}), "'q' is not a site of the program"),
        (
            lambda model: model.split({"x": np.zeros(4)}),
            r"'x' has the shape \(4,\), where \(\.\.\., 3, 2\) was expected",
        ),
        (lambda model: model.join({"x[0,0]": 1.0}), r"'x\[0,1\]'.* are missing of 'x'"),
    ],
)
def test_values_that_fit_no_site_are_refused(act, message):
    with pytest.raises(DataError, match=message):
        act(model_of("scan_vector_states", True))


def test_a_program_that_draws_other_sites_each_time_is_refused():
    names = iter(f"a{i}" for i in range(9))

    def program():
        numpyro.sample("x", dist.Normal(numpyro.sample(next(names), dist.Normal(0, 1)), 1))

    with pytest.raises(ProgramError, match="drew the site 'a1', which it did not have when it was read"):
        from_numpyro(program, observed=["x"], elementwise=True)


def test_the_digest_tells_programs_apart_and_not_their_data():
    def program(scale, y):
        with numpyro.plate("rows", 2):
            numpyro.sample("y", dist.Normal(numpyro.sample("z", dist.Normal(0, scale)), 1), obs=y)

    first = from_numpyro(program, np.array([1.0, 2.0]), np.zeros(2))
    assert json.loads(json.dumps(first.to_dict()))["parents"] == {"z": [], "y": ["z"]}
    assert first.digest() == from_numpyro(program, np.array([1.0, 2.0]), np.ones(2)).digest()
    assert first.digest() != from_numpyro(program, np.array([1.0, 3.0]), np.zeros(2)).digest()
    assert first.digest() != from_numpyro(program, np.array([1.0, 2.0]), np.zeros(2), elementwise=True).digest()


@pytest.mark.slow
def test_a_program_is_amortized_to_its_exact_posterior():
    def program():
        z = numpyro.sample("z", dist.Normal(0, 1))
        with numpyro.plate("rows", 3):
            numpyro.sample("x", dist.Normal(z, 1))
        numpyro.sample("w", dist.Normal(z, 1))

    posterior = amortize(from_numpyro(program, observed=["x"]), steps=1000, seed=0, exact=False, quiet=True)
    draws = posterior.sample({"x": np.array([1.0, 0.5, 1.5])}, 20_000, seed=1)
    np.testing.assert_allclose([draws["z"].mean(), draws["z"].std()], [0.75, 0.5], atol=0.03)
    np.testing.assert_allclose([draws["w"].mean(), draws["w"].std()], [0.75, np.sqrt(1.25)], atol=0.04)
