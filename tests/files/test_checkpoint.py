"""The file format: what is written is read, and nothing else is."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from retrodict.errors import FileError, SizeError
from retrodict.files import checkpoint
from retrodict.files.checkpoint import DTYPES, read_arrays, read_header, write_arrays
from retrodict.files.strict_json import read_strictly
from tests.processes import ROOT

ARRAYS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "step": np.array(7, dtype=np.int64),
    "none": np.zeros((0, 3)),
    "mask": np.array([True, False]),
}


def spell(header: Any, body: bytes, *, magic: bytes = b"RTRDCT01", length: int | None = None) -> bytes:
    """A file by the words of the documentation, with a digest that fits whatever it holds."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    start = magic + struct.pack("<Q", len(text) if length is None else length) + text + body
    return start + hashlib.sha256(start).digest()


def describe(*entries: Any) -> dict[str, Any]:
    return {"arrays": list(entries), "content": {}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_what_is_written_is_read(path):
    write_arrays(path, {"epoch": 3, "name": "ä"}, ARRAYS)
    content, arrays = read_arrays(path)
    assert content == {"epoch": 3, "name": "ä"}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)
        assert arrays[name].shape == array.shape


def test_the_format_is_the_documented_one(path):
    array = np.array([1.5, -2.0], dtype="<f8")
    path.write_bytes(spell(describe(["a", "float64", [2]]), array.tobytes()))
    assert read_arrays(path)[1]["a"].tolist() == [1.5, -2.0]
    write_arrays(path, {}, {"a": array})
    written = path.read_bytes()
    length = struct.unpack("<Q", written[8:16])[0]
    assert written == spell(written[16 : 16 + length], array.tobytes())
    assert json.loads(written[16 : 16 + length]) == describe(["a", "float64", [2]])


@given(
    st.sampled_from(sorted(DTYPES)).flatmap(
        lambda name: npst.arrays(name, npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    ),
    st.booleans(),
)
def test_every_array_survives(tmp_path_factory, array, big_endian):
    path = tmp_path_factory.getbasetemp() / "any"
    given = array.astype(array.dtype.newbyteorder(">" if big_endian else "<")).T
    write_arrays(path, {}, {"a": given})
    found = read_arrays(path)[1]["a"]
    assert found.tobytes() == np.ascontiguousarray(array.T).tobytes()
    assert (found.shape, found.dtype) == (given.shape, array.dtype)


def test_objects_and_long_headers_are_not_written(path):
    write_arrays(path, {}, {})
    before = path.read_bytes()
    with pytest.raises(TypeError, match="'a' has the type object"):
        write_arrays(path, {}, {"a": np.array([None])})
    with pytest.raises(SizeError, match="1,048,576 are allowed"):
        write_arrays(path, {"text": "x" * (1 << 20)}, {})
    with pytest.raises(ValueError, match="JSON"):
        write_arrays(path, {"loss": float("nan")}, {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


# -- damage ------------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused(path, tmp_path):
    write_arrays(path, {"epoch": 3}, ARRAYS)
    whole = path.read_bytes()
    cut = tmp_path / "cut"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(FileError, match="cut: is"):
            read_arrays(cut)
    cut.write_bytes(whole + b"\0")
    with pytest.raises(FileError, match="bytes, and"):
        read_arrays(cut)


def test_a_flipped_bit_is_seen_wherever_it_is(path, tmp_path):
    write_arrays(path, {"epoch": 3}, ARRAYS)
    whole = bytearray(path.read_bytes())
    flipped = tmp_path / "flipped"
    for bit in range(8 * len(whole)):
        whole[bit // 8] ^= 1 << bit % 8
        flipped.write_bytes(whole)
        with pytest.raises(FileError, match="flipped: is"):
            read_arrays(flipped)
        whole[bit // 8] ^= 1 << bit % 8


HEADERS = {
    "no JSON": b"{",
    "no UTF-8": b'{"a": "\xff"}',
    "a list": b"[]",
    "nothing": b"",
    "no arrays": {"content": {}},
    "no content": {"arrays": []},
    "content is a list": {"arrays": [], "content": []},
    "arrays are a number": {"arrays": 3, "content": {}},
    "an entry of two": describe(["a", "float64"]),
    "an unknown type": describe(["a", "object", [1]]),
    "a type that is a list": describe(["a", ["float64"], [1]]),
    "big-endian": describe(["a", ">f8", [1]]),
    "a negative axis": describe(["a", "float64", [-1]]),
    "two negative axes": describe(["a", "float64", [-1, -1]]),
    "an axis of 1.0": describe(["a", "float64", [1.0]]),
    "an axis of true": describe(["a", "float64", [True]]),
    "an axis of text": describe(["a", "float64", ["1"]]),
    "a shape of text": describe(["a", "float64", "1"]),
    "many axes": describe(["a", "float64", [1] * 40]),
    "a huge axis": describe(["a", "float64", [2**62]]),
    "axes that overflow to 8 bytes": describe(["a", "float64", [2**32, 2**32, 1]]),
    "none times too many": describe(["a", "float64", [0, 2**40, 2**40]]),
    "a name twice": describe(["a", "float32", [1]], ["a", "float32", [1]]),
    "a name that is a number": describe([1, "float64", [1]]),
    "a key twice": b'{"arrays": [["a", "float64", [1]]], "content": {}, "content": {}}',
    "NaN": b'{"arrays": [["a", "float64", [1]]], "content": {"a": NaN}}',
    "infinity": b'{"arrays": [["a", "float64", [1]]], "content": {"a": 1e999}}',
    "a long integer": b'{"arrays": [["a", "float64", [1]]], "content": {"a": ' + b"9" * 5000 + b"}}",
    "deep": b'{"arrays": [["a", "float64", [1]]], "content": ' + b'{"a":' * 20 + b"1" + b"}" * 20 + b"}",
    "very deep": b"[" * 500_000 + b"]" * 500_000,
    "many keys, two of them equal": b"{" + b",".join(b'"%d":0' % (i % 90_000) for i in range(90_001)) + b"}",
    "long text of brackets, no JSON": b'{"arrays": "' + b"[" * 500_000,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=list(HEADERS))
def test_headers_that_cannot_be_are_refused_at_once(path, header):
    path.write_bytes(spell(header, bytes(8)))
    with pytest.raises(FileError, match="state: is damaged"):
        read_arrays(path)


@pytest.mark.parametrize("length", [0, 1, 2**20 + 1, 2**40, 2**64 - 1])
def test_lengths_that_lie_are_refused(path, length):
    path.write_bytes(spell(describe(["a", "float64", [1]]), bytes(8), length=length))
    with pytest.raises(FileError, match="is damaged"):
        read_arrays(path)


def test_truth_is_one_or_nought(path):
    path.write_bytes(spell(describe(["a", "bool", [3]]), bytes([0, 1, 2])))
    with pytest.raises(FileError, match="neither true nor false"):
        read_arrays(path)


def test_files_of_others_are_told_from_damaged_ones(path):
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(FileError, match="state: is no file of retrodict"):
        read_arrays(path)
    path.write_bytes(b"")
    with pytest.raises(FileError, match="is no file of retrodict"):
        read_arrays(path)


def test_a_huge_file_costs_nothing(path):
    """A terabyte of nothing, and one with a header that is true: neither is read before its caller wants it."""
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileError, match="is no file of retrodict"):
        read_arrays(path)
    start = spell(describe(["a", "float64", [1 << 36]]), b"")[:-32]
    with open(path, "wb") as file:
        file.write(start)
        file.truncate(len(start) + (1 << 39) + 32)
    assert read_header(path).entries[0].shape == (1 << 36,)


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_what_is_no_file_is_refused(path, tmp_path):
    os.mkfifo(path)
    for wrong in (path, tmp_path, Path(os.devnull)):
        with pytest.raises(FileError, match="is not an ordinary file"):
            read_arrays(wrong)
    with pytest.raises(FileError, match=r"absent: cannot be read \(No such file"):
        read_arrays(tmp_path / "absent")


def test_a_write_that_fails_leaves_what_was_there(path, monkeypatch):
    write_arrays(path, {"epoch": 1}, ARRAYS)

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    for function in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(checkpoint.os, function, fail)
            with pytest.raises(OSError, match="full"):
                write_arrays(path, {"epoch": 2}, ARRAYS)
        assert read_arrays(path)[0] == {"epoch": 1}
        assert list(path.parent.iterdir()) == [path]


def mutate(whole: bytes, rng: random.Random) -> bytes:
    """A file with a few bytes changed, moved, cut out or put in; in half of the cases with a digest that fits."""
    data = bytearray(whole[:-32])
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randrange(len(data)) for _ in range(2))
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + 4] = rng.choice([b"-1", b"1e9", b"null", b"[[", b"9999999999", b'""', b"true"])
            case 2:
                del data[at : min(to, at + 9)]
            case 3:
                data[at:at] = data[to : to + rng.randrange(20)]
            case _:
                data[8:16] = struct.pack("<Q", rng.choice([0, 1, len(data), 2**63, rng.randrange(1000)]))
        if not data:
            data = bytearray(b"\0")
    return bytes(data) + (hashlib.sha256(data).digest() if rng.random() < 0.5 else whole[-32:])


def survive(path: Path, seeds: range) -> int:
    """Read mutants; each is refused by our own error or is a file in its own right. Returns how many were refused."""
    write_arrays(path, {"epoch": 3, "widths": [2, 3], "recipe": {"kind": "shared"}}, ARRAYS)
    whole, refused = path.read_bytes(), 0
    for seed in seeds:
        path.write_bytes(mutate(whole, random.Random(seed)))  # noqa: S311
        try:
            _, arrays = read_arrays(path)
        except FileError:
            refused += 1
        else:
            assert sum(array.nbytes for array in arrays.values()) < path.stat().st_size
    return refused


def test_mutants_are_refused_or_whole(path):
    assert survive(path, range(2000)) > 1500


@pytest.mark.slow
def test_many_more_mutants_are_refused_or_whole(path):
    assert survive(path, range(2000, 200_000)) > 150_000


WRITER = """
import sys, itertools, numpy as np
from retrodict.files.checkpoint import write_arrays
for i in itertools.count():
    write_arrays(sys.argv[1], {"round": i}, {"a": np.full(1 << 19, i)})
    print(i, flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_while_it_saves_leaves_a_whole_file(path):
    """Sixty writers of 4 MiB, killed at random times: the file is the one last finished, or the one after it."""
    rng = random.Random(0)  # noqa: S311
    last = -1
    for _ in range(60):
        with subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "0\n"
            time.sleep(rng.uniform(0, 0.3))
            writer.kill()
            said = writer.stdout.read().split()
        last = int(said[-1]) if said else 0
        content, arrays = read_arrays(path)
        assert content["round"] in (last, last + 1)
        assert (arrays["a"] == content["round"]).all()
    assert last >= 0


def test_brackets_in_texts_are_no_nesting():
    text = json.dumps({"a": "[" * 100, "b": '\\"' + "{" * 100, "c": "\\"})
    assert read_strictly(text.encode()) == json.loads(text)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=4))
def test_plain_values_are_read_as_python_reads_them(value):
    text = json.dumps(value)
    if max_depth(value) <= 16:
        assert read_strictly(text.encode()) == value


def max_depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return isinstance(value, dict | list) + max(map(max_depth, inner), default=0)
