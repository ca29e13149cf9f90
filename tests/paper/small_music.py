"""Files of music of the same form as the real ones, but small."""

import hashlib
import io
from pathlib import Path

import numpy as np
from scipy.io import savemat

from retrodict.zoo import music


def write_music(folder: Path, name: str = "jsb", keys: int = 88, value: int = 1) -> str:
    """Write pieces of 3 to 9 steps into a folder, and return the SHA-256 of the file."""
    rng = np.random.default_rng(0)
    content = {}
    for key, lengths in (("traindata", (9, 4, 7, 5)), ("validdata", (6, 3)), ("testdata", (8, 5))):
        pieces = np.empty((1, len(lengths)), object)
        for i, length in enumerate(lengths):
            pieces[0, i] = value * (rng.random((length, keys)) < 0.1).astype(np.uint8)
        content[key] = pieces
    target = io.BytesIO()
    savemat(target, content)
    data = target.getvalue()
    (folder / music.SETS[name][0]).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def use_music(monkeypatch, folder: Path, *names: str) -> None:
    """Write small sets, and let them be known by these names."""
    found = {name: (music.SETS[name][0], write_music(folder, name)) for name in names}
    monkeypatch.setattr(music, "SETS", {**music.SETS, **found})
    monkeypatch.setenv(music.VARIABLE, str(folder))
