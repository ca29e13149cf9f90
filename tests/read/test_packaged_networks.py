"""The 24 discrete networks that come with pgmpy: read, inverted under every order, certified, and checked.

In the environment of `make test-readers`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import retrodict as rd
from retrodict.invert.compare import run_orders
from tests.exact_discrete import compute_marginals
from tests.read.bif.test_bif import write_bif

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]

SPEC = find_spec("pgmpy")
FOLDER = Path(str(SPEC.origin)).parent / "utils" / "example_models" if SPEC else None
NAMES = sorted(path.name.removesuffix(".bif.gz") for path in FOLDER.glob("*.bif.gz")) if FOLDER else ["none"]
SMALL = ["asia", "cancer", "earthquake", "survey", "sachs", "child", "insurance", "water", "mildew", "alarm", "barley"]
SMALL.append("hailfinder")


def read(name: str) -> rd.DiscreteNetwork:
    return rd.from_bif(FOLDER / f"{name}.bif.gz")


def find_needs(net: rd.BayesNet, sampling_order: tuple[object, ...]) -> dict[object, set[object]]:
    """The least parents of each latent by d-separation alone, asked of networkx about one variable at a time."""
    graph, known, needs = net.to_networkx(), set(net.observed), {}
    for latent in sampling_order:
        needs[latent] = {u for u in known if not nx.is_d_separator(graph, {latent}, {u}, known - {u})}
        known.add(latent)
    return needs


def test_there_are_24():
    assert len(NAMES) == 24
    assert {name for name in NAMES if len(read(name).net) <= 60} == set(SMALL)


@pytest.mark.parametrize("name", NAMES)
def test_pgmpy_reads_the_same_structure_and_states(name):
    from pgmpy.utils import get_example_model

    model, theirs = read(name), get_example_model(name)
    ours = {(a, b) for b in model.net.names for a in model.net.parents(b)}
    assert ours == set(theirs.edges())
    for variable in model.net.names[:: max(1, len(model.net) // 40)]:
        cpd = theirs.get_cpds(variable)
        assert model.states(variable) == tuple(cpd.state_names[variable])
        axes = [cpd.variables.index(other) for other in (*model.net.parents(variable), variable)]
        np.testing.assert_allclose(model.table(variable), cpd.values.transpose(axes), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_order_gives_a_faithful_and_minimal_inverse(name):
    net = read(name).net
    for order, inverse, _ in run_orders(net, exact=len(net.latents) < 20, budget=0.25):
        certificate = rd.certify(inverse)
        assert certificate.faithful, order
        assert certificate.minimal, order


@pytest.mark.parametrize("name", SMALL)
def test_parents_are_those_that_networkx_finds_one_by_one(name):
    net = read(name).net
    for order, inverse, _ in run_orders(net, exact=len(net.latents) < 20, budget=0.25):
        found = {latent: set(parents) for latent, parents in inverse.parents.items()}
        assert found == find_needs(net, inverse.sampling_order), order


def load_in_pyagrum(model: rd.DiscreteNetwork, folder: Path):
    """A network in pyAgrum, its states numbered: pyAgrum's reader does not take all of their names."""
    import pyagrum

    net = model.net
    states = {name: [f"s{k}" for k in range(len(model.states(name)))] for name in net.names}
    tables = {name: model.table(name) for name in net.names}
    parents = {name: net.parents(name) for name in net.names}
    path = folder / "plain.bif"
    plain = rd.DiscreteNetwork.from_tables(parents, states, tables, net.observed)
    path.write_text(write_bif(plain).replace('"', ""))
    return pyagrum.LazyPropagation(pyagrum.loadBN(str(path)))


@pytest.mark.parametrize("name", ["asia", "child", "insurance", "alarm", "hailfinder"])
def test_the_oracle_finds_the_posterior_that_pyagrum_finds(tmp_path, name):
    model = read(name)
    inference = load_in_pyagrum(model, tmp_path)
    draws = model.simulate(seed=0, n=3)
    for i in range(3):
        evidence = {x: int(draws[x][i]) for x in model.net.observed}
        inference.setEvidence(evidence)
        inference.makeInference()
        for latent, marginal in compute_marginals(model, evidence).items():
            np.testing.assert_allclose(marginal, inference.posterior(latent).toarray(), atol=1e-4)


@pytest.mark.parametrize("name", ["alarm", "pathfinder", "diabetes", "munin"])
def test_draws_of_large_networks_have_the_prior_marginals(tmp_path, name):
    """Frequencies of 20,000 draws against exact prior marginals, at six standard errors."""
    n, model = 20_000, read(name)
    inference = load_in_pyagrum(model, tmp_path)
    draws = model.simulate(seed=0, n=n)
    inference.makeInference()
    for variable in model.net.names[:: max(1, len(model.net) // 60)]:
        exact = inference.posterior(variable).toarray()
        found = np.bincount(np.asarray(draws[variable]).astype(int), minlength=len(exact)) / n
        assert (np.abs(found - exact) <= 6 * np.sqrt(exact * (1 - exact) / n) + 3 / n).all(), variable
