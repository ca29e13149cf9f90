"""Data from outside: packed when they fit, refused by name when they do not."""

import numpy as np
import pytest

from retrodict.errors import DataError
from retrodict.layout import Layout, take_columns

LAYOUT = Layout(("a", "b"), (1, 2))


@pytest.mark.parametrize("leading", [(), (3,), (3, 4)])
def test_unpacking_undoes_packing(leading):
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(size=leading), "b": rng.normal(size=(*leading, 2))}
    unpacked = LAYOUT.unpack(LAYOUT.pack(values))
    assert all(np.array_equal(unpacked[name], values[name]) for name in values)


def test_a_single_value_serves_a_whole_batch():
    assert LAYOUT.read({"a": 1.0, "b": np.zeros((5, 2))}).tolist() == [[1.0, 0.0, 0.0]] * 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": 1.0}, "data lacks variables: 'b'"),
        ({"a": 1.0, "b": [0.0, 0.0], "c": 2.0}, "names that do not belong there: 'c'"),
        ({"a": 1.0, "b": [0.0, 0.0, 0.0]}, r"shape \(3,\) where \(2,\) was expected: 'b'"),
        ({"a": np.zeros(4), "b": np.zeros((3, 2))}, r"shape \(3, 2\) where \(4, 2\) was expected: 'b'"),
        ({"a": 1.0, "b": [0.0, float("nan")]}, "NaN or infinity in: 'b'"),
        ({"a": float("inf"), "b": [0.0, float("nan")]}, "NaN or infinity in: 'a', 'b'"),
        ({"a": "one", "b": [0.0, 0.0]}, "no array of numbers: 'a'"),
        ({"a": [1.0, [2.0]], "b": [0.0, 0.0]}, "no array of numbers: 'a'"),
        ([1.0, 2.0], "must be a mapping from names to arrays, not list"),
        ({"a": 1.0, "b": 0.0}, "expected: 'b'"),
    ],
)
def test_bad_data_are_refused_by_name(values, message):
    with pytest.raises(DataError, match=message):
        LAYOUT.read(values)


SHAPED = Layout(("a", "b", "c"), (1, 6, 1), ((), (3, 2), (1,)))


@pytest.mark.parametrize("leading", [(), (4,), (2, 4)])
def test_values_keep_their_own_shapes(leading):
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(*leading, *shape)) for name, shape in zip("abc", SHAPED.shapes, strict=True)}
    packed = SHAPED.pack(values)
    assert packed.shape == (*leading, 8)
    assert np.array_equal(packed[..., 1:7].reshape(*leading, 3, 2), values["b"])
    unpacked = SHAPED.unpack(packed)
    assert all(np.array_equal(unpacked[name], values[name]) for name in values)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((2, 3)), r"shape \(2, 3\) where \(3, 2\) was expected: 'b'"),
        (np.zeros(6), r"shape \(6,\) where \(3, 2\) was expected: 'b'"),
        (np.zeros((5, 3, 2)), r"shape \(5, 3, 2\) where \(2, 3, 2\) was expected: 'b'"),
    ],
)
def test_other_shapes_are_refused(value, message):
    with pytest.raises(DataError, match=message):
        SHAPED.pack({"a": np.zeros(2) if value.ndim == 3 else 0.0, "b": value, "c": np.zeros(1)})


@pytest.mark.parametrize("columns", [[2, 3, 4], [[0, 1], [2, 3]], [4], [1, 3], [3, 2], [[0, 2], [1, 3]], [0, 0], []])
def test_a_run_of_columns_is_what_gathering_gives(columns):
    array, places = np.arange(15).reshape(3, 5), np.array(columns, dtype=np.int64)
    assert np.array_equal(take_columns(array, places), array[:, places])
    assert take_columns(array[0], places).shape == places.shape
