"""Results as plain data: a file for each unit while running, then one table and one JSON.

Figures and tables are made from ``vae.csv`` and ``vae.json`` alone.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.errors import FileError
from retrodict.files.checkpoint import read_arrays, write_arrays
from retrodict.files.strict_json import read_strictly
from retrodict.files.whole import write_whole
from retrodict.paper.figure2.results import Origin
from retrodict.paper.learned.entries import Budget
from retrodict.paper.learned.units import CURVES, Fact, Result, Unit

FORMAT = 1
KIND = "retrodict vae"
TABLE, SUMMARY, UNITS = "vae.csv", "vae.json", "units"
KEYS = tuple(entry.name for entry in fields(Unit))


@dataclass(frozen=True)
class Data:
    """All results of a folder, and the budget that they share."""

    budget: Budget
    results: tuple[Result, ...]


# -- a file for each unit ----------------------------------------------------------------------------


def save_unit(folder: Path, result: Result, budget: Budget, origin: Origin) -> None:
    """Keep the result of a unit, as a whole or not at all; raise `FileError` where the disk refuses."""
    content = _head(budget) | {
        "unit": asdict(result.unit),
        "facts": dict(result.facts),
        "pictures": {name: list(rows) for name, rows in result.pictures.items()},
        "origin": asdict(origin),
    }
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
    return Result(unit, content["facts"], curves, content["pictures"]), content["origin"]


def list_units(folder: Path) -> list[Unit]:
    """Return the units of which a folder has results; raise `FileError` for other files among them."""
    found = []
    for path in sorted((folder / UNITS).glob("[!.]*")):
        content = read_arrays(path)[0]
        _require_same(path, content)
        found.append(Unit(**content["unit"]))
    return sorted(found)


def _head(budget: Budget) -> dict[str, Any]:
    return {"kind": KIND, "format": FORMAT, "budget": asdict(budget)}


def _require_same(path: Path, content: Mapping[str, Any]) -> None:
    if content.get("kind") != KIND:
        raise FileError(path, "holds no results of this experiment", remedy="Name another folder.")
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
    results, origins = tuple(result for result, _ in loaded), [origin for _, origin in loaded]
    write_whole(folder / TABLE, _write_table(results).encode())
    packages = sorted({package for origin in origins for package in origin["versions"]})
    summary = _head(budget) | {
        "seeds": sorted({result.unit.seed for result in results}),
        "versions": {name: sorted({origin["versions"][name] for origin in origins}) for name in packages},
        "commits": sorted({str(origin["commit"]) for origin in origins}),
        "commands": sorted({origin["command"] for origin in origins}),
        "units": [_write_entry(result) for result in results],
    }
    write_whole(folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False).encode() + b"\n")
    return Data(budget, results)


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
        return Data(Budget(**summary["budget"]), tuple(_read_entry(entry, curves) for entry in summary["units"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise FileError(folder / TABLE, f"does not fit {SUMMARY} ({why})", remedy="Run without --replot.") from None


def _write_entry(result: Result) -> dict[str, Any]:
    """Return a unit for the JSON; pictures of the first seed are enough to show."""
    pictures = {name: list(rows) for name, rows in result.pictures.items()} if result.unit.seed == 0 else {}
    return asdict(result.unit) | {"facts": dict(result.facts), "pictures": pictures}


def _read_entry(entry: Mapping[str, Any], curves: Mapping[Unit, dict[str, list[float]]]) -> Result:
    unit = Unit(**{name: entry[name] for name in KEYS})
    facts: dict[str, Fact] = dict(entry["facts"])
    return Result(unit, facts, curves.get(unit, {name: [] for name in CURVES}), dict(entry["pictures"]))


def _write_table(results: Sequence[Result]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*KEYS, "epoch", *CURVES])
    for result in results:
        key = list(asdict(result.unit).values())
        rows = zip(*(result.curves[name] for name in CURVES), strict=True)
        for epoch, row in enumerate(rows, start=1):
            writer.writerow([*key, epoch, *("" if math.isnan(value) else f"{value:.7g}" for value in row)])
    return text.getvalue()


def _read_table(text: str) -> dict[Unit, dict[str, list[float]]]:
    rows = csv.reader(io.StringIO(text))
    if tuple(next(rows, ())) != (*KEYS, "epoch", *CURVES):
        raise ValueError("its first line does not name the columns")
    curves: dict[Unit, dict[str, list[float]]] = {}
    for model, data, encoder, capacity, seed, _, *numbers in rows:
        unit = Unit(model, data, encoder, int(capacity), int(seed))
        mine = curves.setdefault(unit, {name: [] for name in CURVES})
        for name, number in zip(CURVES, numbers, strict=True):
            mine[name].append(float(number) if number else math.nan)
    return curves
