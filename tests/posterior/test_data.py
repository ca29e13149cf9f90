"""Data as people have them: lists, Series and masked arrays without a mask are data, what loses something is not."""

from __future__ import annotations

import numpy as np
import pytest

from retrodict import invert, zoo
from retrodict.errors import DataError
from tests.posterior.exact import exact_posterior

TREE = zoo.binary_tree(2, seed=0)
POSTERIOR = exact_posterior(TREE)
ARRAY = np.array([0.5, -1.0])
CALLS = {
    "sample": lambda data: POSTERIOR.sample(data, 4),
    "stream": lambda data: next(POSTERIOR.stream(data, 4)),
    "importance": lambda data: POSTERIOR.importance(data, 4).draws,
    "log_prob": lambda data: {"x0": POSTERIOR.log_prob({"x0": np.zeros((4, 2))}, data)},
    "exact": lambda data: TREE.posterior(invert(TREE)).sample(data, 4),
}


@pytest.mark.parametrize("call", CALLS)
def test_lists_and_series_are_data(call):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x1": ARRAY, "x2": [1, 2]})
    expected = CALLS[call]({"x1": ARRAY, "x2": np.array([1.0, 2.0])})["x0"]
    for data in (
        {"x1": ARRAY.tolist(), "x2": (1, 2)},
        {"x1": frame["x1"], "x2": frame["x2"]},
        dict(frame),
        {"x1": np.ma.array(ARRAY), "x2": np.ma.array([1, 2], mask=False)},
    ):
        assert np.array_equal(CALLS[call](data)["x0"], expected)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(0), r"data of shape \(0,\) hold nothing"),
        (np.full(2, 1e39), r"within single precision, .*'x1' has larger numbers\. Measure"),
        (np.ma.array(ARRAY, mask=[True, False]), r"'x1' has masked elements, .*\. Impute"),
        (ARRAY + 1j, r"the values of 'x1' are complex numbers, .*\. Give"),
        (np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"), r"the values of 'x1' are dates, .*\. Give"),
        (["0.5", "1.0"], r"the values of 'x1' are text, .*\. Give"),
    ],
)
def test_what_is_no_data_is_refused_by_name_wherever_data_are_given(call, value, message):
    with pytest.raises(DataError, match=message):
        CALLS[call]({"x1": value, "x2": np.zeros(len(value))})


def test_a_frame_is_no_mapping_but_the_remedy_makes_it_one():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match=r"not DataFrame\. Give \{name: values\}, such as dict\(frame\)"):
        POSTERIOR.sample(pandas.DataFrame({"x1": ARRAY, "x2": ARRAY}), 4)


def test_a_joint_density_is_not_of_the_real_part():
    for wrong in (np.array([0.5 + 1j]), np.ma.array([0.5], mask=[True])):
        with pytest.raises(DataError, match=r"'x1'"):
            TREE.log_joint({"x0": np.zeros(1), "x1": wrong, "x2": np.zeros(1)})
