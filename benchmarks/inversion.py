"""Time inversion beside other packages: `make bench-inversion`.

Every method of every case runs in a process of its own, those of a case one after another, so that ratios come from
one run and memory is measured cleanly. Times are processor seconds of one core, the median of several calls, the
building of the packages' own networks not included. Writes results/inversion.json and ../docs/benchmarks-inversion.md.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import importlib.metadata
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks import networks
from benchmarks.methods import METHODS
from benchmarks.stamp import ROOT, stamp

RESULTS, TABLE = ROOT / "benchmarks" / "results" / "inversion.json", ROOT / "docs" / "benchmarks-inversion.md"
MADE_OF = ("src/retrodict", "benchmarks/inversion.py", "benchmarks/methods.py", "benchmarks/networks.py")
LIMIT = 60  # seconds that one method may take for one case, everything included
PEERS = ("pgmpy", "networkx", "pyagrum")


@dataclass(frozen=True)
class Case:
    """A network, what is timed on it, how often, and what was promised (seconds, megabytes)."""

    make: Callable[[], networks.Network]
    methods: tuple[str, ...] = ("ours", "comi")
    seconds: float = math.inf
    megabytes: float = math.inf
    repeats: int = 3


CASES = {
    "tree, 2^20 - 1 variables": Case(lambda: networks.tree(2**20 - 1), seconds=10, megabytes=800),
    "chain, 10^6 steps": Case(lambda: networks.chain(10**6), seconds=16, megabytes=1700),
    "grid, 60 x 60": Case(lambda: networks.grid(60), seconds=1.2, repeats=5),
    "random, 10^4 variables": Case(lambda: networks.random(10**4), ("ours",), seconds=10),
    "random, 10^4 variables, 1 to 3 parents": Case(lambda: networks.random(10**4, least=1), ("ours",), seconds=10),
    "layers, 10 x 100": Case(lambda: networks.layers(10, 100), seconds=1.2, repeats=5),
    "1,000 latents, 1 observed child": Case(lambda: networks.fan(1000), seconds=1, repeats=5),
    "local random, 10^5 variables": Case(lambda: networks.local(10**5), ("ours",), repeats=1),
    "building, tree, 2^20 - 1 variables": Case(lambda: networks.tree(2**20 - 1), ("building",), seconds=5),
    "building, chain, 500,000 steps": Case(lambda: networks.chain(500_000), ("building",), seconds=5),
    **{f"tree, 2^{k} - 1 variables": Case(lambda k=k: networks.tree(2**k - 1), ("ours",)) for k in (14, 16, 18)},
    **{f"chain, {steps:,} steps": Case(lambda s=steps: networks.chain(s), ("ours",)) for steps in (10**4, 10**5)},
    "tree, 2^12 - 1 variables": Case(lambda: networks.tree(2**12 - 1), ("ours", "comi", *PEERS), repeats=5),
    "chain, 1,000 steps": Case(lambda: networks.chain(1000), ("ours", "comi", *PEERS), repeats=5),
    "grid, 30 x 30": Case(lambda: networks.grid(30), ("ours", "comi", *PEERS), repeats=5),
    "random, 1,500 variables": Case(lambda: networks.random(1500), ("ours", "comi", *PEERS)),
    "random, 3,000 variables": Case(lambda: networks.random(3000), ("ours", "comi", *PEERS)),
    "local random, 3,000 variables": Case(lambda: networks.local(3000), ("ours", "comi", *PEERS)),
    "munin": Case(lambda: networks.packaged_with_pgmpy()["munin"], ("ours", "comi", *PEERS)),
    "link": Case(lambda: networks.packaged_with_pgmpy()["link"], ("ours", "comi", *PEERS)),
}
GROWTH = {
    "tree": [
        "tree, 2^14 - 1 variables",
        "tree, 2^16 - 1 variables",
        "tree, 2^18 - 1 variables",
        "tree, 2^20 - 1 variables",
    ],
    "chain": ["chain, 10,000 steps", "chain, 100,000 steps", "chain, 10^6 steps"],
}
ALL_OF_PGMPY = "the 24 networks inside pgmpy, sum"


def measure(network: networks.Network, method: str, repeats: int) -> dict[str, Any]:
    """Time a method on a network in this process."""
    call = METHODS[method](network)
    before = _peak()
    seconds, result = [], None
    for _ in range(repeats):
        result = None
        gc.collect()
        start = time.process_time()
        result = call()
        seconds.append(time.process_time() - start)
        if sum(seconds) > LIMIT / 5:  # the limit is for all repeats together: a slow one must not look endless
            break
    row: dict[str, Any] = {"seconds": median(seconds), "variables": len(network[0]), "megabytes": _peak() - before}
    if method in ("ours", "comi"):
        sets = result.sets
        stored = [sets.latents.pointer, sets.latents.index, sets.walk, sets.start, sets.stop, sets.count]
        numbers = sum(map(len, stored))
        row |= {"edges": result.n_edges, "depth": result.depth, "width": result.width, "stored": numbers}
        row["bytes per stored integer"] = sum(array.nbytes for array in stored) / numbers
    return row


def _peak() -> float:
    """Return the most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_here(name: str, method: str) -> dict[str, Any]:
    """Measure one method on one case, or on all networks inside pgmpy."""
    if name != ALL_OF_PGMPY:
        return measure(CASES[name].make(), method, CASES[name].repeats)
    rows = [measure(network, method, 5) for network in networks.packaged_with_pgmpy().values()]
    return {"seconds": sum(row["seconds"] for row in rows), "variables": sum(row["variables"] for row in rows)}


def measure_apart(name: str, method: str) -> dict[str, Any]:
    """Measure in a process of its own; one that takes too long or fails says so."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.inversion", "--measure", name, method]
    limit = LIMIT if method in PEERS else 10 * LIMIT
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return {"over": limit}
    except subprocess.CalledProcessError as error:
        return {"failed": error.stderr.strip().splitlines()[-1][:100] if error.stderr else "killed"}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure_all(only: str) -> dict[str, dict[str, Any]]:
    """Measure every case whose name contains a text."""
    rows = {}
    plans = {name: case.methods for name, case in CASES.items()} | {ALL_OF_PGMPY: ("ours", "comi")}
    for name, methods in plans.items():
        if only in name:
            rows[name] = {method: measure_apart(name, method) for method in methods}
            print(name, json.dumps(rows[name]), flush=True)
    return rows


def fit_exponent(rows: dict[str, dict[str, Any]], names: list[str]) -> float:
    """Return the slope of log seconds against log variables, by least squares."""
    points = [rows[name]["ours"] for name in names]
    x = [math.log(point["variables"]) for point in points]
    y = [math.log(point["seconds"]) for point in points]
    middle = sum(x) / len(x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)


def describe_run() -> dict[str, Any]:
    """Return versions, cores and date: what a reader needs to know of the machine, and no more."""
    versions = {name: importlib.metadata.version(name) for name in ("retrodict", "numpy", *PEERS)}
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": date, "python": platform.python_version(), "cores": os.cpu_count(), "versions": versions}


def write_table(results: dict[str, Any]) -> str:
    """Return the page of results."""
    run, rows = results["run"], results["cases"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    promised = {**CASES, ALL_OF_PGMPY: Case(dict, seconds=3)}
    lines = [
        "# Inversion: seconds, memory, and other packages",
        "",
        f"Made by `make bench-inversion` on {run['date']}: {versions}, Python {run['python']},",
        f"one of {run['cores']} cores.",
        "Processor seconds, medians; from a built network to an inverse. *natural*: both directions of the paper's",
        "frontier and the choice between them, by degree (and by fill where that is cheap). *CoMI*: both directions",
        "by least fill, each inverted in full by the public call. MB: peak above the loaded network.",
        "",
        "| case | variables | natural | promised | MB | promised | CoMI | edges | depth | width |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        ours = row.get("ours") or row["building"]
        case = promised[name]
        lines.append(
            f"| {name} | {ours.get('variables', '')} | {_show(ours)} | {_show_limit(case.seconds)} "
            f"| {ours.get('megabytes', 0):.0f} | {_show_limit(case.megabytes)} | {_show(row.get('comi'))} "
            f"| {ours.get('edges', '')} | {ours.get('depth', '')} | {ours.get('width', '')} |"
        )
    lines += ["", "Growth, seconds as a power of variables: "]
    lines[-1] += ", ".join(f"{kind} {exponent:.2f}" for kind, exponent in results["growth"].items()) + "."
    lines += [
        "",
        "## Beside other packages",
        "",
        "Their seconds, and how many times ours (natural) that is. They return",
    ]
    lines[-1] += " an order only, of any direction: no parents."
    lines += ["", f"| case | natural | {' | '.join(PEERS)} |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        if "pgmpy" in row:
            cells = [f"{_show(row[peer])} ({_show_ratio(row[peer], row['ours'])})" for peer in PEERS]
            lines.append(f"| {name} | {_show(row['ours'])} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _show(row: dict[str, Any] | None) -> str:
    if not row:
        return ""
    if "over" in row:
        return f"> {row['over']}"
    return f"{row['seconds']:.3g}" if "seconds" in row else "failed"


def _show_limit(value: float) -> str:
    return "" if math.isinf(value) else f"{value:g}"


def _show_ratio(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    if "failed" in theirs:
        return theirs["failed"]
    return f"{'> ' if 'over' in theirs else ''}{theirs.get('seconds', theirs.get('over')) / ours['seconds']:.3g} x"


def main() -> None:
    """Measure, or only make the page anew from results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs=2, metavar=("CASE", "METHOD"), help="one measurement, as JSON")
    parser.add_argument("--only", default="", help="cases whose name contains this text; prints, writes nothing")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure_here(*options.measure)))
        return
    rows = measure_all(options.only)
    if not options.only:
        growth = {kind: fit_exponent(rows, names) for kind, names in GROWTH.items()}
        results = {"run": describe_run(), "growth": growth, "cases": rows}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(stamp(write_table(results), *MADE_OF))


if __name__ == "__main__":
    main()
