"""The law of `tests.law` over all programs of the tests, the examples and the zoo, and over models that others know."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers

from retrodict import BayesNet, from_numpyro, zoo
from retrodict.errors import ProgramError
from retrodict.read.numpyro import sites as numpyro_sites
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.observed import fixed as numpyro_fixed
from tests import law
from tests.guide import programs as guided
from tests.learn import programs as learned
from tests.processes import ROOT
from tests.read.numpyro.known import KNOWN
from tests.read.numpyro.programs import CASES
from tests.zoo.programs import CASES as ZOO


class Call(NamedTuple):
    """How a program is read."""

    program: Callable[..., Any]
    args: tuple = ()
    kwargs: Mapping[str, Any] = {}
    observed: Any = None

    def read(self, elementwise=True):
        return from_numpyro(
            self.program, *self.args, observed=self.observed, elementwise=elementwise, **dict(self.kwargs)
        )


def example(name):
    specification = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def list_examples():
    yield "binary_tree", Call(example("binary_tree").program, (example("binary_tree").LEAVES,))
    yield "covariates", Call(example("covariates").program, observed=["x", "y"])
    schools = example("eight_schools")
    yield "centered schools", Call(schools.centered, (schools.ERROR, schools.EFFECT))
    yield "non-centered schools", Call(schools.non_centered, (schools.ERROR, schools.EFFECT))
    yield "gaussian_mixture", Call(example("gaussian_mixture").program, (4, example("gaussian_mixture").POINTS))
    yield "hidden_markov", Call(example("hidden_markov").program, (example("hidden_markov").SEEN,))
    yield (
        "positive_and_simplex",
        Call(example("positive_and_simplex").program, (example("positive_and_simplex").COUNTS,)),
    )
    yield "prediction", Call(example("prediction").program, (2.0,))
    yield "sigmoid_belief_net", Call(example("sigmoid_belief_net").program, (example("sigmoid_belief_net").BITS,))
    yield "vae_structure", Call(example("vae_structure").program, (jnp.zeros(16),))


GUIDED = {
    guided.normal: 1.0,
    guided.tree: guided.TREE_DATA,
    guided.layered_tree: guided.TREE_DATA,
    guided.supports: np.zeros((2, 3)),
    guided.predicting: 1.0,
    guided.mixture: 1.0,
}
LEARNED = {
    "factors": learned.factors(),
    "mixed": learned.Mixed(jnp.array([0.3, 1.0, 2.0])),
    "categories": learned.Categories(jnp.array([0.3, 1.0, 2.0])),
    "square": learned.Square(zoo.programs.vae(2, 9, (4,))),
    "fragile": learned.Fragile(jnp.zeros(())),
    "no parameters": learned.without_parameters,
}

CALLS = {
    **{f"read: {case.name}": Call(case.program, case.args, case.kwargs, case.observed) for case in CASES},
    **{f"guide: {program.__name__}": Call(program, (data,)) for program, data in GUIDED.items()},
    **{f"learn: {name}": Call(program, observed=["x"]) for name, program in LEARNED.items()},
    **{f"zoo: {name}": Call(case.make(), observed=["x"]) for name, case in ZOO.items()},
    **{f"example: {name}": call for name, call in list_examples()},
    **{f"known: {known.name}": Call(known.program, known.args) for known in KNOWN if known.refusal is None},
}
QUICK = {
    "read: support_only",
    "read: eight_schools_reparametrized",
    "read: scan_vector_states",
    "guide: supports",
    "learn: mixed",
    "known: autoregression_of_order_two",
}


@cache
def find_moves(name):
    model = CALLS[name].read()
    return model, law.find_moves(model)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in CALLS]
)
def test_no_term_moves_with_what_is_no_parent(name):
    model, moves = find_moves(name)
    assert law.find_breaches(model, moves) == []
    if not any(site.in_scan for site in model.sites.values()):
        assert law.find_breaches(CALLS[name].read(elementwise=False), moves) == []


@pytest.mark.parametrize("known", [known for known in KNOWN if known.refusal], ids=lambda known: known.name)
@pytest.mark.parametrize("elementwise", [False, True])
def test_known_models_that_break_it_are_refused(known, elementwise):
    with pytest.raises(ProgramError, match=known.refusal):
        from_numpyro(known.program, *known.args, elementwise=elementwise)


# -- the law itself ----------------------------------------------------------------------------------


def drop(model, parent, child):
    """The model without an edge that its program has."""
    kept = {name: [p for p in model.net.parents(name) if (p, name) != (parent, child)] for name in model.net.names}
    net = BayesNet(kept, model.net.observed, variables=model.net.described.values())
    return NumpyroModel(model.program, replace(model.structure, net=net))


@pytest.mark.parametrize(
    ("name", "parent", "child"),
    [
        ("read: support_only", "a", "b"),
        ("read: scan_vector_states", "z[0]", "z[1]"),
        ("read: eight_schools_reparametrized", "tau", "x[1]"),
        ("guide: supports", "share", "y[0,1]"),
    ],
)
def test_a_parent_that_is_left_out_is_found(name, parent, child):
    model, moves = find_moves(name)
    assert f"{child} moves with {parent}" in law.find_breaches(drop(model, parent, child), moves)


def residual(y):
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.sample("x", dist.Normal(0, 1), obs=y - z)


def masked(y):
    z = numpyro.sample("z", dist.Normal(0, 1))
    with handlers.mask(mask=z > 0):
        numpyro.sample("x", dist.Normal(0, 1), obs=y)


def scaled(y):
    z = numpyro.sample("z", dist.Normal(0, 1))
    with handlers.scale(scale=jnp.exp(z)):
        numpyro.sample("x", dist.Normal(0, 1), obs=y)


@pytest.mark.parametrize("program", [residual, masked, scaled])
def test_what_would_break_it_is_refused_and_seen_where_it_is_not(monkeypatch, program):
    with pytest.raises(ProgramError, match="'x'"):
        from_numpyro(program, 1.0)
    monkeypatch.setattr(numpyro_fixed, "_refuse_value", lambda name, sources: None)
    monkeypatch.setattr(numpyro_fixed, "refuse_mask", lambda name: None)
    monkeypatch.setattr(numpyro_sites, "refuse_site", lambda site: None)
    model = from_numpyro(program, 1.0, elementwise=True)
    assert law.find_breaches(model, law.find_moves(model, points=10)) == ["x moves with z"]
