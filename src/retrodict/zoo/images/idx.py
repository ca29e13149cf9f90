"""The idx format of MNIST: arrays of bytes with their sizes in front, packed by gzip.

A file is two zeros, the type of its numbers and the number of axes, a size of four bytes for each axis (big endian),
and the numbers, the last axis fastest.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import FileError
from retrodict.files.places import open_regular

Bytes = NDArray[np.uint8]

UNSIGNED_BYTE = 0x08
IMAGES = 3  # axes: which image, row, column
MOST_BYTES = 500_000_000


def read_idx_images(path: str | os.PathLike[str]) -> Bytes:
    """Return the images of an idx file packed by gzip, shape ``(n, height, width)``.

    No more is unpacked than the header announces, and no header may announce more than 500 MB.

    Raises `FileError` for a file that cannot be read, is damaged, or holds something else.

    Source: LeCun, Cortes & Burges, the MNIST database, 1998.

    >>> import gzip, tempfile
    >>> from pathlib import Path
    >>> place = Path(tempfile.mkdtemp(), "images.gz")
    >>> _ = place.write_bytes(gzip.compress(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9])))
    >>> read_idx_images(place).tolist()
    [[[7, 9]]]
    """
    header = 4 + 4 * IMAGES
    with open_regular(path) as packed, gzip.open(packed) as file:
        try:
            shape = _read_shape(path, file.read(header))
            size = math.prod(shape)
            content = file.read(size)
            more = file.read(1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileError(path, f"it is damaged ({error})", remedy="Fetch it again.") from None
    if len(content) < size or more:
        found = f"only {len(content):,}" if len(content) < size else "more"
        raise FileError(path, f"it announces {size:,} bytes and holds {found}", remedy="Fetch it again.")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_shape(path: str | os.PathLike[str], header: bytes) -> tuple[int, ...]:
    if len(header) < 4 + 4 * IMAGES or header[:4] != bytes([0, 0, UNSIGNED_BYTE, IMAGES]):
        raise FileError(path, "it is not an idx file of images", remedy="It must hold bytes in three axes.")
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(4, 4 + 4 * IMAGES, 4))
    if not 0 < math.prod(shape) <= MOST_BYTES:
        raise FileError(path, f"it announces images of shape {shape}", remedy=f"Up to {MOST_BYTES:,} bytes are read.")
    return shape
