"""Graphs of programs are those written by hand; variables are described."""

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from jax import numpy as jnp

from retrodict import from_numpyro
from retrodict.graph.bayesnet import BayesNet, Variable
from tests.read.numpyro.programs import CASES, Case

SITEWISE = [case for case in CASES if case.graph is not None]


def graph_of(net: BayesNet) -> dict[str, set[str]]:
    return {name: set(net.parents(name)) for name in net.names}


def read(case: Case, *, elementwise: bool):
    return from_numpyro(case.program, *case.args, observed=case.observed, elementwise=elementwise, **case.kwargs)


@pytest.mark.parametrize("case", SITEWISE, ids=lambda case: case.name)
def test_sites_have_the_graph_written_by_hand(case):
    model = read(case, elementwise=False)
    assert graph_of(model.net) == {name: set(parents) for name, parents in case.graph.items()}
    seen = {name for name, site in model.sites.items() if site.is_observed}
    assert set(model.net.observed) == set(case.observed or seen)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_elements_have_the_graph_written_by_hand(case):
    model = read(case, elementwise=True)
    assert graph_of(model.net) == {name: set(parents) for name, parents in case.elements.items()}


def described(program, *args, **options) -> dict[str, Variable]:
    net = from_numpyro(program, *args, **options).net
    return {name: net.variable(name) for name in net.names}


def supports(k=3):
    with numpyro.plate("rows", 2, dim=-2), numpyro.plate("columns", k, dim=-1):
        numpyro.sample("r", dist.Normal(0, 1))
        numpyro.sample("c", dist.Categorical(jnp.ones(4) / 4))
    b = numpyro.sample("b", dist.Binomial(7, 0.5))
    u = numpyro.sample("u", dist.Uniform(-1.0, 3.0))
    numpyro.sample("v", dist.Uniform(0.0, u**2 + 1))
    numpyro.sample("p", dist.Dirichlet(jnp.ones(k)))
    numpyro.sample("n", dist.Poisson(2.0))
    numpyro.sample("h", dist.HalfNormal(1.0))
    numpyro.sample("l", dist.LKJCholesky(2))
    numpyro.sample("x", dist.Bernoulli(0.1 + 0.1 * b / 7))


def test_variables_know_size_support_plates_and_categories():
    found = described(supports, observed=["x"])
    assert found == {
        "r": Variable("r", 6, "real", ("rows", "columns"), shape=(2, 3)),
        "c": Variable("c", 6, "categorical", ("rows", "columns"), shape=(2, 3), categories=4, bounds=(0, 3)),
        "b": Variable("b", 1, "bounded_count", categories=8, bounds=(0, 7)),
        "u": Variable("u", 1, "interval", bounds=(-1, 3)),
        "v": Variable("v", 1, "interval", bounded_by=("u",)),
        "p": Variable("p", 3, "simplex", shape=(3,)),
        "n": Variable("n", 1, "count"),
        "h": Variable("h", 1, "positive"),
        "l": Variable("l", 4, "corr_cholesky", shape=(2, 2)),
        "x": Variable("x", 1, "boolean", categories=2, bounds=(0, 1)),
    }


def test_elements_keep_what_is_drawn_jointly_and_their_own_counts():
    def program():
        numpyro.sample("b", dist.Binomial(np.array([3, 5]), 0.5))
        numpyro.sample("x", dist.Dirichlet(jnp.ones((2, 3))))

    found = described(program, observed=["x"], elementwise=True)
    assert [found[f"b[{i}]"].categories for i in range(2)] == [4, 6]
    assert found["x[1]"] == Variable("x[1]", 3, "simplex", shape=(3,))
    assert described(program, observed=["x"])["b"].bounds == (0, 5)


def test_plates_within_a_loop_are_known():
    net = read(next(case for case in CASES if case.name == "scan_vector_states"), elementwise=True).net
    assert net.variable("x[1,0]") == Variable("x[1,0]", plates=("channels",))
    assert net.variable("z[1]") == Variable("z[1]", size=2)


def test_single_elements_can_be_observed():
    def program():
        numpyro.sample("z", dist.Normal(jnp.zeros(3), 1))

    assert from_numpyro(program, observed=["z[0]", "z[2]"], elementwise=True).net.latents == ("z[1]",)


def test_a_named_set_of_observed_sites_replaces_the_data():
    def program(y):
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(z, 1), obs=y)
        numpyro.sample("w", dist.Normal(z, 1))

    assert from_numpyro(program, 1.0).net.observed == ("y",)
    assert from_numpyro(program, 1.0, observed=["w"]).net.observed == ("w",)


def test_programs_may_be_partial_functions_and_objects():
    class Chain:
        def __call__(self, n):
            z = numpyro.sample("z", dist.Normal(0, 1))
            for i in range(n):
                numpyro.sample(f"x{i}", dist.Normal(z, 1), obs=0.0)

    assert from_numpyro(Chain(), 2).net.observed == ("x0", "x1")
