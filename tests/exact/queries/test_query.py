"""Any question of a network, held to the list of all states and to the joint normal distribution."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from random import Random

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import DataError, GraphError, OptionError, UnknownStateError, UnknownVariableError
from tests.exact_discrete import enumerate_joint
from tests.random_models import draw_model

ASIA = Path(__file__).parents[2] / "data" / "asia.bif"


def draw_network(seed: int, zeros: bool = False) -> rd.DiscreteNetwork:
    """A random network of up to six variables of two or three states; some probabilities may be zero."""
    model, draw = draw_model(seed, most=6), np.random.default_rng(seed)
    parents = {str(name): [str(u) for u in above] for name, above in model.parents.items()}
    states = {name: [f"s{k}" for k in range(int(draw.integers(2, 4)))] for name in parents}
    tables = {}
    for name, above in parents.items():
        table = draw.gamma(0.7, size=[*(len(states[u]) for u in above), len(states[name])]) + 1e-3
        if zeros:
            table[..., 0] *= draw.random(table.shape[:-1]) < 0.6
        tables[name] = table / table.sum(axis=-1, keepdims=True)
    return rd.DiscreteNetwork.from_tables(parents, states, tables, [str(name) for name in model.observed_names])


def list_matching(model: rd.DiscreteNetwork, given: dict[str, str]) -> dict[tuple[int, ...], float]:
    place = {model.net.position[name]: model.states(name).index(state) for name, state in given.items()}
    joint = enumerate_joint(model)
    return {states: p for states, p in joint.items() if all(states[v] == k for v, k in place.items())}


@pytest.mark.parametrize("seed", range(25))
def test_tables_agree_with_the_list_of_all_states(seed: int) -> None:
    model, draw = draw_network(seed, zeros=seed % 2 == 1), Random(seed)  # noqa: S311
    names = list(model.net.names)
    given = {name: draw.choice(model.states(name)) for name in draw.sample(names, draw.randint(0, len(names) - 1))}
    matching = list_matching(model, given)
    total = sum(matching.values())
    if total == 0:
        with pytest.raises(DataError, match="probability zero"):
            rd.query(model, given)
        return
    answer = rd.query(model, given)
    assert math.isclose(answer.log_evidence, math.log(total), abs_tol=1e-9)
    assert set(answer.marginals) == set(names) - set(given)
    for name, row in answer.marginals.items():
        v = model.net.position[name]
        for k, state in enumerate(model.states(name)):
            expected = sum(p for states, p in matching.items() if states[v] == k) / total
            assert math.isclose(row[state], expected, abs_tol=1e-9)
    best = rd.most_probable(model, given)
    states = {**given, **best}
    chosen = tuple(model.states(name).index(states[name]) for name in names)
    assert math.isclose(matching[chosen], max(matching.values()), rel_tol=1e-9)


@pytest.mark.parametrize("seed", range(15))
def test_an_intervention_leaves_out_one_factor(seed: int) -> None:
    """The truncated factorization (Pearl): the joint without the term of what is set."""
    model, draw = draw_network(seed), Random(seed)  # noqa: S311
    names = list(model.net.names)
    target, *others = draw.sample(names, len(names))
    state = draw.choice(model.states(target))
    given = {others[0]: model.states(others[0])[0]} if len(others) > 1 else {}
    asked = others[-1]
    sums = dict.fromkeys(model.states(asked), 0.0)
    for states, p in list_matching(model, {target: state, **given}).items():
        row = tuple(states[model.net.position[u]] for u in model.net.parents(target))
        own = float(model.table(target)[(*row, states[model.net.position[target]])])
        sums[model.states(asked)[states[model.net.position[asked]]]] += p / own
    answer = rd.query(model, given, [asked], do={target: state})
    total = sum(sums.values())
    assert math.isclose(answer.log_evidence, math.log(total), abs_tol=1e-9)
    for name, value in sums.items():
        assert math.isclose(answer[asked][name], value / total, abs_tol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_lines_agree_with_regression_on_the_joint(seed: int) -> None:
    model, draw = rd.zoo.binary_tree(depth=3, seed=seed), Random(seed)  # noqa: S311
    names = list(model.net.names)
    given = {name: draw.gauss(0, 1) for name in draw.sample(names, 3)}
    answer = rd.query(model, given)
    precision = np.linalg.inv(model.covariance)
    free = [model.net.index(name) for name in names if name not in given]
    seen = [model.net.index(name) for name in given]
    within = np.linalg.inv(precision[np.ix_(free, free)])
    shift = np.array(list(given.values())) - model.mean[seen]
    means = model.mean[free] - within @ precision[np.ix_(free, seen)] @ shift
    for place, v in enumerate(free):
        row = answer[names[v]]
        assert math.isclose(row["mean"], means[place], abs_tol=1e-9)
        assert math.isclose(row["sd"], math.sqrt(within[place, place]), abs_tol=1e-9)


def test_setting_a_variable_of_lines_informs_nothing_above_it() -> None:
    model = rd.zoo.binary_tree(depth=3, seed=1)
    free, set_ = rd.query(model), rd.query(model, do={"x1": 3.0})
    assert set_["x0"] == free["x0"]
    assert set_["x3"]["mean"] != free["x3"]["mean"]
    assert math.isclose(set_.log_evidence, 0.0, abs_tol=1e-9)
    assert rd.query(model, {"x1": 3.0})["x0"] != free["x0"]


def test_cutting_edges() -> None:
    net = rd.BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
    assert net.do(["y"]).n_edges == 1
    assert net.do([]) == net
    assert net.observing(["x"], of=["z"]).do(["x"]).hidden == ("y",)
    with pytest.raises(UnknownVariableError):
        net.do(["w"])


def test_a_table_to_read() -> None:
    answer = rd.query(rd.from_bif(ASIA), {"dysp": "yes"}, ["bronc", "lung"])
    assert str(answer).splitlines()[0].split() == ["variable", "state", "probability"]
    assert json.loads(json.dumps(answer.to_dict()))["given"] == {"dysp": "yes"}
    assert "<table>" in answer._repr_html_()


def test_bad_input() -> None:
    model = rd.from_bif(ASIA)
    with pytest.raises(UnknownVariableError, match="'nobody'"):
        rd.query(model, {"nobody": "yes"})
    with pytest.raises(UnknownStateError, match="states: yes, no"):
        rd.query(model, {"lung": "maybe"})
    with pytest.raises(GraphError, match="both given and asked for"):
        rd.query(model, {"lung": "yes"}, ["lung"])
    with pytest.raises(GraphError, match="'lung' is both set from outside and asked for"):
        rd.query(model, {}, ["lung"], do={"lung": "yes"})
    with pytest.raises(GraphError, match="both given and set"):
        rd.query(model, {"lung": "yes"}, do={"lung": "no"})
    with pytest.raises(DataError, match="'either' has probability zero beside"):
        rd.query(model, {"lung": "yes", "either": "no"})
    with pytest.raises(OptionError, match="exact answers need"):
        rd.query(model.net, {})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="not a finite number"):
        rd.query(rd.zoo.binary_tree(depth=2), {"x1": math.nan})
    with pytest.raises(OptionError, match="the mean is the most probable"):
        rd.most_probable(rd.zoo.binary_tree(depth=2))  # type: ignore[arg-type]


def test_what_is_too_large_is_refused() -> None:
    n = 26
    parents = {**{f"a{i}": [] for i in range(n)}}
    states = {name: ["0", "1"] for name in parents}
    tables: dict[str, object] = {name: [0.5, 0.5] for name in parents}
    for i, j in itertools.combinations(range(n), 2):
        parents[f"x{i}_{j}"] = [f"a{i}", f"a{j}"]
        states[f"x{i}_{j}"] = ["0", "1"]
        tables[f"x{i}_{j}"] = np.full((2, 2, 2), 0.5)
    model = rd.DiscreteNetwork.from_tables(parents, states, tables, ["x0_1"])
    given = {name: "0" for name in parents if name.startswith("x")}
    with pytest.raises(rd.errors.SizeError, match="exact sums need a table"):
        rd.query(model, given, ["a0"])
