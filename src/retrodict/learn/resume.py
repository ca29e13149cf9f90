"""The file from which a stopped run of learning goes on: the whole state after an epoch, for one set-up only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from retrodict.encode.trees import fill, find_misfits, list_arrays
from retrodict.errors import FileError
from retrodict.files.checkpoint import find_file, fitting, read_arrays, save_file
from retrodict.files.places import make_folder
from retrodict.posterior.storage import add_prefix, take_prefix
from retrodict.train.loop import History, Moment

KIND = "learning"
FILE = "learning.safetensors"


@dataclass(frozen=True)
class Journal:
    """The file of one run of `fit_model`; ``setup`` describes model, data and training, ``epochs`` is its length.

    States of another set-up are refused. A run of fewer epochs may go on.
    """

    folder: Path
    setup: Mapping[str, Any]
    epochs: int

    @property
    def path(self) -> Path:
        """Where the state is kept."""
        return self.folder / FILE

    def prepare(self) -> None:
        """Make the folder; raise `FileError` where it cannot be written."""
        make_folder(self.folder)

    def keep(self, moment: Moment) -> None:
        """Write the state after an epoch; what was there is replaced as a whole or not at all.

        Of several processes, which all have the same state, the first writes it.
        """
        if jax.process_index() != 0:
            return
        content = {"kind": KIND, "setup": {**self.setup, "epochs": self.epochs}}
        state = list_arrays((moment.state, moment.best), eqx.is_array)
        arrays = add_prefix("history.", moment.history.to_arrays()) | add_prefix("state", state)
        save_file(self.folder, FILE, content, arrays)

    def read(self, untrained: Moment) -> Moment | None:
        """Return the state that was kept, or None where there is none.

        Raises `FileError` for a damaged file, and for one of another set-up, naming what differs.
        """
        if find_file(self.folder, FILE) is None:
            return None
        content, arrays = read_arrays(self.path)
        if content.get("kind") != KIND:
            raise FileError(self.path, "is a file of retrodict, but holds no state of fit_model")
        with fitting(self.path):
            _require_same(self.path, content["setup"], self.setup)
            _require_more(self.path, content["setup"].get("epochs"), self.epochs)
            history = History.from_arrays(take_prefix("history.", arrays))
            begun, kept = (untrained.state, untrained.best), take_prefix("state", arrays)
            if find_misfits(begun, kept, eqx.is_array):
                raise FileError(self.path, "belongs to a run whose model, encoder or optimizer is built differently")
            state, best = fill(begun, kept, eqx.is_array)
        return Moment(state, best, history)


def _require_same(path: Path, kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    given = json.loads(json.dumps(wanted))
    differing = [name for name in given if kept.get(name) != given[name]]
    if differing:
        shown = ", ".join(f"{name} {kept.get(name)!r:.60} and not {given[name]!r:.60}" for name in differing[:3])
        raise FileError(
            path, f"belongs to another run: it has {shown}", remedy="Choose another folder, or remove the file."
        )


def _require_more(path: Path, kept: Any, wanted: int) -> None:
    if not isinstance(kept, int) or kept > wanted:
        raise FileError(
            path,
            f"belongs to a run of {kept!r:.20} epochs, more than epochs={wanted}",
            remedy="Ask for as many or more to go on from it; choose another folder for a shorter run.",
        )
