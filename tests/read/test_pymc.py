"""Models of PyMC, through their static graph; in the environment of `make test-readers`."""

from __future__ import annotations

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import GraphError, SourceError

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]


def parents(net: rd.BayesNet) -> dict[object, set[object]]:
    return {name: set(net.parents(name)) for name in net.names}


def test_eight_schools():
    import pymc as pm

    with pm.Model() as model:
        mu, tau = pm.Normal("mu"), pm.HalfCauchy("tau", 5)
        raw = pm.Normal("raw", shape=8)
        theta = pm.Deterministic("theta", mu + tau * raw)
        pm.Normal("y", theta, 10, observed=np.zeros(8))
    net = rd.from_pymc(model)
    assert parents(net) == {"mu": set(), "tau": set(), "raw": set(), "y": {"mu", "tau", "raw"}}
    assert net.observed == ("y",)
    assert (net.variable("raw").size, net.variable("mu").size) == (8, 1)


def test_chains_of_deterministic_variables_and_data():
    import pymc as pm

    with pm.Model() as model:
        x, seen = pm.Data("x", np.arange(4.0)), pm.Data("seen", np.zeros(4))
        a = pm.Normal("a")
        b = pm.Deterministic("b", a * x)
        c = pm.Deterministic("c", b + 1)
        k = pm.Poisson("k", a**2)
        pm.Normal("y", c + k, observed=seen)
    net = rd.from_pymc(model)
    assert parents(net) == {"x": set(), "a": set(), "k": {"a"}, "y": {"a", "x", "k"}}
    assert net.observed == ("x", "y")
    assert net.variable("k").support == "integer"


def test_loops_switches_and_observed_parents_are_exact():
    import pymc as pm

    with pm.Model() as model:
        z = [pm.Normal("z0")]
        for t in range(1, 4):
            z.append(pm.Normal(f"z{t}", pm.math.switch(z[-1] > 0, z[-1], 0.5)))
        y = pm.Normal("y0", z[0], observed=0.0)
        pm.Normal("y1", z[3] + y, observed=1.0)
    assert parents(rd.from_pymc(model)) == {
        "z0": set(), "z1": {"z0"}, "z2": {"z1"}, "z3": {"z2"}, "y0": {"z0"}, "y1": {"z3", "y0"}
    }  # fmt: skip


def test_a_potential_joins_what_it_is_computed_from():
    import pymc as pm

    with pm.Model() as model:
        a, b = pm.Normal("a"), pm.Normal("b")
        pm.Potential("p", -((a - b) ** 2))
    net = rd.from_pymc(model)
    assert net.observed == ("p",)
    assert rd.invert(net).n_edges == 3


def test_another_observed_set_can_be_chosen():
    import pymc as pm

    with pm.Model() as model:
        pm.Normal("x", pm.Normal("z"))
    assert rd.from_pymc(model, observed=["x"]).observed == ("x",)
    with pytest.raises(GraphError, match="nothing is observed"):
        rd.from_pymc(model)


def test_what_is_no_model_is_refused():
    with pytest.raises(SourceError, match=r"needs a pymc\.Model, not a function"):
        rd.from_pymc(lambda: None)
