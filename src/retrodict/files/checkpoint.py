"""What is saved is one file in the safetensors format: arrays, and plain values as JSON; nothing in the file can run.

The metadata of the file have one entry, ``retrodict``: JSON with the ``format`` (3), the ``release`` that wrote the
file, the ``content`` (the values of the writer), and the ``sha256`` of these three and of the names, types, shapes and
numbers of all arrays. The safetensors library writes and reads the arrays; what is checked here is what the library
leaves open: who wrote the file, whether anything was changed, and that a header is short and says nothing twice.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from retrodict.errors import FileError, RetrodictError, SizeError
from retrodict.files.digest import digest
from retrodict.files.places import make_folder, open_regular, reading
from retrodict.files.strict_json import read_strictly
from retrodict.files.whole import write_whole

FORMAT = 3
ENTRY = "retrodict"
# How files of the formats 1 and 2 begin, and end their names.
OLD_START, OLD_ENDING = b"RTRDCT01", ".retrodict"
MOST_HEADER_BYTES = 1 << 20

# A file can choose among these and nothing else: names in NumPy, and in safetensors.
DTYPES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int32": "I32",
    "uint32": "U32",
    "int64": "I64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Header:
    """What a file says of itself; ``sha256`` has not been compared with anything yet."""

    path: Path
    release: str
    content: Mapping[str, Any]
    sha256: str


def write_arrays(path: str | Path, content: Mapping[str, Any], arrays: Arrays) -> None:
    """Write values and arrays to a file; one that is there already is replaced as a whole or not at all.

    ``content`` is what JSON can carry. The file is written beside its place, forced to disk, and renamed.
    Raises `SizeError` for a header above 1 MiB, `FileError` where the disk refuses, and leaves what was there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_arrays(f"{folder}/a", {"step": 3}, {"w": np.ones(2)})
    ...     content, arrays = read_arrays(f"{folder}/a")
    >>> content["step"], arrays["w"].tolist()
    (3, [1.0, 1.0])
    """
    raw = {name: _to_raw(name, array) for name, array in arrays.items()}
    plain = json.loads(json.dumps(dict(content), allow_nan=False))
    release = version("retrodict")
    stated = {"format": FORMAT, "release": release, "content": plain, "sha256": _digest(release, plain, raw)}
    whole = save(raw, {ENTRY: json.dumps(stated)})
    length = int.from_bytes(whole[:8], "little")
    if length > MOST_HEADER_BYTES:
        raise SizeError(f"a header of {length:,} bytes, where {MOST_HEADER_BYTES:,} are allowed")
    write_whole(Path(path), whole)


def save_file(folder: str | Path, name: str, content: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a file into a folder, which is made if it is not there; raise `FileError` where that is refused."""
    make_folder(folder)
    write_arrays(Path(folder) / name, content, arrays)


def find_file(folder: str | Path, name: str) -> Path | None:
    """Return the path of a file in a folder, None if it is not there.

    Raises `FileError` where that cannot be seen, and where only a file of an old format is there.
    """
    path = Path(folder) / name
    old = path.with_suffix(OLD_ENDING)
    with reading(path):
        if path.exists():
            return path
        if old.exists():
            raise _refuse_old(old)
    return None


def read_arrays(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the values and arrays of a file, all of which were checked.

    Raises `FileError` for a file that is missing, no file of ours, cut short, too long, or changed anywhere.
    """
    header = read_header(path)
    return dict(header.content), read_body(header)


def read_header(path: str | Path) -> Header:
    """Return what a file says of itself, without reading its arrays: little work however long it is.

    The digest has not been compared yet. Raises `FileError` as `read_arrays` does.
    """
    source = Path(path)
    with reading(source), open_regular(source) as file:
        start = file.read(9)
        length = int.from_bytes(start[:8], "little")
        text = start[8:] + file.read(min(length, MOST_HEADER_BYTES + 1) - 1 if length else 0)
    if start.startswith(OLD_START):
        raise _refuse_old(source)
    if text[:1] != b"{":
        raise _refuse_foreign(source)
    if length > MOST_HEADER_BYTES or len(text) != length:
        raise _refuse_damaged(source, f"its header cannot be {length:,} bytes long")
    return _read_header(source, text)


def read_body(header: Header) -> dict[str, NDArray[Any]]:
    """Return the arrays that belong to a header; raise `FileError` when anything in the file was changed."""
    try:
        arrays = load_file(header.path, backend="pread")
    except MemoryError as error:
        raise FileError(header.path, "is larger than memory") from error
    except (SafetensorError, ValueError) as error:
        raise _refuse_damaged(header.path, f"its arrays cannot be read, {error}") from error
    wrong = [name for name, array in arrays.items() if array.dtype == bool and (array.view(np.uint8) > 1).any()]
    if wrong:
        raise _refuse_damaged(header.path, f"the array {wrong[0]!r} holds what is neither true nor false")
    if _digest(header.release, header.content, arrays) != header.sha256:
        raise _refuse_damaged(header.path, "its bytes are not those that were written")
    return arrays


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Turn whatever is raised while the values of a file are put to use into a `FileError` that names the file."""
    try:
        yield
    except FileError:
        raise
    except (KeyError, TypeError, ValueError, IndexError) as error:
        why = str(error) if isinstance(error, RetrodictError) else f"{type(error).__name__}: {error}"
        raise FileError(path, f"does not fit this version of retrodict ({why})") from error


def _to_raw(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.name not in DTYPES:
        raise TypeError(f"array {name!r} has the type {array.dtype}, which files do not hold")
    return np.asarray(array, dtype=np.dtype(array.dtype.name), order="C")


def _digest(release: str, content: Mapping[str, Any], arrays: Arrays) -> str:
    named = (part for name in sorted(arrays) for part in (name, arrays[name]))
    return digest({"format": FORMAT, "release": release, "content": content}, *named)


def _read_header(path: Path, text: bytes) -> Header:
    """Return the header that a text holds: JSON, with our own JSON as a text in it."""
    try:
        described = read_strictly(text)
        metadata = described.pop("__metadata__", {})
        if ENTRY not in metadata:
            raise _refuse_foreign(path)
        strange = [name for name, entry in described.items() if entry["dtype"] not in DTYPES.values()]
        if strange:
            raise ValueError(f"the array {strange[0]!r:.100} has a type that files do not hold")
        stated = read_strictly(metadata[ENTRY].encode())
        release, written = stated["release"], stated["format"]
        if written != FORMAT:
            raise _refuse_version(path, release, written)
        header = Header(path, release, stated["content"], stated["sha256"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, FileError):
            raise
        raise _refuse_damaged(path, f"its header cannot be read, {error}") from error
    if not isinstance(header.content, dict):
        raise _refuse_damaged(path, "its header cannot be read")
    return header


def _refuse_foreign(path: Path) -> FileError:
    return FileError(path, "is no file of retrodict", remedy="Give a file or folder that retrodict saved.")


def _refuse_old(path: Path) -> FileError:
    return FileError(
        path,
        "was written before retrodict 0.1, in a format that is no longer read",
        remedy="Train it again, into a folder without that file.",
    )


def _refuse_version(path: Path, release: Any, written: Any) -> FileError:
    return FileError(
        path,
        f"was written by retrodict {release!s:.20} in format {written!r:.20}, this release reads format {FORMAT}",
        remedy="Load it with the release that wrote it, or train it again.",
    )


def _refuse_damaged(path: Path, why: str) -> FileError:
    return FileError(path, f"is damaged: {why}", remedy="Restore it from a copy, or save it again.")
