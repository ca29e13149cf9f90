"""Draws in ArviZ's own containers: names of axes, weights, data, with either generation of ArviZ."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from retrodict import BayesNet, LinearGaussian, zoo
from retrodict.errors import DataError, MissingPackageError
from retrodict.posterior.arviz import export
from tests.posterior.exact import exact_posterior

TREE = zoo.binary_tree(3, seed=0)
DATA = {"x3": 0.5, "x4": -1.0, "x5": 2.0, "x6": 0.0}
POSTERIOR = exact_posterior(TREE, sd=1.1)


def test_draws_weights_and_data_are_there():
    found = POSTERIOR.to_arviz(DATA, 50, seed=1)
    weighed = POSTERIOR.importance(DATA, 50, seed=1)
    assert found["posterior"]["x0"].dims == ("chain", "draw")
    assert np.array_equal(found["posterior"]["x1"].values[0], weighed.draws["x1"])
    assert np.array_equal(found["sample_stats"]["log_weight"].values[0], weighed.log_weights)
    lp = POSTERIOR.log_prob(weighed.draws, DATA)
    np.testing.assert_allclose(found["sample_stats"]["lp"].values[0], lp)
    assert {name: found["observed_data"][name].values.item() for name in DATA} == DATA


def test_batches_of_observations_have_an_axis():
    data = {name: value + np.zeros((2, 3)) for name, value in DATA.items()}
    found = POSTERIOR.to_arviz(data, 20)
    assert found["posterior"]["x0"].dims == ("chain", "draw", "observation", "observation_1")
    assert found["observed_data"]["x3"].dims == ("observation", "observation_1")
    assert found["sample_stats"]["lp"].shape == (1, 20, 2, 3)


def test_weights_can_be_left_out():
    found = POSTERIOR.to_arviz(DATA, 50, seed=1, weights=False)
    assert list(found["sample_stats"].data_vars) == ["lp"]
    assert np.array_equal(found["posterior"]["x0"].values[0], POSTERIOR.sample(DATA, 50, seed=1)["x0"])


def test_variables_of_several_numbers_have_axes_of_their_own():
    found = export({"z": np.zeros((10, 2, 3))}, {"x": np.zeros((2, 4))}, {"lp": np.zeros((10, 2))})
    assert found["posterior"]["z"].dims == ("chain", "draw", "observation", "z_dim_0")
    assert found["observed_data"]["x"].dims == ("observation", "x_dim_0")


def test_data_without_a_batch_go_beside_data_with_one():
    found = POSTERIOR.to_arviz({**DATA, "x3": np.zeros(4)}, 5)
    assert found["observed_data"]["x3"].dims == ("observation",)
    assert found["observed_data"]["x4"].size == 1


def test_names_that_are_no_text_are_written_as_text():
    net = BayesNet({1: [], ("a", 2): [1]}, observed=[("a", 2)])
    found = exact_posterior(LinearGaussian.from_weights(net, {})).to_arviz({("a", 2): 1.0}, 5)
    assert list(found["posterior"].data_vars) == ["1"]
    assert list(found["observed_data"].data_vars) == ["('a', 2)"]


def test_names_with_the_same_text_are_refused():
    net = BayesNet({1: [], "1": [1]}, observed=["1"])
    with pytest.raises(DataError, match="1, '1' have the same text"):
        exact_posterior(LinearGaussian.from_weights(net, {})).to_arviz({"1": 0.0}, 5)


def test_without_arviz_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'retrodict\[arviz\]'"):
        POSTERIOR.to_arviz(DATA, 5)
