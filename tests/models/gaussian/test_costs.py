"""What edges are worth: prices against floors computed without the edges, and structures that are paid for."""

import numpy as np
import pytest

from retrodict import edge_costs, zoo
from retrodict.certificate.certify import certify
from retrodict.certificate.handwritten import read_guide
from retrodict.errors import OptionError
from retrodict.invert import fully_connected, invert, mean_field, reversal
from tests.cases import CASES
from tests.models.gaussian.test_factors import draw_model

SMALL = [case for case in CASES if len(case.net) <= 16]
NETS = pytest.mark.parametrize("case", SMALL, ids=str)
STRUCTURES = pytest.mark.parametrize("structure", [invert, reversal, mean_field, fully_connected])


def without(inverse, *gone):
    """The structure that lacks these edges, read as if somebody had written it."""
    parents = {name: [p for p in row if (p, name) not in gone] for name, row in inverse.parents.items()}
    return read_guide(inverse.net, parents)


@NETS
@STRUCTURES
def test_the_price_of_an_edge_is_what_the_floor_rises_by(case, structure):
    model, inverse = draw_model(case.net, seed=1), structure(case.net)
    base, costs = model.kl_floor(inverse), edge_costs(model, inverse)
    assert len(costs.edges) == inverse.n_edges
    for edge, price in list(costs.edges.items())[:40]:
        assert price == pytest.approx(model.kl_floor(without(inverse, edge)) - base, rel=1e-6, abs=1e-9)


@NETS
def test_the_price_of_a_parent_set_is_what_the_floor_rises_by(case):
    model, inverse = draw_model(case.net, seed=2), invert(case.net)
    base = model.kl_floor(inverse)
    for child, price in edge_costs(model, inverse).parent_sets.items():
        gone = [(parent, child) for parent in inverse.parents[child]]
        assert price == pytest.approx(model.kl_floor(without(inverse, *gone)) - base, rel=1e-6, abs=1e-9)


@NETS
def test_every_edge_of_a_minimal_inverse_costs_something_and_every_removable_one_nothing(case):
    model = draw_model(case.net, seed=3)
    for inverse in (invert(case.net), fully_connected(case.net)):
        removable = set(certify(inverse).removable)
        for edge, price in edge_costs(model, inverse).edges.items():
            assert (price < 1e-9) == (edge in removable), edge


@NETS
@pytest.mark.parametrize("max_nats", [0.0, 0.01, 0.3, 1e6])
def test_a_sparsified_structure_has_exactly_the_price_it_states(case, max_nats):
    model = draw_model(case.net, seed=4)
    inverse = invert(model)
    smaller, nats = inverse.sparsify(max_nats=max_nats)
    assert nats <= max_nats
    assert nats == pytest.approx(model.kl_floor(smaller) - model.kl_floor(inverse), rel=1e-6, abs=1e-9)
    assert all(set(smaller.parents[name]) <= set(row) for name, row in inverse.parents.items())
    assert smaller.generative == inverse.generative
    if max_nats == 0.0:
        assert smaller.n_edges == inverse.n_edges
    if max_nats == 1e6:
        assert smaller.n_edges == sum(len(inverse.parents[name]) for name in inverse.generative)


@NETS
def test_what_costs_nothing_is_exactly_what_is_removable(case):
    """Sparsifying a fully connected structure for next to nothing leaves the minimal one of its order."""
    model, inverse = draw_model(case.net, seed=5), fully_connected(case.net)
    smaller, nats = inverse.sparsify(max_nats=1e-9, model=model)
    assert nats < 1e-9
    assert certify(smaller).faithful
    assert certify(smaller).minimal


def test_more_nats_buy_fewer_edges():
    inverse = invert(zoo.binary_tree(6), order="forward")
    counts = [inverse.sparsify(max_nats=budget).inverse.n_edges for budget in (0.0, 0.01, 0.1, 1.0, 10.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == inverse.n_edges > counts[2]


def test_bad_requests_are_refused():
    model = zoo.binary_tree(3)
    with pytest.raises(OptionError, match="needs the numbers of a linear-Gaussian model"):
        invert(model.net).sparsify(max_nats=0.1)
    with pytest.raises(OptionError, match="max_nats=-1 is out of range"):
        invert(model).sparsify(max_nats=-1)
    with pytest.raises(OptionError, match="max_nats=nan is out of range"):
        invert(model).sparsify(max_nats=float("nan"))
    with pytest.raises(OptionError, match="belongs to another model"):
        edge_costs(model, invert(zoo.binary_tree(4)))
    with pytest.raises(OptionError, match="not for a BayesNet"):
        edge_costs(model.net, invert(model))


def test_prices_add_up_over_latents_but_not_within_one():
    """Dropping edges of different latents costs the sum; dropping two of one latent in general does not."""
    model = zoo.binary_tree(4, seed=3)
    inverse = invert(model)
    costs = edge_costs(model, inverse).edges
    first, second = next((a, b) for a in costs for b in costs if a.child != b.child)
    both = model.kl_floor(without(inverse, first, second)) - model.kl_floor(inverse)
    assert both == pytest.approx(costs[first] + costs[second], rel=1e-9)
    one, other = next((a, b) for a in costs for b in costs if a.child == b.child and a != b)
    together = model.kl_floor(without(inverse, one, other)) - model.kl_floor(inverse)
    assert not np.isclose(together, costs[one] + costs[other], rtol=1e-3)
