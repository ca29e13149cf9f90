"""Files of arguments for programs: what they may hold, and that nothing in them can run."""

from __future__ import annotations

import json
import os
import zipfile

import numpy as np
import pytest

from retrodict.cli import arguments
from retrodict.cli.arguments import read_arguments
from retrodict.errors import FileError, SourceError


class Trap:
    """Would run when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


def test_json_gives_arrays_numbers_texts_and_dictionaries(tmp_path):
    path = tmp_path / "a.json"
    given = {"x": [[1, 2], [3, 4]], "y": [0.5], "on": [True, False], "n": 3, "rate": 0.1, "link": "logit", "none": None}
    path.write_text(json.dumps(given | {"more": {"z": [1.0]}, "empty": []}))
    found = read_arguments(path)
    assert {name: array.dtype.kind for name, array in found.items() if isinstance(array, np.ndarray)} == {
        "x": "i",
        "y": "f",
        "on": "b",
        "empty": "f",
    }
    assert found["x"].tolist() == [[1, 2], [3, 4]]
    assert [found[name] for name in ("n", "rate", "link", "none")] == [3, 0.1, "logit", None]
    assert found["more"]["z"].tolist() == [1.0]


def test_npz_gives_arrays_and_what_has_no_axes_as_it_is(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(3), n=4, rate=0.5, on=True, link="logit")
    found = read_arguments(tmp_path / "a.npz")
    assert found.pop("x").tolist() == [0, 1, 2]
    assert found == {"n": 4, "rate": 0.5, "on": True, "link": "logit"}
    assert {name: type(value) for name, value in found.items()} == {"n": int, "rate": float, "on": bool, "link": str}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("[1]", "a JSON object was expected, not list"),
        ('{"x": NaN}', "NaN is no number"),
        ('{"x": 1e999}', "is no finite number"),
        ('{"x": 1, "x": 2}', "the name 'x' is given twice"),
        ('{"x": ' + "[" * 99 + "]" * 99 + "}", "nested more than 16 deep"),
        ('{"x": [1, [2]]}', "argument 'x' is neither a number nor an array"),
        ('{"x": [1, null]}', "argument 'x' is neither a number nor an array"),
        ('{"x": {"y": ["a"]}}', r"argument 'x\.y' is neither a number nor an array"),
        ('{"x": [' + "9" * 30 + "]}", "argument 'x' is neither a number nor an array"),
        ('{"observed": ["x"]}', "argument 'observed' is neither a number nor an array"),
        ('{"observed": 1}', "gives 'observed', which from_numpyro takes for itself. Rename"),
        ("\x00", "is binary"),
    ],
)
def test_json_is_read_strictly(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read_arguments(path)


def test_nothing_in_an_npz_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    np.savez("a.npz", x=trap)
    with pytest.raises(SourceError, match=r"a\.npz cannot be read as \.npz: .*allow_pickle"):
        read_arguments(tmp_path / "a.npz")
    assert not (tmp_path / "sprung").exists()


def make_members(path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)


def test_damaged_and_strange_files_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    attempts = {
        "cannot be read as": lambda: path.write_bytes(b"PK\x03\x04" + b"\0" * 100),
        "not a zip file": lambda: path.write_bytes(b"\x93NUMPY and so on"),
        "argument 'x' is neither": lambda: make_members(path, x=b"bytes"),
        "argument 't' is neither": lambda: np.savez(path, t=np.array(["2020-01-01"], dtype="datetime64[D]")),
        "argument 'c' is neither": lambda: np.savez(path, c=np.zeros(2, complex)),
        "argument 's' is neither": lambda: np.savez(path, s=np.array(["a", "b"])),
    }
    for message, write in attempts.items():
        write()
        with pytest.raises(SourceError, match=message):
            read_arguments(path)
    np.savez(path, x=np.zeros(1000))
    monkeypatch.setattr(arguments, "MOST_BYTES", 1000)
    with pytest.raises(SourceError, match="has more than the 0 MiB that are read"):
        read_arguments(path)


@pytest.mark.parametrize("name", ["a.txt", "a", "nowhere.npz", "nowhere.json", ".", "folder.npz"])
def test_other_files_are_refused(tmp_path, name):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises((SourceError, FileError)):
        read_arguments(tmp_path / name)
