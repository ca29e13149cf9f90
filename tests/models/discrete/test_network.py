"""Discrete networks: tables, draws and scores against the list of all states, and against pyAgrum."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pyagrum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retrodict as rd
from retrodict.errors import DataError, GraphError, SizeError, UnknownStateError
from retrodict.models.discrete import DiscreteNetwork
from tests.exact_discrete import compute_marginals, enumerate_joint, enumerate_marginals
from tests.processes import ROOT

DATA = ROOT / "tests" / "data"
ASIA = rd.from_bif(DATA / "asia.bif")
QUIRKS = rd.from_bif(DATA / "quirks.bif")
YES_NO = ["no", "yes"]


def build_random(seed: int, variables: int, least_states: int = 1, most_states: int = 4) -> DiscreteNetwork:
    """A random network: up to three parents each, some states impossible, the last variable observed."""
    dice = np.random.default_rng(seed)
    parents = {
        f"v{i}": [f"v{j}" for j in dice.permutation(i)[: dice.integers(0, min(i, 3) + 1)]] for i in range(variables)
    }
    cards = {name: int(dice.integers(least_states, most_states + 1)) for name in parents}
    tables = {}
    for name, listed in parents.items():
        shape = [cards[parent] for parent in listed]
        table = dice.dirichlet(np.ones(cards[name]), size=shape) * (dice.random((*shape, cards[name])) < 0.8)
        table[..., 0] += table.sum(axis=-1) == 0
        tables[name] = table / table.sum(axis=-1, keepdims=True)
    states = {name: [f"s{k}" for k in range(card)] for name, card in cards.items()}
    return DiscreteNetwork.from_tables(parents, states, tables, observed=[f"v{variables - 1}"])


models = st.builds(build_random, st.integers(0, 10**6), st.integers(2, 5))


# -- scores and draws --------------------------------------------------------------------------------


@given(models)
@settings(max_examples=8)
def test_log_joint_is_the_product_of_the_tables(model):
    joint = enumerate_joint(model)
    columns = jnp.array(list(joint), dtype=jnp.float32)
    expected = np.array(list(joint.values()))
    assert np.isclose(expected.sum(), 1)
    found = np.exp(np.asarray(jax.jit(model.log_conditionals)(columns)).sum(axis=-1))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)
    assert ((found == 0) == (expected == 0)).all()


@given(models, st.integers(0, 100))
@settings(max_examples=5)
def test_draws_have_the_probabilities_of_the_joint(model, seed):
    n = 40_000
    joint = enumerate_joint(model)
    draws = np.asarray(jax.jit(lambda key: model.draw(key, n))(jax.random.key(seed))).astype(int)
    counts = dict.fromkeys(joint, 0)
    for states in map(tuple, draws.tolist()):
        counts[states] += 1
    for states, probability in joint.items():
        allowed = 6 * np.sqrt(probability * (1 - probability) * n) + 3
        assert probability > 0 or counts[states] == 0
        assert abs(counts[states] - probability * n) <= allowed, states


def test_a_state_without_probability_is_never_drawn():
    table = [0.0, 1 / 3, 0.0, 1 / 3, 1 / 3, 0.0]
    model = DiscreteNetwork.from_tables(
        {"a": [], "b": ["a"]}, {"a": range(6), "b": YES_NO}, {"a": table, "b": [[0.5, 0.5]] * 6}, ["b"]
    )
    drawn = np.asarray(model.simulate(seed=3, n=300_000)["a"])
    assert set(np.unique(drawn)) == {1, 3, 4}


def test_redraw_keeps_the_others_and_draws_from_the_conditional():
    net, n = ASIA.net, 60_000
    columns = jnp.zeros((n, len(net))).at[:, net.position["either"]].set(1.0).at[:, net.position["bronc"]].set(1.0)
    which = np.zeros(len(net), dtype=bool)
    which[[net.position["xray"], net.position["dysp"]]] = True
    drawn = np.asarray(jax.jit(lambda key: ASIA.redraw(key, columns, which))(jax.random.key(0)))
    assert (drawn[:, ~which] == np.asarray(columns)[:, ~which]).all()
    means = {name: drawn[:, net.position[name]].mean() for name in ("xray", "dysp")}
    assert means == pytest.approx({"xray": 0.95, "dysp": 0.9}, abs=0.006)


def test_redraw_keeps_the_shape_and_follows_new_parents():
    columns = jnp.zeros((2, 3, len(ASIA.net)))
    everything = np.ones(len(ASIA.net), dtype=bool)
    drawn = jax.jit(lambda key: ASIA.redraw(key, columns, everything))(jax.random.key(1))
    assert drawn.shape == columns.shape
    assert np.isfinite(np.asarray(jax.jit(ASIA.log_conditionals)(drawn))).all()


@pytest.mark.parametrize("value", [-1.0, 2.0, 0.5, float("nan")])
def test_what_is_no_state_has_probability_zero(value):
    values = dict.fromkeys(ASIA.net.names, 1.0)
    assert np.isfinite(ASIA.log_joint(values))
    assert ASIA.log_joint(values | {"smoke": value}) == -np.inf


def test_the_same_seed_gives_the_same_draws_and_another_others():
    draw = jax.jit(lambda key: ASIA.draw(key, 100))
    first, again, other = (np.asarray(draw(jax.random.key(seed))) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_the_program_does_not_grow_with_the_levels():
    def count(steps: int) -> int:
        parents = {f"v{i}": [f"v{i - 1}"] if i else [] for i in range(steps)}
        tables = {name: [[0.5, 0.5]] * 2 if listed else [0.5, 0.5] for name, listed in parents.items()}
        model = DiscreteNetwork.from_tables(parents, dict.fromkeys(parents, YES_NO), tables, [f"v{steps - 1}"])
        return str(jax.make_jaxpr(lambda key: model.draw(key, 10))(jax.random.key(0))).count("\n")

    assert count(10) == count(300)


# -- exact posteriors, the oracles of everything trained --------------------------------------------


@given(models, st.integers(0, 50))
@settings(max_examples=6)
def test_both_oracles_agree(model, seed):
    draws = model.simulate(seed=seed, n=1)
    evidence = {name: float(draws[name][0]) for name in model.net.observed}
    listed, eliminated = enumerate_marginals(model, evidence), compute_marginals(model, evidence)
    for name, marginal in listed.items():
        np.testing.assert_allclose(eliminated[name], marginal, atol=1e-12)


@pytest.mark.parametrize(("xray", "dysp"), [*itertools.product([0, 1], repeat=2)])
def test_pyagrum_finds_the_same_posterior_of_asia(xray, dysp):
    inference = pyagrum.LazyPropagation(pyagrum.loadBN(str(DATA / "asia.bif")))
    inference.setEvidence({"xray": xray, "dysp": dysp})
    inference.makeInference()
    for name, marginal in compute_marginals(ASIA, {"xray": xray, "dysp": dysp}).items():
        np.testing.assert_allclose(marginal, inference.posterior(name).toarray(), atol=1e-9)


def test_asia_has_the_published_answers():
    """Lauritzen & Spiegelhalter 1988: without evidence, and of a patient with dyspnoea who has been to Asia."""
    prior = compute_marginals(ASIA.observing(["asia"]), {})
    found = {name: round(float(prior[name][0]), 3) for name in prior}
    assert found == {
        "tub": 0.010, "smoke": 0.5, "lung": 0.055, "bronc": 0.45, "either": 0.065, "xray": 0.110, "dysp": 0.436
    }  # fmt: skip
    visit = compute_marginals(ASIA.observing(["asia", "dysp"]), {"asia": 0, "dysp": 0})
    found = {name: round(float(visit[name][0]), 3) for name in ("tub", "lung", "bronc", "either", "xray", "smoke")}
    assert found == {"tub": 0.088, "lung": 0.1, "bronc": 0.811, "either": 0.182, "xray": 0.22, "smoke": 0.626}


# -- names, structure and bad tables ------------------------------------------------------------------


def test_it_is_inverted_and_certified_like_its_structure():
    inverse = rd.invert(ASIA, order="exact")
    assert inverse.n_edges == rd.invert(rd.zoo.asia(), order="exact").n_edges == 11
    assert rd.certify(inverse)
    assert rd.lint(ASIA, rd.mean_field(ASIA.net).parents).n_missing > 0


def test_states_have_names_and_numbers():
    assert ASIA.to_codes({"asia": "yes", "xray": "no"}) == {"asia": 0.0, "xray": 1.0}
    assert ASIA.to_states({"asia": [[0.0, 1.0]]})["asia"].tolist() == [["yes", "no"]]
    assert QUIRKS.net.variable("heart rate").states == ("not, really", "fast (very)", "slow")
    with pytest.raises(UnknownStateError, match=r"'perhaps' is not a state of 'asia' \(states: yes, no\)"):
        ASIA.to_codes({"asia": "perhaps"})
    with pytest.raises(DataError, match="'asia' has values that are not numbers of its states"):
        ASIA.to_states({"asia": [0.5]})


def test_other_variables_can_be_observed():
    other = ASIA.observing(["asia", "smoke"])
    assert other.net.observed == ("asia", "smoke")
    assert (other.table("dysp") == ASIA.table("dysp")).all()
    assert rd.invert(other).generative == other.net.latents


def test_tables_may_list_parents_in_any_order():
    dice = np.random.default_rng(0)
    parents = {"b": [], "a": [], "c": [], "x": ["c", "a", "b"]}
    table = dice.dirichlet(np.ones(2), size=(4, 2, 3))
    states = {"a": "pq", "b": "pqr", "c": "pqrs", "x": "pq"}
    tables = {name: np.full(len(states[name]), 1 / len(states[name])) for name in "abc"} | {"x": table}
    model = DiscreteNetwork.from_tables(parents, states, tables, ["x"])
    assert model.net.parents("x") == ("a", "b", "c")
    np.testing.assert_allclose(model.table("x"), table.transpose(1, 2, 0, 3))


def build(table: object, **changes: object) -> DiscreteNetwork:
    given = {
        "parents": {"a": [], "x": ["a"]},
        "states": {"a": YES_NO, "x": YES_NO},
        "tables": {"a": [0.2, 0.8], "x": table},
        "observed": ["x"],
    }
    return DiscreteNetwork.from_tables(**{**given, **changes})


def test_rounded_rows_are_normalized():
    assert build([[0.333, 0.666], [1, 0]]).table("x")[0].sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0.5, 0.5], [0.5, 0.4]], r"the probabilities of 'x' given a=yes \(0\.5, 0\.4\) sum to 0\.9, not to 1"),
        ([[0.5, 0.5], [1.5, -0.5]], r"given a=yes .* are not all positive"),
        ([[np.nan, 0.5], [0.5, 0.5]], r"given a=no"),
        ([[np.inf, 0.5], [0.5, 0.5]], r"given a=no"),
        ([[0, 0], [0.5, 0.5]], r"given a=no .* sum to 0"),
        ([0.5, 0.5], r"'x' has the shape \(2,\), where \(2, 2\) was expected"),
        ([[0.5, 0.5]] * 3, r"shape \(3, 2\)"),
        ("no table", "the table of 'x' is not an array of numbers"),
        ([[0.5], [0.5, 0.5]], "the table of 'x' is not an array of numbers"),
    ],
)
def test_a_bad_table_is_named_with_its_row(table, message):
    with pytest.raises(DataError, match=message) as caught:
        build(table)
    assert caught.value.variables == ("x",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"states": {"a": YES_NO}}, "'x' has no states"),
        ({"states": {"a": YES_NO, "x": []}}, "'x' has no states"),
        ({"states": {"a": YES_NO, "x": ["yes", "yes"]}}, r"'x' has states that are given twice \('yes'\)"),
        ({"tables": {"a": [0.2, 0.8]}}, "'x' has no table of probabilities"),
        ({"tables": {"a": [0.2, 0.8], "x": np.eye(2), "y": [1.0]}}, "'y' has a table, but is not among the variables"),
        ({"parents": {"a": ["x"], "x": ["a"]}}, "cycle"),
    ],
)
def test_what_does_not_fit_together_is_named(changes, message):
    with pytest.raises(GraphError, match=message):
        build(np.eye(2), **changes)


def test_a_table_too_large_is_refused_before_it_is_made():
    parents = {f"z{i}": [] for i in range(40)}
    states = dict.fromkeys([*parents, "x"], YES_NO)
    tables = {name: [0.5, 0.5] for name in parents} | {"x": np.zeros(1)}
    with pytest.raises(SizeError, match=r"'x' would have 2,199,023,255,552 probabilities"):
        DiscreteNetwork.from_tables({**parents, "x": list(parents)}, states, tables, ["x"])


def test_other_probabilities_are_another_model() -> None:
    """What was saved for one network of tables is refused by another of the same structure."""
    made = [
        rd.DiscreteNetwork.from_tables(
            {"a": [], "b": ["a"]},
            {"a": ["0", "1"], "b": ["0", "1"]},
            {"a": [p, 1 - p], "b": [[0.5, 0.5], [0.1, 0.9]]},
            observed=["b"],
        )
        for p in (0.3, 0.3, 0.4)
    ]
    assert made[0].digest() == made[1].digest() != made[2].digest()
