"""The file format: what is written is read, and nothing else is."""

from __future__ import annotations

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
from safetensors import safe_open
from safetensors.numpy import load_file

from retrodict.errors import FileError, SizeError
from retrodict.files.checkpoint import DTYPES, read_arrays, read_header, write_arrays
from retrodict.files.digest import digest
from retrodict.files.strict_json import read_strictly
from tests.processes import ROOT, run_python

ARRAYS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "step": np.array(7, dtype=np.int64),
    "none": np.zeros((0, 3)),
    "mask": np.array([True, False]),
}
KEPT = {name: array.tolist() for name, array in ARRAYS.items()}
ENTRY = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}


def spell(header: Any, body: bytes, *, length: int | None = None) -> bytes:
    """A file by the words of the format."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def state(content: Any, *named: Any, **changed: Any) -> str:
    """Our JSON in the metadata, with a digest that fits these names and arrays."""
    first = {"format": 3, "release": "0.1", "content": content}
    return json.dumps({**first, "sha256": digest(first, *named), **changed})


def describe(stated: str, **entries: Any) -> dict[str, Any]:
    return {"__metadata__": {"retrodict": stated}, **entries}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_what_is_written_is_read(path):
    write_arrays(path, {"epoch": 3, "name": "ä"}, ARRAYS)
    content, arrays = read_arrays(path)
    assert content == {"epoch": 3, "name": "ä"}
    assert sorted(arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)
        assert arrays[name].shape == array.shape


def test_the_format_is_the_documented_one(path):
    array = np.array([1.5, -2.0], dtype="<f8")
    entry = {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}
    path.write_bytes(spell(describe(state({"b": 1, "a": 2}, "x", array), x=entry), array.tobytes()))
    content, arrays = read_arrays(path)
    assert content == {"b": 1, "a": 2}
    assert arrays["x"].tolist() == [1.5, -2.0]


def test_the_library_alone_reads_what_we_write(path):
    write_arrays(path, {"epoch": 3}, ARRAYS)
    found = load_file(path)
    assert all(np.array_equal(found[name], array) for name, array in ARRAYS.items())
    with safe_open(path, "numpy") as file:
        stated = json.loads(file.metadata()["retrodict"])
    assert stated["format"] == 3
    assert stated["content"] == {"epoch": 3}


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
    with pytest.raises(FileError, match="is damaged: its arrays cannot be read"):
        read_arrays(cut)


def test_a_flipped_bit_is_seen_wherever_it_is(path, tmp_path):
    write_arrays(path, {"epoch": 3}, ARRAYS)
    whole = bytearray(path.read_bytes())
    flipped = tmp_path / "flipped"
    for bit in range(8 * len(whole)):
        whole[bit // 8] ^= 1 << bit % 8
        flipped.write_bytes(whole)
        with pytest.raises(FileError, match=r"flipped: (is|was written)"):
            read_arrays(flipped)
        whole[bit // 8] ^= 1 << bit % 8


def test_what_is_stated_cannot_be_changed(path):
    """Also where the library would take it: other values, another release, arrays that have changed their names."""
    one = np.array([1.5])
    good = json.loads(state({"a": 1}, "x", one))
    for changed in ({"content": {"a": 2}}, {"release": "0.2"}, {"sha256": "0" * 64}):
        path.write_bytes(spell(describe(json.dumps(good | changed), x=ENTRY), one.tobytes()))
        with pytest.raises(FileError, match="not those that were written"):
            read_arrays(path)
    for name, dtype, shape in (("y", "F64", [1]), ("x", "I64", [1]), ("x", "F64", [1, 1]), ("x", "F32", [2])):
        entry = ENTRY | {"dtype": dtype, "shape": shape}
        path.write_bytes(spell(describe(json.dumps(good), **{name: entry}), one.tobytes()))
        with pytest.raises(FileError, match="not those that were written"):
            read_arrays(path)


@pytest.mark.parametrize("written", [1, 2, 4, None, [3]])
def test_other_formats_are_refused_by_name(path, written):
    path.write_bytes(spell(describe(state({}, format=written)), b""))
    with pytest.raises(FileError, match=r"by retrodict 0\.1 in format .*, this release reads format 3\. Load it with"):
        read_arrays(path)


def test_files_before_format_3_are_refused(path):
    path.write_bytes(b"RTRDCT01" + bytes(100))
    with pytest.raises(FileError, match=r"written before retrodict 0\.1, in a format .* Train it again"):
        read_arrays(path)


FINE = state({})
HEADERS = {
    "no JSON": b"{",
    "no UTF-8": b'{"a": "\xff"}',
    "an entry without a type": describe(FINE, x={"shape": [1], "data_offsets": [0, 8]}),
    "an entry that is a list": describe(FINE, x=["F64", [1], [0, 8]]),
    "an unknown type": describe(FINE, x=ENTRY | {"dtype": "object"}),
    "a type that is a list": describe(FINE, x=ENTRY | {"dtype": ["F64"]}),
    "a type that we do not write": describe(FINE, x=ENTRY | {"dtype": "F8_E5M2", "shape": [8]}),
    "a type that NumPy does not know": describe(FINE, x=ENTRY | {"dtype": "BF16", "shape": [4]}),
    "a negative axis": describe(FINE, x=ENTRY | {"shape": [-1]}),
    "an axis of 1.0": describe(FINE, x=ENTRY | {"shape": [1.0]}),
    "an axis of true": describe(FINE, x=ENTRY | {"shape": [True]}),
    "an axis of text": describe(FINE, x=ENTRY | {"shape": ["1"]}),
    "a shape of text": describe(FINE, x=ENTRY | {"shape": "1"}),
    "many axes": describe(FINE, x=ENTRY | {"shape": [1] * 100}),
    "a huge axis": describe(FINE, x=ENTRY | {"shape": [2**61], "data_offsets": [0, 2**64 - 1]}),
    "axes that overflow to 8 bytes": describe(FINE, x=ENTRY | {"shape": [2**32, 2**32, 1]}),
    "none times too many": describe(FINE, x=ENTRY, y=ENTRY | {"shape": [0, 2**40, 2**40], "data_offsets": [8, 8]}),
    "an array that begins before another ends": describe(FINE, x=ENTRY, y=ENTRY | {"data_offsets": [4, 12]}),
    "an array at the place of another": describe(FINE, x=ENTRY, y=ENTRY),
    "an array beyond the end": describe(FINE, x=ENTRY | {"shape": [2], "data_offsets": [0, 16]}),
    "a name twice": b'{"__metadata__": {"retrodict": "{}"}, "x": %b, "x": %b}' % ((json.dumps(ENTRY).encode(),) * 2),
    "metadata that are a list": {"__metadata__": ["retrodict"], "x": ENTRY},
    "our metadata are a number": {"__metadata__": {"retrodict": 3}, "x": ENTRY},
    "our metadata are a list": describe("[]", x=ENTRY),
    "no format": describe('{"release": "0.1", "content": {}, "sha256": ""}', x=ENTRY),
    "no content": describe('{"format": 3, "release": "0.1", "sha256": ""}', x=ENTRY),
    "content is a list": describe('{"format": 3, "release": "0.1", "content": [], "sha256": ""}', x=ENTRY),
    "a key twice": describe('{"format": 3, "release": "0.1", "content": {}, "content": {}, "sha256": ""}', x=ENTRY),
    "NaN": describe('{"format": 3, "release": "0.1", "content": {"a": NaN}, "sha256": ""}', x=ENTRY),
    "infinity": describe('{"format": 3, "release": "0.1", "content": {"a": 1e999}, "sha256": ""}', x=ENTRY),
    "a long integer": describe(f'{{"format": 3, "release": "0.1", "content": {{"a": {"9" * 5000}}}}}', x=ENTRY),
    "deep": describe('{"format": 3, "content": ' + '{"a":' * 20 + "1" + "}" * 20 + "}", x=ENTRY),
    "very deep": b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "many keys, two of them equal": b"{" + b",".join(b'"%d":0' % (i % 90_000) for i in range(90_001)) + b"}",
    "long text of brackets, no JSON": b'{"arrays": "' + b"[" * 500_000,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=list(HEADERS))
def test_headers_that_cannot_be_are_refused_at_once(path, header):
    path.write_bytes(spell(header, bytes(8)))
    with pytest.raises(FileError, match="state: is damaged"):
        read_arrays(path)


@pytest.mark.parametrize("length", [1, 2**20 + 1, 2**40, 2**64 - 1])
def test_lengths_that_lie_are_refused(path, length):
    path.write_bytes(spell(describe(FINE, x=ENTRY), bytes(8), length=length))
    with pytest.raises(FileError, match="is damaged"):
        read_arrays(path)


def test_truth_is_one_or_nought(path):
    path.write_bytes(spell(describe(FINE, a={"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}), bytes([0, 1, 2])))
    with pytest.raises(FileError, match="neither true nor false"):
        read_arrays(path)


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04" + bytes(100), b"", b"\0", spell(b"", b""), spell(b"[]", b""), spell({"x": ENTRY}, bytes(8))],
    ids=["an archive", "nothing", "a byte", "an empty header", "a list", "tensors of others"],
)
def test_files_of_others_are_told_from_damaged_ones(path, content):
    path.write_bytes(content)
    with pytest.raises(FileError, match="state: is no file of retrodict"):
        read_arrays(path)


def test_a_huge_file_costs_nothing(path):
    """A terabyte of nothing; one with a header that is true, of which only the header is read; and one that lies."""
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileError, match="is no file of retrodict"):
        read_arrays(path)
    start = spell(describe(FINE, a={"dtype": "F64", "shape": [1 << 36], "data_offsets": [0, 1 << 39]}), b"")
    with open(path, "wb") as file:
        file.write(start)
        file.truncate(len(start) + (1 << 39))
    assert read_header(path).content == {}
    os.truncate(path, len(start) + (1 << 39) - 1)
    with pytest.raises(FileError, match="is damaged"):
        read_arrays(path)


MEASURE = """
import os
from pathlib import Path
import numpy as np
from retrodict.files.checkpoint import read_arrays, write_arrays

def read_peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

arrays = {str(i): np.full(1 << 20, i) for i in range(16)}  # 128 MiB
before = read_peak()
if os.environ["DO"] == "write":
    write_arrays(os.environ["FILE"], {}, arrays)
else:
    del arrays
    read_arrays(os.environ["FILE"])
print((read_peak() - before) / 128)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="where a process sees how much it took")
def test_memory_beside_the_arrays_is_twice_the_file_at_most(path):
    """Written, the file stands in memory and is copied once; read, it takes no more than its arrays."""
    assert float(run_python(MEASURE, DO="write", FILE=str(path))) < 2.1
    assert float(run_python(MEASURE, DO="read", FILE=str(path))) < 0.2


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_what_is_no_file_is_refused(path, tmp_path):
    os.mkfifo(path)
    for wrong in (path, tmp_path, Path(os.devnull)):
        with pytest.raises(FileError, match="is not a regular file"):
            read_arrays(wrong)
    with pytest.raises(FileError, match=r"absent: cannot be read \(No such file"):
        read_arrays(tmp_path / "absent")


def test_a_write_that_fails_leaves_what_was_there(path, monkeypatch):
    write_arrays(path, {"epoch": 1}, ARRAYS)

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    for function in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, function, fail)
            with pytest.raises(FileError, match=r"state: cannot be written \(the disk is full\)"):
                write_arrays(path, {"epoch": 2}, ARRAYS)
        assert read_arrays(path)[0] == {"epoch": 1}
        assert list(path.parent.iterdir()) == [path]


def mutate(whole: bytes, rng: random.Random) -> bytes:
    """A file with a few bytes changed, moved, cut out or put in; in half of the cases with a length that fits."""
    data = bytearray(whole)
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
                data[:8] = struct.pack("<Q", rng.choice([0, 1, len(data), 2**63, rng.randrange(1000)]))
        if not data:
            data = bytearray(b"\0")
    end = data.find(b"}}") + 2
    return struct.pack("<Q", max(end - 8, 0)) + bytes(data[8:]) if rng.random() < 0.5 else bytes(data)


def survive(path: Path, seeds: range) -> int:
    """Read mutants; each is refused by our own error or says the same. Returns how many were refused."""
    write_arrays(path, {"epoch": 3, "widths": [2, 3], "recipe": {"kind": "shared"}}, ARRAYS)
    whole, refused = path.read_bytes(), 0
    for seed in seeds:
        path.write_bytes(mutate(whole, random.Random(seed)))  # noqa: S311
        try:
            _, arrays = read_arrays(path)
        except FileError:
            refused += 1
        else:
            assert {name: array.tolist() for name, array in arrays.items()} == KEPT
    return refused


def test_mutants_are_refused_or_whole(path):
    assert survive(path, range(2000)) > 1900


@pytest.mark.slow
def test_many_more_mutants_are_refused_or_whole(path):
    assert survive(path, range(2000, 200_000)) > 190_000


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
