"""Programs that have a density and cannot be simulated: the same density, and the structure of its terms."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpyro import handlers
from numpyro.infer.util import log_density

import retrodict as rd
from retrodict.errors import ProgramError, SimulationError
from retrodict.read.numpyro.density.density_reader import read_density
from tests.quick import quick

Y = np.random.default_rng(0).normal(1, 1, size=6)
MASK = np.array([True, True, False, True, False, True])
REAL = dist.constraints.real


def masked(y):
    a = numpyro.sample("a", dist.Normal(0, 2))
    with numpyro.plate("rows", 6), handlers.mask(mask=MASK):
        numpyro.sample("y", dist.Normal(a, 1), obs=y)


def masked_events(y):
    a = numpyro.sample("a", dist.Normal(0, 2).expand([2]))
    with numpyro.plate("rows", 3), handlers.mask(mask=MASK[:3]):
        numpyro.sample("y", dist.Normal(a, 1).to_event(1), obs=y.reshape(3, 2))


def hidden_in_part(y):
    a = numpyro.sample("a", dist.Normal(0, 2))
    with numpyro.plate("rows", 6):
        numpyro.sample("y", dist.Normal(a, 1), obs=y, obs_mask=MASK)


def factors(y):
    a, b, c = (numpyro.sample(name, dist.Normal(0, 1)) for name in "abc")
    numpyro.factor("near", -((a - b) ** 2))
    numpyro.sample("y", dist.Normal(b + c, 1).expand([6]).to_event(1), obs=y)


def factors_in_a_plate(y):
    a = numpyro.sample("a", dist.Normal(0, 1))
    with numpyro.plate("rows", 6):
        numpyro.factor("fit", -((y - a) ** 2))


def improper(y):
    a = numpyro.sample("a", dist.ImproperUniform(REAL, (), ()))
    with numpyro.plate("rows", 6):
        t = numpyro.sample("t", dist.Normal(a, 1))
        numpyro.sample("y", dist.Normal(t, 1), obs=y)


def autoregression(y):
    a, b = numpyro.sample("a", dist.Normal(0, 1)), numpyro.sample("b", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(a + b * y[:-1], 0.7), obs=y[1:])


def scaled(y):
    a = numpyro.sample("a", dist.Normal(0, 2))
    with handlers.scale(scale=0.5):
        b = numpyro.sample("b", dist.Normal(a, 1))
        numpyro.sample("y", dist.Normal(b, 1).expand([6]).to_event(1), obs=y)


def some_rows(y):
    a = numpyro.sample("a", dist.Normal(0, 2))
    with numpyro.plate("rows", 60, subsample_size=6):
        numpyro.sample("y", dist.Normal(a, 1), obs=y)


def weighed_point(y):
    a = numpyro.sample("a", dist.Normal(0, 2))
    b = numpyro.sample("b", dist.Delta(2 * a, log_density=-(a**2)))
    numpyro.sample("y", dist.Normal(b, 1).expand([6]).to_event(1), obs=y)


def residuals(y):
    a = numpyro.sample("a", dist.Normal(0, 2))
    numpyro.sample("y", dist.Normal(0, 1).expand([6]).to_event(1), obs=y - a)


PROGRAMS = [masked, masked_events, hidden_in_part, factors, factors_in_a_plate, improper, autoregression, scaled,
            some_rows, weighed_point, residuals]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_the_density_is_that_of_numpyro(program):
    model = read_density(program, (Y,), {})
    with handlers.trace() as data, handlers.seed(rng_seed=0):
        model.program()
    latents = {name: np.asarray(data[name]["value"]) for name in model.net.latents}
    seen = {name: np.asarray(data[name]["value"]) for name in model.net.observed}

    @jax.jit
    def score(values):
        with handlers.seed(rng_seed=0), handlers.block():
            return model.log_joint({**values, **seen}), log_density(program, (Y,), {}, values)[0]

    for shift in (0.0, 0.7):
        found, expected = score({name: value + np.float32(shift) for name, value in latents.items()})
        np.testing.assert_allclose(found, expected, rtol=2e-5)


PARENTS = {
    masked: {"a": {"y"}},
    factors: {"near": {"a", "b"}, "y": {"b", "c"}},
    improper: {"t": {"a"}, "y": {"t"}},
    scaled: {"b": set(), "b_log_density": {"a", "b"}, "y": {"b"}},
    weighed_point: {"b_log_density": {"a"}, "y": {"a"}},
    residuals: {"y": {"a"}},
}


@pytest.mark.parametrize("program", list(PARENTS)[1:], ids=lambda program: program.__name__)
def test_terms_are_children_of_what_meets_in_them(program):
    net = read_density(program, (Y,), {}).net
    assert {name: set(net.parents(name)) for name in PARENTS[program]} == PARENTS[program]


def test_elements_have_terms_of_their_own():
    net = read_density(factors_in_a_plate, (Y,), {}, elementwise=True).net
    assert net.observed == tuple(f"fit[{i}]" for i in range(6))


def find_needed(order, known, neighbors):
    """What each latent needs: what is known and reached from it through what is not, in the undirected graph."""
    needed = {}
    for place, name in enumerate(order):
        given_now, reached, waiting = known | set(order[:place]), set(), [name]
        visited = {name}
        while waiting:
            for other in neighbors[waiting.pop()] - visited:
                visited.add(other)
                if other in given_now:
                    reached.add(other)
                else:
                    waiting.append(other)
        needed[name] = reached
    return needed


@settings(max_examples=8, deadline=None)
@given(terms=st.lists(st.sets(st.integers(0, 4), min_size=1, max_size=3), min_size=2, max_size=6))
def test_inverses_are_those_of_the_factor_graph(terms):
    """The oracle is separation in the undirected graph, by hand."""

    def program(y):
        z = [numpyro.sample(f"z{i}", dist.ImproperUniform(REAL, (), ())) for i in range(5)]
        for number, term in enumerate(terms):
            numpyro.factor(f"f{number}", -(sum(z[i] for i in term) ** 2))
        numpyro.sample("y", dist.Normal(sum(z), 1), obs=y)

    net = read_density(program, (np.array(1.0),), {}).net
    inverse = rd.invert(net)
    assert rd.certify(inverse)
    cliques = [{f"z{i}" for i in term} | {f"f{n}"} for n, term in enumerate(terms)]
    cliques.append({*(f"z{i}" for i in range(5)), "y"})
    neighbors = {name: set() for name in net.names}
    for clique in cliques:
        for one, other in itertools.permutations(clique, 2):
            neighbors[one].add(other)
    needed = find_needed(list(inverse.sampling_order), set(net.observed), neighbors)
    assert {name: set(inverse.parents[name]) for name in net.latents} == needed


def find_gaussian(program):
    """Mean and standard deviation of the first latent, by the Hessian of NumPyro's own density."""
    model = read_density(program, (Y,), {})
    names = [name for name in model.net.latents if not name.endswith("_unobserved")]
    sizes = [model.net.variable(name).size for name in names]

    def score(flat):
        parts = jnp.split(flat, np.cumsum(sizes)[:-1].tolist())
        values = {name: part.reshape(model.net.variable(name).shape) for name, part in zip(names, parts, strict=True)}
        with handlers.seed(rng_seed=0), handlers.block():
            return log_density(program, (Y,), {}, values)[0]

    @jax.jit
    def find_moments(start):
        precision = -jax.hessian(score)(start)
        mean = jnp.linalg.solve(precision, jax.grad(score)(start))
        return mean, jnp.sqrt(jnp.diag(jnp.linalg.inv(precision)))

    mean, spread = find_moments(jnp.zeros(sum(sizes)))
    return names[0], np.asarray(mean[: sizes[0]]), np.asarray(spread[: sizes[0]])


@pytest.mark.parametrize(
    "program",
    quick([masked, factors, improper, autoregression, scaled, residuals], [masked, autoregression]),
    ids=lambda program: program.__name__,
)
def test_the_answer_is_that_of_the_density(program):
    found = rd.answer(program, Y, n=4000)
    name, mean, spread = find_gaussian(program)
    assert found.stage == "exact"
    np.testing.assert_allclose(np.ravel(found.mean[name]), mean, atol=0.1 * spread.max())
    np.testing.assert_allclose(np.ravel(found.sd[name]), spread, rtol=0.06)


def test_a_guide_is_trained_where_nothing_is_gaussian():
    def program(y):
        a = numpyro.sample("a", dist.ImproperUniform(REAL, (), ()))
        with numpyro.plate("rows", 6), handlers.mask(mask=MASK):
            numpyro.sample("y", dist.StudentT(4, a, 1), obs=y)

    guide = rd.AutoFaithful(program)
    params = guide.fit(Y, steps=400, learning_rate=0.03, quiet=True)
    assert guide.certificate
    draws = np.asarray(guide.sample_posterior(jax.random.key(1), params, Y, sample_shape=(2000,))["a"])
    grid = np.linspace(-3, 5, 2001)
    log = sum(np.asarray(dist.StudentT(4, grid, 1).log_prob(y)) for y in Y[MASK])
    weight = np.exp(log - log.max())
    mean = (weight * grid).sum() / weight.sum()
    spread = np.sqrt((weight * (grid - mean) ** 2).sum() / weight.sum())
    assert abs(draws.mean() - mean) < 0.25 * spread
    assert 0.7 < draws.std() / spread < 1.15


def test_latents_whose_data_are_hidden_are_drawn_by_the_program():
    guide = rd.AutoFaithful(hidden_in_part).setup(Y)
    assert guide.inverse.generative == ("y_unobserved",)
    params = guide.fit(Y, steps=2, quiet=True)
    draws = guide.sample_posterior(jax.random.key(1), params, Y, sample_shape=(3,))
    assert draws["y_unobserved"].shape == (3, 6)


def test_what_has_no_density_is_refused_as_before():
    def local(y):
        a = numpyro.sample("a", dist.Normal(0, 2))
        with numpyro.plate("rows", 60, subsample_size=6):
            t = numpyro.sample("t", dist.Normal(a, 1))
            numpyro.sample("y", dist.Normal(t, 1), obs=y)

    with pytest.raises(ProgramError, match="'t' stands in a plate of which only some rows are taken"):
        read_density(local, (Y,), {})
    with pytest.raises(ProgramError, match="the plate 'rows' takes 6 of 60"):
        rd.AutoFaithful(local).setup(Y)
    with pytest.raises(ProgramError, match=r"rd\.AutoFaithful and rd\.answer take its density as it is"):
        rd.from_numpyro(masked, Y)
    with pytest.raises(ProgramError, match=r"control_flow\.scan over a step"):
        rd.from_numpyro(lambda y: autoregression(y), Y)
    with pytest.raises(SimulationError, match="has a density and cannot be simulated"):
        rd.amortize(rd.AutoFaithful(masked).setup(Y).model)
