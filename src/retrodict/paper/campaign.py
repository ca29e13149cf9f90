"""All runs of an experiment that were asked for: each is kept when it ends, and none that is there is run again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from retrodict.files.places import make_folder
from retrodict.files.whole import write_whole
from retrodict.paper.experiment import B, Experiment, Findings, Result, U
from retrodict.paper.results import Provenance, load_unit, save_unit
from retrodict.paper.summary import collect

PACKAGES = ("retrodict", "jax", "equinox", "optax", "numpy")


def run_units(
    experiment: Experiment[U, B],
    units: Sequence[U],
    budget: B,
    folder: Path,
    tell: Callable[[Result[U]], None],
    *,
    quiet: bool = False,
) -> Findings[U, B]:
    """Run the units of which the folder has no result yet, and put together all that it has.

    Raises `FileError` when the folder cannot be written, before anything is trained.
    """
    make_folder(folder)
    provenance = find_provenance()
    for unit in units:
        if load_unit(experiment, folder, unit, budget) is None:
            result = experiment.run(unit, budget, quiet)
            save_unit(experiment, folder, result, budget, provenance)
            tell(result)
    return collect(experiment, folder, budget)


def write_page(experiment: Experiment[U, B], findings: Findings[U, B], folder: Path) -> Path:
    """Write the page of tables into a folder and return its path."""
    path = folder / f"{experiment.files.name}.md"
    write_whole(path, experiment.write(findings).encode())
    return path


def find_provenance() -> Provenance:
    """Return versions of packages, the commit of the code, and the command as it was given."""
    versions = {"python": sys.version.split()[0]} | {package: version(package) for package in PACKAGES}
    return Provenance(versions, _find_commit(), " ".join(["retrodict", *sys.argv[1:]]))


def _find_commit() -> str | None:
    """Return the commit that this code is checked out from, marked if it was changed; None outside of git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
