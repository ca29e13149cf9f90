"""The arrays of a NumPy archive (``.npz``), mapped into memory where the archive holds them as they are."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from retrodict.errors import FileError

# What a member of a zip file begins with: a signature, 22 bytes, then the lengths of its name and of what follows it.
HEAD, LENGTHS, SIGNATURE = 30, "<HH", b"PK\x03\x04"
ENDING = ".npy"


def read_archive(path: Path) -> Mapping[str, NDArray[Any]]:
    """Return the arrays of an archive by name; those that are not compressed stay on disk until they are used.

    Raises `FileError` for what is no archive of arrays of numbers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(Path(folder) / "runs.npz", x=np.arange(3.0))
    ...     {name: (type(array).__name__, array.tolist()) for name, array in
    ...      read_archive(Path(folder) / "runs.npz").items()}
    {'x': ('memmap', [0.0, 1.0, 2.0])}
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(ENDING)]
            return {member.filename.removesuffix(ENDING): _read_member(path, archive, member) for member in members}
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, EOFError, struct.error) as error:
        raise FileError(path, f"is no archive of NumPy arrays ({error})", remedy="Write it by numpy.savez.") from error


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    if member.compress_type != zipfile.ZIP_STORED or not member.file_size:
        with archive.open(member) as file:
            return np.asarray(npy_format.read_array(file, allow_pickle=False))
    with path.open("rb") as file:
        file.seek(member.header_offset)
        head = file.read(HEAD)
        if head[:4] != SIGNATURE:
            raise ValueError(f"{member.filename} is not where the archive says")
        file.seek(sum(struct.unpack(LENGTHS, head[26:])), 1)
        read_header = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
        shape, by_column, kind = read_header[npy_format.read_magic(file)](file)
        if kind.hasobject:
            raise ValueError(f"{member.filename} holds objects")
        if not np.prod(shape):
            return np.zeros(shape, kind)
        return np.memmap(path, kind, "r", file.tell(), shape, "F" if by_column else "C")
