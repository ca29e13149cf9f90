"""Families by name, with the number of components or bins."""

import numpy as np
import pytest

import retrodict as rd
from retrodict.encode.families.choice import read_family
from retrodict.encode.families.mixtures import Mixture
from retrodict.encode.families.splines import Spline
from retrodict.encode.families.truncated import Truncated


@pytest.mark.parametrize(
    ("name", "kind", "parameters"),
    [("mixture:12", Mixture, 36), ("truncated:3", Truncated, 9), ("spline:16", Spline, 49), ("mixture", Mixture, 15)],
)
def test_a_number_may_follow_a_name(name, kind, parameters):
    family = read_family(name)
    assert isinstance(family, kind)
    assert family.n_parameters == parameters


@pytest.mark.parametrize("name", ["mixture:", "mixture:0", "mixture:1001", "mixture:-3", "mixture:a", "normal:3"])
def test_a_number_that_cannot_be_is_refused(name):
    with pytest.raises(rd.errors.OptionError, match=r"cannot be read.*mixture:12"):
        read_family(name)


@pytest.mark.parametrize("conditional", ["mixture:3", Mixture(3)])
def test_a_file_keeps_the_number(conditional, tmp_path):
    model, data = rd.zoo.binary_tree(2), {"x1": np.array(1.0), "x2": np.array(0.5)}
    posterior = rd.amortize(model, steps=0, quiet=True, exact=False, conditional=conditional)
    posterior.save(tmp_path)
    again = rd.load(tmp_path, model)
    assert again.encoder.conditional.components == 3
    np.testing.assert_array_equal(again.sample(data, 20, seed=1)["x0"], posterior.sample(data, 20, seed=1)["x0"])
