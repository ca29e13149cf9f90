"""Files in the idx format, good ones and each kind of bad one; all are written here."""

from __future__ import annotations

import gzip
import os

import numpy as np
import pytest

from retrodict.errors import FileError
from retrodict.zoo.images.idx import MOST_BYTES, read_idx_images

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)


def write(folder, content, pack=gzip.compress):
    path = folder / "images.gz"
    path.write_bytes(pack(content))
    return path


def head(*sizes, kind=8):
    return bytes([0, 0, kind, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)


def test_images_are_read_as_they_were_written(tmp_path):
    found = read_idx_images(write(tmp_path, head(3, 4, 5) + PIXELS.tobytes()))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, PIXELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an idx file of images"),
        (head(3, 4, 5)[:10], "is not an idx file of images"),
        (head(60) + PIXELS.tobytes(), "is not an idx file of images"),
        (head(3, 4, 5, kind=13) + PIXELS.tobytes(), "is not an idx file of images"),
        (b"\x01" + head(3, 4, 5)[1:] + PIXELS.tobytes(), "is not an idx file of images"),
        (head(3, 4, 5) + PIXELS.tobytes()[:-1], "announces 60 bytes and holds only 59"),
        (head(3, 4, 5) + PIXELS.tobytes() + b"\x00", "announces 60 bytes and holds more"),
        (head(0, 4, 5), r"announces images of shape \(0, 4, 5\)"),
        (head(2**32 - 1, 2**32 - 1, 2**32 - 1), "announces images of shape"),
        (head(1, 1, MOST_BYTES + 1), "500,000,000 bytes are read"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, message):
    with pytest.raises(FileError, match=message):
        read_idx_images(write(tmp_path, content))


def packed():
    return gzip.compress(head(3, 4, 5) + PIXELS.tobytes())


@pytest.mark.parametrize(
    "content",
    [
        head(3, 4, 5) + PIXELS.tobytes(),  # not packed
        packed()[:-12],  # broken off
        packed()[:10] + b"\xff" + packed()[11:],  # no such kind of block
        packed()[:50] + b"\xff" * 8 + packed()[58:],  # changed inside
        packed()[:-8] + bytes([packed()[-8] ^ 1]) + packed()[-7:],  # another checksum
        packed() + b"rubbish",
    ],
    ids=["unpacked", "cut", "block", "changed", "checksum", "tail"],
)
def test_damaged_files_are_refused(tmp_path, content):
    with pytest.raises(FileError, match=r"images\.gz: it is damaged"):
        read_idx_images(write(tmp_path, content, pack=bytes))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read_idx_images(tmp_path / "none.gz")
    with pytest.raises(FileError, match="is not a regular file"):
        read_idx_images(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = write(tmp_path, head(3, 4, 5) + PIXELS.tobytes())
    path.chmod(0)
    with pytest.raises(FileError, match="cannot be read"):
        read_idx_images(path)
