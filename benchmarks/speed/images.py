"""The images that all contestants of a case learn from, in a file: rows of pixels, and their units."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Pixels:
    """Binary images as rows, to learn from and to judge by; ``center`` and ``spread`` standardize the former."""

    train: Floats
    test: Floats
    center: Floats
    spread: Floats

    def save(self, path: Path) -> None:
        """Write all arrays into one file."""
        np.savez(path, **asdict(self))

    @classmethod
    def load(cls, path: Path | str) -> Pixels:
        """Read what `save` wrote; no library but NumPy is needed."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{name: stored[name] for name in stored.files})


def read_digits() -> Pixels:
    """Return the digits of scikit-learn, binarized, divided as `load_images` does."""
    from retrodict.zoo.images import load_images

    images = load_images("digits")
    train, spread = images.train_rows, images.train_rows.std(axis=0)
    return Pixels(train, images.test_rows, train.mean(axis=0), np.where(spread > 0, spread, 1).astype(np.float32))
