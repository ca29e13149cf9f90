"""The file format of everything that is saved: one file, a JSON header and raw arrays, nothing that could run.

    8 bytes   the letters ``RTRDCT01``
    8 bytes   length of the header, little-endian
    header    JSON: ``{"arrays": [[name, dtype, shape], ...], "content": {...}}``
    arrays    one after another, little-endian, C order, no gaps
    32 bytes  SHA-256 of all the bytes before

The size of the file follows from its header, and is compared before anything is allocated. What is written is
complete on disk before it takes the place of what was there.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import FileError, SizeError
from retrodict.files.strict_json import read_strictly
from retrodict.files.whole import replacing

MAGIC = b"RTRDCT01"
DIGEST_BYTES = 32
MOST_HEADER_BYTES = 1 << 20
MOST_AXES = 16
MOST_BYTES = 1 << 62

# A file can choose among these and nothing else.
DTYPES = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("bool", "uint8", "int32", "uint32", "int64", "float16", "float32", "float64")
}

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Entry:
    """The name, type and shape of an array in a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Length in bytes."""
        return math.prod(self.shape) * DTYPES[self.dtype].itemsize


@dataclass(frozen=True)
class Header:
    """What a file says of itself: the values of its writer, and the arrays that follow."""

    path: Path
    content: Mapping[str, Any]
    entries: tuple[Entry, ...]
    start: int

    @property
    def end(self) -> int:
        """Where the arrays end and the digest begins."""
        return self.start + sum(entry.size for entry in self.entries)


def write_arrays(path: str | Path, content: Mapping[str, Any], arrays: Arrays) -> None:
    """Write values and arrays to a file; one that is there already is replaced as a whole or not at all.

    ``content`` is what JSON can carry. The file is written beside its place, forced to disk, and renamed.
    Raises `SizeError` for a header above 1 MiB, `OSError` where the disk refuses, and leaves what was there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_arrays(f"{folder}/a", {"step": 3}, {"w": np.ones(2)})
    ...     header, arrays = read_arrays(f"{folder}/a")
    >>> header["step"], arrays["w"].tolist()
    (3, [1.0, 1.0])
    """
    target = Path(path)
    raw = {name: _to_raw(name, array) for name, array in arrays.items()}
    listed = [[name, array.dtype.name, list(array.shape)] for name, array in raw.items()]
    header = json.dumps({"arrays": listed, "content": dict(content)}, allow_nan=False).encode()
    if len(header) > MOST_HEADER_BYTES:
        raise SizeError(f"a header of {len(header):,} bytes, where {MOST_HEADER_BYTES:,} are allowed")
    with replacing(target) as file:
        _write_all(file, header, raw)


def save_file(folder: str | Path, name: str, content: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a file into a folder, which is made if it is not there; raise `FileError` where that is refused."""
    make_folder(folder)
    try:
        write_arrays(Path(folder) / name, content, arrays)
    except OSError as error:
        raise _unwritable(folder, error.strerror) from error


def make_folder(folder: str | Path) -> None:
    r"""Make a folder if it is not there; raise `FileError` where that is refused, and for what no folder can be called.

    >>> make_folder("a\0b")
    Traceback (most recent call last):
    retrodict.errors.FileError: 'a\x00b': cannot be written (no folder can be called so). Choose another folder.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error.strerror) from error
    except ValueError as error:  # a null character, or one that the system cannot spell
        raise _unwritable(repr(str(folder)), "no folder can be called so") from error


def find_file(folder: str | Path, name: str) -> Path | None:
    """Return the path of a file in a folder, None if it is not there; raise `FileError` where that cannot be seen."""
    path = Path(folder) / name
    try:
        return path if path.exists() else None
    except OSError as error:
        raise FileError(folder, f"cannot be read ({error.strerror})", remedy="Choose another folder.") from error


def _unwritable(folder: object, why: object) -> FileError:
    return FileError(folder, f"cannot be written ({why})", remedy="Choose another folder.")


def read_arrays(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the values and arrays of a file, every byte of which was checked.

    Raises `FileError` for a file that is missing, no file of ours, cut short, too long, or changed anywhere.
    """
    header = read_header(path)
    return dict(header.content), read_body(header)


def read_header(path: str | Path) -> Header:
    """Return what a file says of itself, without reading its arrays: little work however long it is.

    The digest has not been compared yet. Raises `FileError` as `read_arrays` does.
    """
    source = Path(path)
    try:
        with _open_regular(source) as file:
            return _read_header(source, file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise FileError(source, f"cannot be read ({error.strerror})") from error


def read_body(header: Header) -> dict[str, NDArray[Any]]:
    """Return the arrays that belong to a header; raise `FileError` when any byte of the file was changed."""
    try:
        with _open_regular(header.path) as file:
            return _read_body(header, file)
    except OSError as error:
        raise FileError(header.path, f"cannot be read ({error.strerror})") from error
    except MemoryError as error:
        raise FileError(header.path, "is larger than memory") from error


def _to_raw(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.name not in DTYPES:
        raise TypeError(f"array {name!r} has the type {array.dtype}, which files do not hold")
    return np.asarray(array, dtype=DTYPES[array.dtype.name], order="C")


def _write_all(file: BinaryIO, header: bytes, arrays: Arrays) -> None:
    digest = hashlib.sha256()
    parts: list[bytes | memoryview] = [MAGIC, len(header).to_bytes(8, "little"), header, *map(_view, arrays.values())]
    for part in parts:
        digest.update(part)
        file.write(part)
    file.write(digest.digest())


def _view(array: NDArray[Any]) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8))


def _open_regular(path: Path) -> BinaryIO:
    """Open a file; a pipe or device could keep us waiting for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise FileError(path, "is not an ordinary file")
    return open(path, "rb")


def _read_header(path: Path, file: BinaryIO, size: int) -> Header:
    start = file.read(16)
    if start[:8] != MAGIC:
        raise FileError(path, "is no file of retrodict", remedy="Give a file or folder that retrodict saved.")
    length = int.from_bytes(start[8:], "little")
    if len(start) < 16 or length > MOST_HEADER_BYTES or 16 + length + DIGEST_BYTES > size:
        raise _damaged(path, f"its header cannot be {length:,} bytes long")
    try:
        header = read_strictly(file.read(length))
        entries = tuple(map(_read_entry, header["arrays"]))
        content = header["content"]
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, f"its header cannot be read, {error}") from error
    if not isinstance(content, dict) or len({entry.name for entry in entries}) < len(entries):
        raise _damaged(path, "its header cannot be read")
    found = Header(path, content, entries, 16 + length)
    if found.end + DIGEST_BYTES != size:
        raise _damaged(path, f"it has {size:,} bytes, and {found.end + DIGEST_BYTES:,} by its header")
    return found


def _read_entry(listed: Any) -> Entry:
    name, dtype, shape = listed
    natural = isinstance(shape, list) and len(shape) <= MOST_AXES and all(type(n) is int and n >= 0 for n in shape)
    # Counted without axes of length zero: NumPy refuses to make an array of none times too many.
    possible = natural and math.prod(max(n, 1) for n in shape) * 8 <= MOST_BYTES
    if not isinstance(name, str) or dtype not in DTYPES or not possible:
        raise ValueError(f"{listed!r:.100} describes no array")
    return Entry(name, dtype, tuple(shape))


def _read_body(header: Header, file: BinaryIO) -> dict[str, NDArray[Any]]:
    if os.fstat(file.fileno()).st_size != header.end + DIGEST_BYTES:
        raise _damaged(header.path, "its length changed while it was read")
    digest = hashlib.sha256(file.read(header.start))
    arrays = {}
    for entry in header.entries:
        array = np.empty(entry.shape, dtype=DTYPES[entry.dtype])
        view = _view(array)
        if file.readinto(view) != len(view):  # type: ignore[attr-defined]
            raise _damaged(header.path, "it ends too soon")
        digest.update(view)
        arrays[entry.name] = array
    if file.read(DIGEST_BYTES) != digest.digest():
        raise _damaged(header.path, "its bytes are not those that were written")
    wrong = [name for name, array in arrays.items() if array.dtype == bool and (array.view(np.uint8) > 1).any()]
    if wrong:
        raise _damaged(header.path, f"the array {wrong[0]!r} holds what is neither true nor false")
    return arrays


def _damaged(path: Path, why: str) -> FileError:
    return FileError(path, f"is damaged: {why}", remedy="Restore it from a copy, or save it again.")
