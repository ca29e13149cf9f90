"""Who takes part in figure 2: the structures, the capacity, and that the default is what `amortize` makes."""

import jax
import numpy as np
import pytest

from retrodict import zoo
from retrodict.certificate.certify import certify
from retrodict.encode.build import count_parameters
from retrodict.errors import OptionError
from retrodict.paper.figure2.entries import ENTRIES, TreeBudget, enter
from retrodict.paper.figure2.units import find_falls
from retrodict.paper.plateau import Plateau
from retrodict.paper.yardstick import Yardstick, measure_kl
from retrodict.posterior.training.model_training import Keys
from retrodict.train.inference import fit

PAPER = [name for name, entry in ENTRIES.items() if entry.paper]


@pytest.mark.parametrize("name", PAPER)
@pytest.mark.parametrize(("depth", "width"), [(4, 40), (5, 20)])
def test_capacity_in_use_is_that_of_the_heuristic(name, depth, width):
    model = zoo.binary_tree(depth)
    capacity = count_parameters(enter(model, "heuristic", width).start(0))
    assert count_parameters(enter(model, name, width).start(0)) == pytest.approx(capacity, rel=0.03)


@pytest.mark.parametrize("name", ENTRIES)
def test_only_the_reversed_edges_are_unfaithful(name):
    model = zoo.binary_tree(4)
    contestant = enter(model, name, 8)
    assert bool(certify(contestant.inverse)) == (ENTRIES[name].structure != "reversal")
    assert (model.kl_floor(contestant.inverse) > 1e-9) == (ENTRIES[name].structure == "reversal")


def test_the_papers_networks_are_plain():
    encoder = enter(zoo.binary_tree(3), "minimal-auto", 8).start(0)
    assert encoder.network.skip is None
    assert np.asarray(encoder.scaling.spread).tolist() == [1.0] * 7


def test_all_of_the_papers_encoders_have_one_rule_of_convergence():
    plans = [enter(zoo.binary_tree(3), name, 4).plan(TreeBudget()) for name in PAPER]
    assert {plan.report.__self__ for plan in plans} == {Plateau(window=250, patience=2, least=0.01 * 3)}


@pytest.mark.parametrize("name", ["heuristic", "minimal-auto"])
def test_the_learning_rate_falls_where_the_objective_is_flat(name):
    contestant = enter(zoo.binary_tree(3), name, 4)
    plan = contestant.plan(TreeBudget(epochs=9, batch=8, window=2, patience=1, least=100.0))
    _, history = fit(contestant.start(0), contestant.simulate(), plan, Keys.of(0).fit, quiet=True)
    assert find_falls(history) == (100, 200)  # of two windows, the first betters infinity, the second nothing


@pytest.mark.parametrize("name", ["heuristic", "minimal-auto"])
def test_the_yardstick_agrees_with_the_plain_mean(name):
    model = zoo.binary_tree(4)
    contestant = enter(model, name, 8)
    yardstick = Yardstick.of(model, contestant.inverse)
    encoder = contestant.start(0)
    latents, observed = map(np.asarray, contestant.simulate()(jax.random.key(0), 20_000))
    plain, error = measure_kl(yardstick.exact, encoder, latents, observed)
    measured, _ = yardstick.measure(encoder, latents, observed)
    assert measured == pytest.approx(plain, abs=4 * error)
    assert measured > yardstick.floor


def test_an_unknown_encoder_is_named():
    with pytest.raises(OptionError, match=r"'heuristics' is not an encoder of figure 2.*default-heuristic"):
        enter(zoo.binary_tree(3), "heuristics", 8)
