"""Finite latents by enumeration: against all states one by one, on named models and on random ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpyro.contrib.control_flow import scan
from scipy import special

from retrodict import DiscreteNetwork, amortize, from_bif, from_numpyro, invert
from retrodict.exact.find_forms import find_closed_forms
from retrodict.exact.finite import find_finite_latents

ASIA = from_bif(Path(__file__).parents[1] / "data" / "asia.bif").observing(["xray", "dysp"])


def mixture():
    weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(3)))
    means = numpyro.sample("means", dist.Normal(0, 3).expand([3]).to_event(1))
    with numpyro.plate("n", 7):
        z = numpyro.sample("z", dist.Categorical(weights))
        numpyro.sample("y", dist.Normal(means[z], 1.0))


def chain():
    rows = numpyro.sample("rows", dist.Dirichlet(jnp.ones((3, 3))).to_event(1))
    means = numpyro.sample("means", dist.Normal(0, 3).expand([3]).to_event(1))

    def step(state, _):
        state = numpyro.sample("state", dist.Categorical(rows[state]))
        numpyro.sample("y", dist.Normal(means[state], 1.0))
        return state, None

    scan(step, 0, None, length=6)


def occupancy():
    """Occupied sites are seen at some of three visits; the number of a second kind is bounded."""
    share, found = (numpyro.sample(name, dist.Beta(1, 1)) for name in ("share", "found"))
    with numpyro.plate("site", 4):
        occupied = numpyro.sample("occupied", dist.Bernoulli(share))
        number = numpyro.sample("number", dist.Binomial(2, share))
        numpyro.sample("y", dist.Binomial(3, occupied * found * (1 + number) / 3))


def list_joint(model, form, row, kept=slice(None)):
    """The log joint at all states of the latents of a form."""
    net = form.units.net
    lowest = [int((net.variable(net.names[unit]).bounds or (0,))[0]) for unit in form.latents.tolist()]
    ranges = (range(low, low + card) for low, card in zip(lowest, form.cards, strict=True))
    states = np.array(list(itertools.product(*ranges)))
    rows = jnp.broadcast_to(row, (len(states), len(row))).at[:, form._own].set(states.astype(row.dtype))
    return model.log_conditionals(rows)[:, kept].sum(axis=-1)


def require_exact(model, seed=0):
    form = find_finite_latents(model)

    @jax.jit
    def run(key):
        drawn, density = form.draw(jax.random.fold_in(key, 1), model.draw(key, 4))
        joint = jax.vmap(lambda row: list_joint(model, form, row))(drawn)
        return density, form.score(drawn), model.log_conditionals(drawn).sum(axis=-1), joint

    density, scored, chosen, joint = map(np.asarray, run(jax.random.key(seed)))
    np.testing.assert_allclose(density, scored, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(scored, chosen - special.logsumexp(joint, axis=-1), rtol=1e-4, atol=2e-4)


OCCUPANCY = pytest.param(occupancy, marks=pytest.mark.slow)


@pytest.mark.parametrize("program", [mixture, chain, OCCUPANCY], ids=lambda program: program.__name__)
def test_latents_of_a_program_have_their_exact_distribution(program):
    require_exact(from_numpyro(program, observed=["y"], elementwise=program is chain))


def test_a_discrete_network_has_its_exact_posterior():
    require_exact(ASIA)


def test_draws_come_with_the_frequencies_of_the_posterior():
    posterior = amortize(ASIA)
    assert posterior.encoder is None
    data = {"xray": "yes", "dysp": "yes"}
    draws = posterior.sample(data, 20_000, seed=1)
    (form,) = posterior.forms
    row = jnp.zeros(8).at[jnp.array([ASIA.net.index(name) for name in data])].set(0.0)  # "yes" is state 0
    weights = np.exp(np.asarray(list_joint(ASIA, form, row), float))
    states = np.array(list(itertools.product(range(2), repeat=6)))
    exact = weights @ states / weights.sum()
    found = np.stack([draws[name] for name in form.variables]).mean(axis=1)
    assert (np.abs(found - exact) < 5 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-6).all()


@st.composite
def networks(draw):
    count = draw(st.integers(2, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    cards = rng.integers(2, 4, count)
    parents = {i: sorted(rng.choice(i, size=min(i, rng.integers(0, 3)), replace=False).tolist()) for i in range(count)}
    states = {i: [f"s{k}" for k in range(cards[i])] for i in range(count)}
    tables = {i: rng.dirichlet(np.ones(cards[i]), size=[int(cards[p]) for p in parents[i]]) for i in range(count)}
    return DiscreteNetwork.from_tables(parents, states, tables, observed=[count - 1])


@settings(max_examples=15, deadline=None)
@given(networks())
def test_random_networks_have_their_exact_posterior(model):
    (form,) = find_closed_forms(model, invert(model)) or (None,)
    if form is None:
        return  # all latents are barren
    generative = invert(model).generative
    kept = np.array([i for i, name in enumerate(model.net.names) if name not in generative])

    @jax.jit
    def run(key):
        row = model.draw(key, 1)[0]
        return form.score(row), model.log_conditionals(row)[kept].sum(), list_joint(model, form, row, kept)

    score, chosen, joint = map(np.asarray, run(jax.random.key(0)))
    np.testing.assert_allclose(score, chosen - special.logsumexp(joint), rtol=1e-4, atol=2e-4)


def test_latents_with_too_many_combinations_have_no_form():
    """Thirteen binary causes of one effect would take 8,192 passes."""
    count = 13
    tables = {i: [0.5, 0.5] for i in range(count)} | {"x": np.full((2,) * count + (2,), 0.5)}
    states = {i: ["no", "yes"] for i in range(count)} | {"x": ["no", "yes"]}
    parents = {i: [] for i in range(count)} | {"x": list(range(count))}
    assert find_finite_latents(DiscreteNetwork.from_tables(parents, states, tables, observed=["x"])) is None


def test_a_mixture_keeps_its_encoder_for_what_is_not_finite():
    posterior = amortize(from_numpyro(mixture, observed=["y"]), steps=0, quiet=True)
    assert [form.kind for form in posterior.forms] == ["finite"]
    assert posterior.factors[0].variables == ("means", "weights")
    weighed = posterior.importance({"y": np.linspace(-1, 1, 7)}, 200)
    assert weighed.draws["z"].shape == (200, 7)
