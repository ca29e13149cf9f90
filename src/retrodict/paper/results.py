"""A file for each unit that was run: written as a whole, and read again only where it belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.errors import FileError
from retrodict.files.checkpoint import read_arrays, save_file
from retrodict.paper.experiment import B, Experiment, Result, U

FOLDER = "units"


@dataclass(frozen=True)
class Provenance:
    """Where results come from: ``versions`` of packages, the git ``commit``, the ``command``."""

    versions: Mapping[str, str]
    commit: str | None
    command: str


def save_unit(experiment: Experiment[U, B], folder: Path, result: Result[U], budget: B, provenance: Provenance) -> None:
    """Keep the result of a unit, as a whole or not at all; raise `FileError` where the disk refuses."""
    content = write_head(experiment, budget) | {
        "unit": asdict(result.unit),
        "facts": dict(result.facts),
        "pictures": copy_pictures(result),
        "origin": asdict(provenance),
    }
    arrays = {name: np.asarray(result.curves[name], dtype=np.float64) for name in experiment.curves}
    save_file(folder / FOLDER, result.unit.name, content, arrays)


def load_unit(
    experiment: Experiment[U, B], folder: Path, unit: U, budget: B
) -> tuple[Result[U], dict[str, Any]] | None:
    """Return the result that a folder has of a unit and where it comes from, or None.

    Raises `FileError` for a file that is damaged, of another version, or of a run with another budget.
    """
    path = folder / FOLDER / unit.name
    if not path.exists():
        return None
    content, arrays = read_arrays(path)
    require_same(experiment, path, content)
    if content.get("budget") != asdict(budget):
        raise FileError(path, f"was made with {_differ(content.get('budget'), budget)}", remedy="Name another folder.")
    curves = {name: arrays[name].tolist() for name in experiment.curves}
    return Result(unit, content["facts"], curves, content.get("pictures", {})), content["origin"]


def list_units(experiment: Experiment[U, B], folder: Path) -> list[U]:
    """Return the units of which a folder has results; raise `FileError` for other files among them."""
    found = []
    for path in sorted((folder / FOLDER).glob("[!.]*")):
        content = read_arrays(path)[0]
        require_same(experiment, path, content)
        found.append(experiment.unit(**content["unit"]))
    return sorted(found)


def write_head(experiment: Experiment[U, B], budget: B) -> dict[str, Any]:
    """Return what every file of an experiment begins with."""
    return {"kind": experiment.files.kind, "format": experiment.files.version, "budget": asdict(budget)}


def require_same(experiment: Experiment[U, B], path: Path, content: Mapping[str, Any]) -> None:
    """Raise `FileError` for a file of another experiment, or of another version of this one."""
    if content.get("kind") != experiment.files.kind:
        raise FileError(path, f"is not a result of {experiment.files.name}", remedy="Name another folder.")
    if content.get("format") != experiment.files.version:
        raise FileError(
            path,
            f"is of another version: format {content.get('format')}, where this one has {experiment.files.version}",
            remedy="Name another folder, or run again.",
        )


def copy_pictures(result: Result[U]) -> dict[str, list[str]]:
    """Return the pictures of a result as JSON writes them."""
    return {name: list(rows) for name, rows in result.pictures.items()}


def _differ(found: Any, budget: B) -> str:
    found = found if isinstance(found, dict) else {}
    return "; ".join(
        f"{name}={found.get(name)}, not {value}" for name, value in asdict(budget).items() if found.get(name) != value
    )
