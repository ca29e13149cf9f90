"""Chunks of runs in a folder, one file each, so that whatever was simulated is there again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrodict.errors import FileError
from retrodict.files.places import make_folder
from retrodict.files.whole import write_whole
from retrodict.graph.names import Name
from retrodict.read.simulators.calling import Chunk


@dataclass(frozen=True)
class RunFolder:
    """A folder with the runs of one simulator: a file for each chunk and seed."""

    path: Path
    names: tuple[Name, ...]

    @classmethod
    def of(cls, path: Path, names: tuple[Name, ...]) -> RunFolder:
        """Make the folder if it is not there; raise `FileError` where that fails."""
        make_folder(path)
        return cls(path, names)

    def keep(self, chunk: Chunk, seed: int) -> None:
        """Write a chunk, as a whole or not at all."""
        content = io.BytesIO()
        arrays = {f"v{place}": chunk.values[name] for place, name in enumerate(self.names) if name in chunk.values}
        said = json.dumps({"names": list(map(str, self.names)), "faults": chunk.faults})
        np.savez(content, good=np.array(chunk.good, np.int64), said=np.array(said), **arrays)  # type: ignore[arg-type]
        write_whole(self._find(seed, chunk.start), content.getvalue())

    def read(self, seed: int, start: int) -> Chunk | None:
        """Return the chunk that begins with a run; None where it is not there yet.

        Raises `FileError` for a file that is damaged, or of a simulator with other variables.
        """
        path = self._find(seed, start)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            said = json.loads(str(arrays["said"]))
            good, names = tuple(arrays["good"].tolist()), said["names"]
        except Exception as error:
            raise FileError(
                path, f"is no chunk of runs ({error})", remedy="Remove it: it is simulated again."
            ) from error
        if names != list(map(str, self.names)):
            raise FileError(path, "holds runs of other variables", remedy="Give a folder of its own to each simulator.")
        values = {name: arrays[f"v{place}"] for place, name in enumerate(self.names) if f"v{place}" in arrays}
        return Chunk(start, good, values, tuple(said["faults"]))

    def iterate(self, seed: int, starts: range) -> Iterator[Chunk]:
        """Return those of the chunks that are there."""
        return (chunk for start in starts if (chunk := self.read(seed, start)) is not None)

    def _find(self, seed: int, start: int) -> Path:
        return self.path / f"runs-{seed}-{start:09d}.npz"
