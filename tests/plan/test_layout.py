"""Data from outside: packed when they fit, refused by name when they do not."""

import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.errors import DataError
from retrodict.plan.layout import Layout, take_columns

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
        ({"a": 1.0}, "data lack 'b'"),
        ({"a": 1.0, "b": [0.0, 0.0], "c": 2.0}, "data name 'c', which is not among what is expected"),
        ({"a": 1.0, "b": [0.0, 0.0, 0.0]}, r"'b' has the shape \(3,\), where \(2,\) was expected"),
        ({"a": np.zeros(4), "b": np.zeros((3, 2))}, r"'b' has the shape \(3, 2\), where \(4, 2\) was expected"),
        ({"a": 1.0, "b": [0.0, float("nan")]}, "'b' has NaN or infinity"),
        ({"a": float("inf"), "b": [0.0, float("nan")]}, "'a', 'b' have NaN or infinity"),
        ({"a": "one", "b": [0.0, 0.0]}, "the values of 'a' are text, where numbers were expected"),
        ({"a": [1.0, [2.0]], "b": [0.0, 0.0]}, "the values of 'a' are no array of numbers"),
        ([1.0, 2.0], r"must be a mapping from names to arrays, not list\. Give \{name: values\}"),
        ({"a": np.zeros(0), "b": np.zeros((0, 2))}, r"data of shape \(0,\) hold nothing\. Give one row or more"),
        ({"a": 0.0, "b": [1e39, -1.0]}, "within single precision, 3.4e\\+38, and 'b' has larger numbers. Measure"),
        ({"a": -1e300, "b": [0.0, 0.0]}, "'a' has larger numbers"),
        ({"a": 10**400, "b": [0.0, 0.0]}, "the values of 'a' are no array of numbers"),
        ({"a": np.longdouble("1e4000"), "b": [0.0, 0.0]}, "'a' has NaN or infinity"),
        ({"a": 1.0, "b": 0.0}, "'b' has the shape"),
    ],
)
def test_bad_data_are_refused_by_name(values, message):
    with pytest.raises(DataError, match=message):
        LAYOUT.read(values)


DAYS = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")
FRACTION = np.ma.array([1.0, 99.0], mask=[False, True])
LOSSES = {
    "complex": (np.array([1 + 2j, 3]), "complex numbers, .*Give the real and the imaginary part"),
    "complex list": ([1 + 2j, 3.0], "complex numbers"),
    "complex of JAX": (jnp.array([1 + 2j, 3]), "complex numbers"),
    "dates": (DAYS, r"dates, .*Give numbers, such as \(dates - dates\[0\]\)"),
    "durations": (DAYS - DAYS[0], "durations, .*Give numbers, such as durations /"),
    "dates as objects": (DAYS.astype(object), "no array of numbers"),
    "records": (np.zeros(2, [("u", "f4"), ("v", "f4")]), "records .*Give each field as a variable"),
    "text": (np.array(["1.0", "2.0"]), "text, .*Give numbers"),
    "bytes": (np.array([b"1.0", b"2.0"]), "bytes, .*Give numbers"),
    "text as objects": (np.array([1.0, "2.0"], object), "text, .*Give numbers"),
    "text in a list": ([1.0, "2.0"], "text, .*Give numbers"),
    "one text": ("1.0", "text, .*Give numbers"),
    "masked": (FRACTION, r"'a' has masked elements, .*\. Impute them"),
    "masked in a list": ([FRACTION[0], FRACTION[1]], "masked elements"),
    "masked in lists": ([FRACTION, FRACTION], "masked elements"),
    "one masked": (np.ma.masked, "masked elements"),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("xp", [None, np, jnp], ids=["read", "pack", "pack of JAX"])
def test_what_would_lose_a_part_of_itself_is_refused_by_name(loss, xp):
    value, message = LOSSES[loss]
    if xp is not None and "objects" in loss:
        pytest.skip("an array of objects fails later, in the language of NumPy")
    with pytest.raises(DataError, match=message if xp is not jnp else f"{message}|no array of numbers") as caught:
        LAYOUT.read({"a": value, "b": np.zeros(2)}) if xp is None else LAYOUT.pack({"a": value, "b": np.zeros(2)}, xp)
    assert caught.value.variables == ("a",)


SERIES = pytest.importorskip("pandas").Series([1.0, 2.0], index=["u", "v"])


@pytest.mark.parametrize(
    "given",
    [
        [1.0, 2.0],
        (1, 2),
        SERIES,
        SERIES.astype("int64"),
        SERIES.astype("Int64"),
        np.ma.array([1.0, 2.0], mask=False),
        np.array([1, 2], dtype=object),
        np.array([1.0, 2.0], np.longdouble),
        jnp.array([1.0, 2.0], jnp.bfloat16),
        [np.float32(1), np.int8(2)],
    ],
    ids=lambda given: f"{type(given).__name__} {getattr(given, 'dtype', '')}",
)
def test_whatever_holds_real_numbers_is_read(given):
    assert LAYOUT.read({"a": given, "b": [0.0, 0.0]})[:, 0].tolist() == [1.0, 2.0]


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
        (np.zeros((2, 3)), r"'b' has the shape \(2, 3\), where \(3, 2\) was expected"),
        (np.zeros(6), r"'b' has the shape \(6,\), where \(3, 2\) was expected"),
        (np.zeros((5, 3, 2)), r"'b' has the shape \(5, 3, 2\), where \(2, 3, 2\) was expected"),
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
