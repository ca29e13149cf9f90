"""All results of a folder as one table and one JSON, which figures and pages are made from alone."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from retrodict.errors import FileError
from retrodict.files.strict_json import read_strictly
from retrodict.files.whole import write_whole
from retrodict.paper.experiment import B, Experiment, Findings, Result, U
from retrodict.paper.results import copy_pictures, list_units, load_unit, require_same, write_head

# The curves of each unit, found by its fields as the table writes them.
Curves = Mapping[tuple[str, ...], dict[str, list[float]]]


def collect(experiment: Experiment[U, B], folder: Path, budget: B) -> Findings[U, B]:
    """Put all units of a folder into the table and the JSON, and return them."""
    units = list_units(experiment, folder)
    loaded = [found for unit in units if (found := load_unit(experiment, folder, unit, budget))]
    results, origins = tuple(result for result, _ in loaded), [origin for _, origin in loaded]
    shared = {name: find(results) for name, find in experiment.shared.items()}
    summary = write_head(experiment, budget) | {
        "seeds": sorted({result.unit.seed for result in results}),
        "versions": _unite(origin["versions"] for origin in origins),
        "commits": sorted({str(origin["commit"]) for origin in origins}),
        "commands": sorted({origin["command"] for origin in origins}),
        **shared,
        "units": [_write_entry(experiment, result) for result in results],
    }
    table, path = _find_paths(experiment, folder)
    write_whole(table, _write_table(experiment, results).encode())
    write_whole(path, json.dumps(summary, indent=1, allow_nan=False).encode() + b"\n")
    return Findings(budget, results, shared)


def read(experiment: Experiment[U, B], folder: Path) -> Findings[U, B]:
    """Return the results of a folder from its table and its JSON.

    Raises `FileError` for files that are missing, damaged, or of another version.
    """
    table, path = _find_paths(experiment, folder)
    try:
        summary = read_strictly(path.read_bytes())
        text = table.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(error.filename, f"cannot be read ({error.strerror})", remedy="Run without --replot.") from None
    except ValueError as error:
        raise FileError(path, f"is damaged: {error}", remedy="Run without --replot.") from None
    require_same(experiment, path, summary)
    try:
        curves = _read_table(experiment, text)
        results = tuple(_read_entry(experiment, entry, curves) for entry in summary["units"])
        shared = {name: summary[name] for name in experiment.shared}
        return Findings(experiment.budget(**summary["budget"]), results, shared)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise FileError(table, f"does not fit {path.name} ({why})", remedy="Run without --replot.") from None


def _find_paths(experiment: Experiment[U, B], folder: Path) -> tuple[Path, Path]:
    """Return the paths of the table and of the JSON."""
    return folder / f"{experiment.files.name}.csv", folder / f"{experiment.files.name}.json"


def _unite(versions: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return for each package all versions that were used: one, unless a run was continued later."""
    united: dict[str, set[str]] = {}
    for each in versions:
        for package, version in each.items():
            united.setdefault(package, set()).add(version)
    return {package: sorted(found) for package, found in sorted(united.items())}


def _write_entry(experiment: Experiment[U, B], result: Result[U]) -> dict[str, Any]:
    """Return a unit for the JSON; pictures of the first seed are enough to show."""
    if experiment.files.flat:
        return asdict(result.unit) | dict(result.facts)
    pictures = copy_pictures(result) if result.unit.seed == 0 else {}
    return asdict(result.unit) | {"facts": dict(result.facts), "pictures": pictures}


def _read_entry(experiment: Experiment[U, B], entry: Mapping[str, Any], curves: Curves) -> Result[U]:
    keys = experiment.keys
    unit = experiment.unit(**{name: entry[name] for name in keys})
    flat = {"facts": {name: fact for name, fact in entry.items() if name not in keys}, "pictures": {}}
    found = flat if experiment.files.flat else entry
    mine = curves.get(tuple(map(str, astuple(unit))), {name: [] for name in experiment.curves})
    return Result(unit, dict(found["facts"]), mine, dict(found["pictures"]))


def _write_table(experiment: Experiment[U, B], results: Sequence[Result[U]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*experiment.keys, "epoch", *experiment.curves])
    for result in results:
        rows = zip(*(result.curves[name] for name in experiment.curves), strict=True)
        for epoch, row in enumerate(rows, start=1):
            numbers = ("" if math.isnan(value) else f"{value:.{experiment.files.digits}g}" for value in row)
            writer.writerow([*astuple(result.unit), epoch, *numbers])
    return text.getvalue()


def _read_table(experiment: Experiment[U, B], text: str) -> Curves:
    rows, n = csv.reader(io.StringIO(text)), len(experiment.keys)
    if tuple(next(rows, ())) != (*experiment.keys, "epoch", *experiment.curves):
        raise ValueError("its first line does not name the columns")
    curves: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for row in rows:
        mine = curves.setdefault(tuple(row[:n]), {name: [] for name in experiment.curves})
        for name, number in zip(experiment.curves, row[n + 1 :], strict=True):
            mine[name].append(float(number) if number else math.nan)
    return curves
