"""Networks of pgmpy, against its own inference; in the environment of `make test-readers`."""

from __future__ import annotations

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import GraphError, SourceError
from retrodict.models.discrete import DiscreteNetwork
from retrodict.models.gaussian import LinearGaussian
from tests.exact_discrete import compute_marginals

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]


def build_discrete(taps=("off", "low", "high")):
    """A sprinkler; the table of the wet grass has the states of the tap in the order given."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    bn = DiscreteBayesianNetwork([("rain", "wet"), ("tap", "wet"), ("wet", "slip")])
    names = {"rain": ["no", "yes"], "tap": ["off", "low", "high"], "wet": ["dry", "wet"], "slip": ["no", "yes"]}
    wet = dict(zip(names["tap"], np.random.default_rng(0).dirichlet([1, 1], (3, 2)), strict=True))
    table = np.concatenate([wet[tap] for tap in taps]).T
    bn.add_cpds(
        TabularCPD("rain", 2, [[0.8], [0.2]], state_names={"rain": names["rain"]}),
        TabularCPD("tap", 3, [[0.5], [0.3], [0.2]], state_names={"tap": names["tap"]}),
        TabularCPD(
            "wet",
            2,
            table,
            ["tap", "rain"],
            [3, 2],
            state_names={"wet": names["wet"], "tap": list(taps), "rain": names["rain"]},
        ),
        TabularCPD(
            "slip", 2, [[0.9, 0.4], [0.1, 0.6]], ["wet"], [2], state_names={"slip": names["slip"], "wet": names["wet"]}
        ),
    )
    return bn


def test_a_discrete_network_has_the_posterior_that_pgmpy_finds():
    from pgmpy.inference import VariableElimination

    bn = build_discrete()
    model = rd.from_pgmpy(bn)
    assert isinstance(model, DiscreteNetwork)
    assert model.states("tap") == ("off", "low", "high")
    marginals = compute_marginals(model, model.to_codes({"slip": "yes"}))
    for name in ("rain", "wet"):
        theirs = VariableElimination(bn).query([name], evidence={"slip": "yes"}, show_progress=False)
        expected = [theirs.get_value(**{name: state}) for state in model.states(name)]
        np.testing.assert_allclose(marginals[name], expected, atol=1e-9)


def test_states_in_another_order_are_put_in_their_own():
    first, second = (rd.from_pgmpy(build_discrete(taps)) for taps in (("off", "low", "high"), ("high", "off", "low")))
    assert first.net == second.net
    np.testing.assert_array_equal(first.table("wet"), second.table("wet"))


def test_a_linear_gaussian_network_has_the_same_joint():
    from pgmpy.factors.continuous import LinearGaussianCPD
    from pgmpy.models import LinearGaussianBayesianNetwork

    bn = LinearGaussianBayesianNetwork([("a", "c"), ("b", "c"), ("c", "d")])
    bn.add_cpds(
        LinearGaussianCPD("a", [1.0], 2.0),
        LinearGaussianCPD("b", [-1.0], 0.5),
        LinearGaussianCPD("c", [0.5, 2.0, -3.0], 1.5, ["b", "a"]),
        LinearGaussianCPD("d", [0.0, 0.7], 1.0, ["c"]),
    )
    model = rd.from_pgmpy(bn)
    assert isinstance(model, LinearGaussian)
    mean, covariance = bn.to_joint_gaussian()
    import networkx as nx

    place = [list(nx.topological_sort(bn)).index(name) for name in model.net.names]
    np.testing.assert_allclose(model.mean, np.asarray(mean).ravel()[place], atol=0.01)
    np.testing.assert_allclose(model.covariance, np.asarray(covariance)[np.ix_(place, place)], atol=0.01)


def test_structure_alone_is_read_where_there_are_no_numbers():
    from pgmpy.base import DAG
    from pgmpy.models import DiscreteBayesianNetwork

    for kind in (DAG, DiscreteBayesianNetwork):
        net = rd.from_pgmpy(kind([("z", "x"), ("z", "y")]))
        assert isinstance(net, rd.BayesNet)
        assert net.observed == ("x", "y")
    assert rd.from_pgmpy(DAG([("z", "x"), ("x", "y")], latents={"z"})).observed == ("x", "y")
    assert rd.from_pgmpy(DAG([("z", "x"), ("x", "y")]), observed=["x"]).observed == ("x",)


def test_what_is_no_network_or_half_of_one_is_refused():
    from pgmpy.models import DiscreteBayesianNetwork, DynamicBayesianNetwork

    with pytest.raises(SourceError, match="not a NoneType"):
        rd.from_pgmpy(None)
    with pytest.raises(SourceError, match="DynamicBayesianNetwork"):
        rd.from_pgmpy(DynamicBayesianNetwork([(("z", 0), ("x", 0))]))
    half = build_discrete()
    half.remove_cpds("wet")
    with pytest.raises(GraphError, match="'wet' has no conditional probabilities"):
        rd.from_pgmpy(half)
    assert isinstance(rd.from_pgmpy(DiscreteBayesianNetwork([("z", "x")])), rd.BayesNet)
