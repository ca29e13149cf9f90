"""Programs of which deterministic sites are observed: summaries of the data that they draw."""

from __future__ import annotations

from itertools import combinations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpyro.contrib.control_flow import scan

import retrodict as rd
from retrodict.errors import DensityError, ProgramError, UnknownVariableError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.separation import d_separated
from retrodict.read.numpyro.program_summaries import SummarizedProgram, eliminate

N = 16


def measure(y=None):
    mean = numpyro.sample("mean", dist.Normal(0, 2))
    with numpyro.plate("n", N):
        y = numpyro.sample("y", dist.Normal(mean, 1), obs=y)
    numpyro.deterministic("average", jnp.mean(y))
    numpyro.deterministic("spread", jnp.std(y))
    numpyro.deterministic("twice", 2 * mean)


def test_what_summaries_stand_for_is_no_variable():
    model = rd.from_numpyro(measure, np.zeros(N), observed=["average", "spread"])
    assert isinstance(model, SummarizedProgram)
    assert model.net.latents == ("mean",)
    assert model.net.parents("average") == ("mean",)
    assert set(model.net.parents("spread")) == {"mean", "average"}


def test_sites_without_data_are_latents():
    model = rd.from_numpyro(measure, observed=["average"])
    assert model.net.latents == ("mean", "y")
    assert model.net.parents("average") == ("y",)
    assert model.net.variable("y").shape == (N,)


def test_summaries_are_computed_from_what_is_drawn():
    draws = rd.from_numpyro(measure, observed=["average", "spread"]).simulate(50, seed=1)
    np.testing.assert_allclose(draws["average"], draws["y"].mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(draws["spread"], draws["y"].std(axis=1), atol=1e-5)
    assert np.ptp(draws["average"]) > 0.5


def test_the_posterior_given_a_sufficient_summary_is_that_given_the_data():
    model = rd.from_numpyro(measure, np.zeros(N), observed=["average"])
    post = rd.amortize(model, steps=600)
    draws = np.asarray(post.sample({"average": 1.5}, 4000, seed=0)["mean"])
    precision = 1 / 4 + N
    assert abs(draws.mean() - 1.5 * N / precision) < 0.05 / np.sqrt(precision) + 4 / np.sqrt(4000 * precision)
    assert abs(draws.std() * np.sqrt(precision) - 1) < 0.1
    assert post.calibration(1000, 199)
    with pytest.raises(DensityError, match="only simulations"):
        post.importance({"average": 1.5}, 100)
    assert post.answer({"average": 1.5}, 500).stage == "encoder"


def test_answers_take_summaries_as_data():
    answer = rd.answer(measure, np.zeros(N), data={"average": 1.5}, n=2000)
    precision = 1 / 4 + N
    assert abs(answer.mean["mean"] - 1.5 * N / precision) < 0.15 / np.sqrt(precision)


def test_digests_tell_programs_apart():
    def other(y=None):
        mean = numpyro.sample("mean", dist.Normal(0, 3))
        with numpyro.plate("n", N):
            y = numpyro.sample("y", dist.Normal(mean, 1), obs=y)
        numpyro.deterministic("average", jnp.mean(y))

    first, again = (rd.from_numpyro(measure, observed=["average"]) for _ in range(2))
    assert first.digest() == again.digest()
    assert first.digest() != rd.from_numpyro(other, observed=["average"]).digest()


def test_names_are_checked():
    with pytest.raises(UnknownVariableError, match="Did you mean 'average'"):
        rd.from_numpyro(measure, observed=["averag", "spread"])
    with pytest.raises(ProgramError, match=r"'average' is deterministic.*elementwise"):
        rd.from_numpyro(measure, observed=["average"], elementwise=True)


@pytest.mark.parametrize(
    ("summarize", "message"),
    [
        (lambda y, mean: jnp.mean(y), "'average' is the same in every run.*numpyro.sample returns"),
        (lambda y, mean: jnp.mean(y) - mean, "the data of 'y' are used elsewhere.*numpyro.sample returns"),
    ],
)
def test_summaries_of_the_data_themselves_are_refused(summarize, message):
    """The argument holds the same numbers in every simulation: a posterior would learn that the summary is constant."""

    def program(y):
        mean = numpyro.sample("mean", dist.Normal(0, 2))
        with numpyro.plate("n", N):
            numpyro.sample("y", dist.Normal(mean, 1), obs=y)
        numpyro.deterministic("average", summarize(y, mean))

    with pytest.raises(ProgramError, match=message):
        rd.from_numpyro(program, np.arange(float(N)), observed=["average"])


def test_a_scan_is_refused():
    def walk():
        start = numpyro.sample("start", dist.Normal(0, 1))

        def step(state, _):
            state = numpyro.sample("z", dist.Normal(state, 1))
            return state, state

        _, states = scan(step, start, jnp.arange(4))
        numpyro.deterministic("last", states[-1])

    with pytest.raises(ProgramError, match=r"'last' is deterministic.*Python loop"):
        rd.from_numpyro(walk, observed=["last"])


@given(st.integers(0, 2**32 - 1))
def test_elimination_claims_no_independence_that_the_larger_graph_lacks(seed):
    rng = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(6)]
    parents = {name: [other for other in names[:i] if rng.random() < 0.4] for i, name in enumerate(names)}
    gone = names[int(rng.integers(6))]
    whole = BayesNet(parents, observed=[gone])
    smaller = eliminate(parents, gone)
    left = BayesNet(smaller, observed=[next(iter(smaller))])
    for one, two in combinations(left.names, 2):
        others = [name for name in left.names if name not in (one, two) and rng.random() < 0.5]
        if d_separated(left, one, two, others):
            assert d_separated(whole, one, two, others)
