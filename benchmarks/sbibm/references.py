"""Tasks by name: the model, ten observations of it, and reference draws for each."""

from __future__ import annotations

import bz2
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import retrodict as rd
from benchmarks.sbibm.programs import PROGRAMS
from benchmarks.sbibm.structured import STRUCTURED
from retrodict.models.model import Model

Floats = NDArray[np.float64]
TASKS = (*PROGRAMS, *STRUCTURED)
OBSERVATIONS, DRAWS, SEED = 10, 2500, 1_000_000


@dataclass(frozen=True, eq=False)
class Task:
    """A model, rows of data, and for each row draws whose columns are those of ``names`` side by side."""

    model: Model
    data: dict[str, Floats]
    references: tuple[Floats, ...]
    names: tuple[str, ...]

    def flatten(self, draws: Any, row: int) -> Floats:
        """Return the draws for one observation as columns."""
        return join_columns({name: np.asarray(draws[name])[:, row] for name in self.names})


def load_task(name: str, folder: Path | None) -> Task:
    """Return a task; those of sbibm need the folder in which its wheel was unpacked."""
    return _load_own(name) if name in STRUCTURED else _load_theirs(name, folder)


def _load_own(name: str) -> Task:
    own = STRUCTURED[name]
    model = rd.from_numpyro(own.program, observed=own.observed)
    simulated = model.simulate(seed=1, n=OBSERVATIONS)
    data = {site: np.asarray(simulated[site], np.float64) for site in own.observed}
    random = np.random.default_rng(SEED)
    references = tuple(own.draw(row, DRAWS, random) for row in join_columns(data))
    return Task(model, data, references, own.columns)


def join_columns(values: Mapping[str, Any]) -> Floats:
    """Return values of several sites side by side, a row for each draw."""
    arrays = [np.asarray(value, np.float64) for value in values.values()]
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def _load_theirs(name: str, folder: Path | None) -> Task:
    files = find_files(name, folder)
    model = rd.from_numpyro(PROGRAMS[name], observed=["x"])
    shape = model.net.variable("x").shape or ()
    rows = [read_table(files / f"num_observation_{i}" / "observation.csv") for i in range(1, OBSERVATIONS + 1)]
    names = (f"num_observation_{i}/reference_posterior_samples.csv.bz2" for i in range(1, OBSERVATIONS + 1))
    references = tuple(read_table(files / path) for path in names)
    return Task(model, {"x": np.concatenate(rows).reshape(OBSERVATIONS, *shape)}, references, ("theta",))


def find_files(name: str, folder: Path | None) -> Path:
    """Return where sbibm keeps the observations of a task."""
    if folder is None:
        raise SystemExit(f"{name} needs sbibm's files: pip download sbibm --no-deps, unzip the wheel, name the folder")
    files = folder / "sbibm" / "tasks" / name / "files"
    if not files.is_dir():
        raise SystemExit(f"{files} is not there; the folder has to hold the unpacked wheel of sbibm")
    return files


def read_table(path: Path) -> Floats:
    """Return the numbers of a table with a line of names, packed or not."""
    content = path.read_bytes()
    text = (bz2.decompress(content) if path.suffix == ".bz2" else content).decode()
    return np.array([line.split(",") for line in text.strip().splitlines()[1:]], np.float64)
