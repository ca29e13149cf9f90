"""Arguments of a program from a file: numbers and texts by name, nothing that could run."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.errors import RetrodictError, SourceError
from retrodict.files.places import open_regular
from retrodict.files.strict_json import read_json
from retrodict.files.text import MOST_BYTES

# What `rd.from_numpyro` takes for itself.
RESERVED = ("program", "observed", "elementwise", "template")
FORM = 'Give a .npz file of numpy.savez, or a .json file such as {"x": [1.5, 2.0], "n": 3}.'


def read_arguments(path: Path) -> dict[str, Any]:
    """Return the keyword arguments in a file, an ``.npz`` of NumPy or a ``.json`` object.

    In an ``.npz`` each array is an argument; one without axes becomes a number, a truth value or a text. In JSON lists
    of numbers become arrays, objects dictionaries; numbers, texts, true, false and null are what they are in Python.
    Arrays hold truth values, integers or floating-point numbers: no pickle is read.

    Raises `FileError` for a file that cannot be read, `SourceError` for one that is larger than 256 MiB or holds
    anything else.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "arguments.json")
    >>> _ = path.write_text('{"sigma": [1.5, 2.0], "groups": 3, "link": "logit"}')
    >>> read_arguments(path)
    {'sigma': array([1.5, 2. ]), 'groups': 3, 'link': 'logit'}
    """
    readers = {".npz": _read_npz, ".json": _read_json}
    if path.suffix.lower() not in readers:
        raise SourceError(f"{str(path)!r:.200} is not the name of a file of arguments", remedy=FORM)
    found = readers[path.suffix.lower()](path)
    taken = [name for name in RESERVED if name in found]
    if taken:
        raise SourceError(
            f"{path} gives {{names}}, which from_numpyro takes for itself", taken, remedy="Rename the arguments."
        )
    return found


def _read_json(path: Path) -> dict[str, Any]:
    return _convert_all(read_json(path, FORM), "")


def _convert_all(values: Mapping[str, Any], above: str) -> dict[str, Any]:
    return {name: _convert(value, f"{above}{name}") for name, value in values.items()}


def _convert(value: Any, name: str) -> Any:
    """Return a value of JSON as what a program takes."""
    if isinstance(value, dict):
        return _convert_all(value, f"{name}.")
    if not isinstance(value, list):
        return value
    try:
        array = np.array(value)
    except ValueError:  # lists of different lengths
        array = np.array(value, dtype=object)
    return _require_numbers(array, name)


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with open_regular(path) as file:
            with zipfile.ZipFile(file) as packed:
                if sum(entry.file_size for entry in packed.infolist()) > MOST_BYTES:
                    raise SourceError(
                        f"{path} has more than the {MOST_BYTES / 2**20:,.0f} MiB that are read", remedy="Give less."
                    )
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: _unwrap(arrays[name], name) for name in arrays.files}
    except (OSError, EOFError, ValueError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, RetrodictError):
            raise
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"{path} cannot be read as .npz: {reason}", remedy=FORM) from None


def _unwrap(array: Any, name: str) -> Any:
    """Return an array, or what it holds where it has no axes."""
    if isinstance(array, np.ndarray) and array.ndim == 0 and array.dtype.kind in "biufU":
        return array.item()
    return _require_numbers(array, name)


def _require_numbers(array: Any, name: str) -> Any:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise SourceError(
            "the argument {names} is neither a number nor an array of numbers",
            [name],
            remedy="Give truth values, integers or floating-point numbers, all rows of one length.",
        )
    return array
