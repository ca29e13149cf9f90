"""Results of figure 2 as plain data: a file for each unit while running, then one table and one JSON.

Figures and tables are made from ``figure2.csv`` and ``figure2.json`` alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrodict import zoo
from retrodict.errors import FileError
from retrodict.files.checkpoint import read_arrays, write_arrays
from retrodict.files.strict_json import read_strictly
from retrodict.files.whole import write_whole
from retrodict.invert import reversal
from retrodict.paper.figure2.entries import Budget
from retrodict.paper.figure2.units import CURVES, Fact, Result, Unit

FORMAT = 2
KIND = "retrodict figure 2"
TABLE, SUMMARY, UNITS = "figure2.csv", "figure2.json", "units"
KEYS = ("depth", "encoder", "width", "seed", "epoch")


@dataclass(frozen=True)
class Origin:
    """Where results come from: ``versions`` of packages, the git ``commit``, the ``command``."""

    versions: Mapping[str, str]
    commit: str | None
    command: str


@dataclass(frozen=True)
class Data:
    """All results of a folder, the budget that they share, and the floor of the reversed edges at each depth."""

    budget: Budget
    results: tuple[Result, ...]
    floors: Mapping[int, float]


# -- a file for each unit ----------------------------------------------------------------------------


def save_unit(folder: Path, result: Result, budget: Budget, origin: Origin) -> None:
    """Keep the result of a unit, as a whole or not at all; raise `FileError` where the disk refuses."""
    content = _head(budget) | {"unit": asdict(result.unit), "facts": dict(result.facts), "origin": asdict(origin)}
    arrays = {name: np.asarray(result.curves[name], dtype=np.float64) for name in CURVES}
    path = folder / UNITS / result.unit.name
    try:
        path.parent.mkdir(exist_ok=True)
        write_arrays(path, content, arrays)
    except OSError as error:
        remedy = "What was written before is whole: make room and give the same command."
        raise FileError(path, f"cannot be written ({error.strerror})", remedy=remedy) from None


def load_unit(folder: Path, unit: Unit, budget: Budget) -> tuple[Result, dict[str, Any]] | None:
    """Return the result that a folder has of a unit and where it comes from, or None.

    Raises `FileError` for a file that is damaged, of another version, or of a run with another budget.
    """
    path = folder / UNITS / unit.name
    if not path.exists():
        return None
    content, arrays = read_arrays(path)
    _require_same(path, content)
    if content.get("budget") != asdict(budget):
        raise FileError(path, f"was made with {_differ(content.get('budget'), budget)}", remedy="Name another folder.")
    curves = {name: arrays[name].tolist() for name in CURVES}
    return Result(unit, content["facts"], curves), content["origin"]


def list_units(folder: Path) -> list[Unit]:
    """Return the units of which a folder has results."""
    found = []
    for path in sorted((folder / UNITS).glob("depth*")):
        content = read_arrays(path)[0]
        _require_same(path, content)
        found.append(Unit(**content["unit"]))
    return sorted(found)


def _head(budget: Budget) -> dict[str, Any]:
    return {"kind": KIND, "format": FORMAT, "budget": asdict(budget)}


def _require_same(path: Path, content: Mapping[str, Any]) -> None:
    if content.get("kind") != KIND:
        raise FileError(path, "holds no results of figure 2", remedy="Name another folder.")
    if content.get("format") != FORMAT:
        raise FileError(
            path,
            f"is of another version: format {content.get('format')}, where this one has {FORMAT}",
            remedy="Name another folder, or run again.",
        )


def _differ(found: Any, budget: Budget) -> str:
    wanted = asdict(budget)
    found = found if isinstance(found, dict) else {}
    differing = [f"{name}={found.get(name)}, not {value}" for name, value in wanted.items() if found.get(name) != value]
    return "; ".join(differing)


# -- one table and one JSON --------------------------------------------------------------------------


def collect(folder: Path, budget: Budget) -> Data:
    """Put all units of a folder into the table and the JSON, and return them."""
    loaded = [found for unit in list_units(folder) if (found := load_unit(folder, unit, budget))]
    results = tuple(result for result, _ in loaded)
    write_whole(folder / TABLE, _write_table(results).encode())
    origins = [origin for _, origin in loaded]
    floors = {depth: _find_floor(depth) for depth in sorted({result.unit.depth for result in results})}
    summary = _head(budget) | {
        "seeds": sorted({result.unit.seed for result in results}),
        "versions": _unite(origin["versions"] for origin in origins),
        "commits": sorted({str(origin["commit"]) for origin in origins}),
        "commands": sorted({origin["command"] for origin in origins}),
        "floors": {str(depth): floor for depth, floor in floors.items()},
        "units": [asdict(result.unit) | dict(result.facts) for result in results],
    }
    write_whole(folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False).encode() + b"\n")
    return Data(budget, results, floors)


def read(folder: Path) -> Data:
    """Return the results of a folder from its table and its JSON.

    Raises `FileError` for files that are missing, damaged, or of another version.
    """
    path = folder / SUMMARY
    try:
        summary = read_strictly(path.read_bytes())
        text = (folder / TABLE).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(error.filename, f"cannot be read ({error.strerror})", remedy="Run without --replot.") from None
    except ValueError as error:
        raise FileError(path, f"is damaged: {error}", remedy="Run without --replot.") from None
    _require_same(path, summary)
    try:
        curves = _read_table(text)
        results = tuple(_read_result(entry, curves) for entry in summary["units"])
        floors = {int(depth): float(floor) for depth, floor in summary["floors"].items()}
        return Data(Budget(**summary["budget"]), results, floors)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise FileError(folder / TABLE, f"does not fit {SUMMARY} ({why})", remedy="Run without --replot.") from None


def _find_floor(depth: int) -> float:
    """Return the KL that no encoder with the reversed edges can go below, in closed form."""
    model = zoo.binary_tree(depth)
    return model.kl_floor(reversal(model.net))


def _unite(versions: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return for each package all versions that were used: one, unless a run was continued later."""
    united: dict[str, set[str]] = {}
    for each in versions:
        for package, version in each.items():
            united.setdefault(package, set()).add(version)
    return {package: sorted(found) for package, found in sorted(united.items())}


def _write_table(results: Sequence[Result]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*KEYS, *CURVES])
    for result in results:
        unit = result.unit
        rows = zip(*(result.curves[name] for name in CURVES), strict=True)
        for epoch, row in enumerate(rows, start=1):
            numbers = [f"{value:.10g}" for value in row]
            writer.writerow([unit.depth, unit.encoder, unit.width, unit.seed, epoch, *numbers])
    return text.getvalue()


def _read_table(text: str) -> dict[Unit, dict[str, list[float]]]:
    rows = csv.reader(io.StringIO(text))
    if tuple(next(rows, ())) != (*KEYS, *CURVES):
        raise ValueError("its first line does not name the columns")
    curves: dict[Unit, dict[str, list[float]]] = {}
    for depth, encoder, width, seed, _, *numbers in rows:
        unit = Unit(int(depth), encoder, int(width), int(seed))
        mine = curves.setdefault(unit, {name: [] for name in CURVES})
        for name, number in zip(CURVES, numbers, strict=True):
            mine[name].append(float(number))
    return curves


def _read_result(entry: Mapping[str, Fact], curves: Mapping[Unit, dict[str, list[float]]]) -> Result:
    unit = Unit(**{name: entry[name] for name in ("depth", "encoder", "width", "seed")})  # type: ignore[arg-type]
    facts = {name: value for name, value in entry.items() if name not in KEYS}
    return Result(unit, facts, curves.get(unit, {name: [] for name in CURVES}))
