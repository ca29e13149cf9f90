"""All runs of figure 2 that were asked for: each is kept when it ends, and none that is there is run again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from retrodict.errors import FileError, OptionError
from retrodict.paper.figure2.entries import ENTRIES, Budget
from retrodict.paper.figure2.results import Data, Origin, collect, load_unit, save_unit
from retrodict.paper.figure2.units import Result, Unit, run_unit

DEPTHS = (3, 4, 5, 6, 7, 8)
PACKAGES = ("retrodict", "jax", "equinox", "optax", "numpy")

Tell = Callable[[Result], None]


def plan_units(
    depths: Sequence[int], encoders: Sequence[str], widths: Sequence[int], seeds: Sequence[int]
) -> list[Unit]:
    """Return the runs, seed by seed, so that what is there after a while is a whole comparison.

    Raises `OptionError` for a depth, an encoder, a width or a seed that does not exist.

    >>> [unit.name for unit in plan_units([4], ["heuristic", "default"], [200], [0])]
    ['depth4-heuristic-width200-seed0', 'depth4-default-width0-seed0']
    """
    for depth in depths:
        if depth not in DEPTHS:
            raise OptionError(
                f"the depth {depth} is not in figure 2", remedy=f"Choose of {', '.join(map(str, DEPTHS))}."
            )
    for encoder in encoders:
        if encoder not in ENTRIES:
            raise OptionError(f"the encoder {encoder!r} is not in figure 2", remedy=f"Choose of {', '.join(ENTRIES)}.")
    for name, numbers, least in (("width", widths, 1), ("seed", seeds, 0)):
        if not numbers or min(numbers) < least:
            raise OptionError(f"{name} must be {least} or more", remedy="See --help.")
    listed = [
        Unit(depth, encoder, width if ENTRIES[encoder].paper else 0, seed)
        for depth in depths
        for seed in seeds
        for width in widths
        for encoder in encoders
    ]
    return list(dict.fromkeys(listed))


def run_units(units: Sequence[Unit], budget: Budget, folder: Path, tell: Tell, *, quiet: bool = False) -> Data:
    """Run the units of which the folder has no result yet, and put together all that it has.

    Raises `FileError` when the folder cannot be written, before anything is trained.
    """
    prepare(folder)
    origin = find_origin()
    for unit in units:
        if load_unit(folder, unit, budget) is None:
            result = run_unit(unit, budget, quiet=quiet)
            save_unit(folder, result, budget, origin)
            tell(result)
    return collect(folder, budget)


def prepare(folder: Path) -> None:
    """Make the folder of results and see that it can be written."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FileError(folder, f"cannot be written ({error.strerror})", remedy="Name another folder.") from None


def find_origin() -> Origin:
    """Return versions of packages, the commit of the code, and the command as it was given."""
    versions = {"python": sys.version.split()[0]} | {package: version(package) for package in PACKAGES}
    return Origin(versions, _find_commit(), " ".join(["retrodict", *sys.argv[1:]]))


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
