"""A template with the model that it is at its largest sizes: which instance is which variable and which columns."""

from __future__ import annotations

import copy

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict.errors import GraphError, UnknownVariableError
from retrodict.models.template_model import TemplateModel

GROUPS = rd.Template("u[j]; mu; theta[j] | mu u[j]; y[j,n] | theta[j]", observed=["u", "y"])


def make_gaussian(net: rd.BayesNet) -> rd.LinearGaussian:
    return rd.LinearGaussian.from_weights(net, {name: dict.fromkeys(net.parents(name), 0.5) for name in net.names})


def make_groups(absent: bool = True) -> TemplateModel:
    """Three groups of two observations, the last group of one only."""
    parents = {"mu": []} | {f"t{j}": ["mu"] for j in range(3)}
    places = [(j, n) for j in range(3) for n in range(2) if not absent or (j, n) != (2, 1)]
    data = {f"obs{j}{n}": [f"t{j}"] for j, n in places}
    model = make_gaussian(rd.BayesNet(parents | data, observed=list(data)))
    names = np.full((3, 2), None, dtype=object)
    for j, n in places:
        names[j, n] = f"obs{j}{n}"
    return TemplateModel(
        GROUPS,
        model,
        {"j": 3, "n": 2},
        {"mu": np.array("mu", object), "theta": np.array(["t0", "t1", "t2"], object), "y": names},
        {"u": np.array([1.0, 2.0, 3.0])},
    )


def test_finds_columns_of_instances():
    model = make_groups()
    layout = model.model.layout
    columns = layout.read({name: float(i) for i, name in enumerate(layout.names)})
    assert model.columns("y").shape == (3, 2)
    assert model.columns("y")[2, 1] == -1
    assert [layout.names[int(columns[c])] for c in model.columns("y").ravel()[:5]] == list(model.names["y"].ravel()[:5])
    assert model.columns("mu").shape == ()
    assert model.instances["obs20"] == "y[2,0]"
    assert model.sites["theta"] == "theta"
    assert repr(model).endswith("observed: 'u', 'y'; j: 3, n: 2)")


def test_finds_columns_of_vectors():
    def program():
        with numpyro.plate("j", 2):
            a = numpyro.sample("a", dist.Dirichlet(jnp.ones(3)))
            numpyro.sample("y", dist.Normal(a[:, 0], 1))

    model = rd.from_numpyro(program, observed=["y"], elementwise=True)
    template = rd.Template("a[j]; y[j] | a[j]", observed=["y"])
    names = {name: np.array([f"{name}[0]", f"{name}[1]"], object) for name in "ay"}
    found = TemplateModel(template, model, {"j": 2}, names)
    assert found.columns("a").tolist() == model.structure.columns["a"].tolist()
    assert found.columns("y").tolist() == model.structure.columns["y"].tolist()


def test_survives_copying():
    model = make_groups()
    model.columns("y")
    again = copy.deepcopy(model)
    assert np.array_equal(again.columns("y"), model.columns("y"))


def test_refuses_what_does_not_fit():
    model = make_groups()
    parts = {k: getattr(model, k) for k in ("template", "model", "sizes", "names", "covariates")}
    with pytest.raises(UnknownVariableError, match="'u'"):
        model.columns("u")
    for changed, message in (
        ({"covariates": {}}, "'u' has neither names in the model nor values"),
        ({"covariates": {"u": np.ones(4)}}, r"the array of 'u' has the shape \(4,\)"),
        ({"sizes": {"j": 3, "n": 3}}, "the array of 'y' has the shape"),
        ({"names": {**model.names, "theta": model.names["theta"][[0, 1, 1]]}}, "'t2'"),
        ({"model": model.model.observing(["t0", "obs00"])}, "'theta', 'y' are observed in the template or"),
        ({"names": {**model.names, "w": model.names["mu"]}}, "'w'"),
    ):
        with pytest.raises(GraphError, match=message):
            TemplateModel(**{**parts, **changed})
