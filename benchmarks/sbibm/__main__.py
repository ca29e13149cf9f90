"""Measure tasks and make the page: ``python -m benchmarks.sbibm --folder FOLDER [TASK ...] [--page]``.

FOLDER holds the unpacked wheel of sbibm (``pip download sbibm --no-deps``). Without a task, all that have not been
measured under this label; each in a process of its own, and what it gave is appended to the results at once, so that a
run can be stopped and begun again. ``--page`` only makes the page. ``--option widths=256,256`` tries another default.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.sbibm.page import write_page
from benchmarks.stamp import find_commit, stamp

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE.parent / "results" / "sbibm.jsonl", HERE.parents[1] / "docs" / "benchmarks-sbibm.md"
MADE_OF = ("benchmarks/results/sbibm.jsonl", "benchmarks/sbibm")
DEFAULTS = "defaults"


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return what was measured so far; of a task, label and seed the last row counts."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return list({(row["task"], row["label"], row["seed"]): row for row in rows}.values())


def read_option(text: str) -> tuple[str, Any]:
    """Return an option of `amortize` and its value: a literal, or a word."""
    name, value = text.split("=", 1)
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def measure_one(name: str, arguments: argparse.Namespace) -> None:
    """Measure a task in this process and append what it gave."""
    from benchmarks.sbibm.measure import measure

    row = {"task": name, "label": arguments.label, "seed": arguments.seed, "commit": find_commit("src/retrodict")}
    options = dict(map(read_option, arguments.option))
    row |= measure(
        name, arguments.folder, arguments.seed, arguments.observations, options, weigh=not arguments.unweighted
    )
    with arguments.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def measure_all(names: list[str], arguments: argparse.Namespace) -> int:
    """Measure in processes of their own what is not there; return how many failed."""
    done = {row["task"] for row in read_results(arguments.out) if (row["label"], row["seed"]) == _key(arguments)}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sbibm", *sys.argv[1:]]
    failed = 0
    for name in (name for name in names if name not in done):
        failed += subprocess.run([*command, "--one", name], check=False).returncode != 0
    return failed


def _key(arguments: argparse.Namespace) -> tuple[str, int]:
    return arguments.label, arguments.seed


def read_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", help="what to measure; all if none is given")
    parser.add_argument("--folder", type=Path, help="where the wheel of sbibm is unpacked")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--observations", type=int, default=10, help="how many of the ten observations")
    parser.add_argument("--label", default=DEFAULTS, help="under which name the results are kept")
    parser.add_argument("--option", action="append", default=[], help="NAME=VALUE, an option of amortize")
    parser.add_argument("--unweighted", action="store_true", help="leave the weights out")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results are kept")
    parser.add_argument("--page", action="store_true", help="make the page from the results, measure nothing")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Do what the command line says."""
    arguments = read_arguments()
    if arguments.one:
        measure_one(arguments.one, arguments)
        return 0
    failed = 0
    if not arguments.page:
        from benchmarks.sbibm.references import TASKS

        failed = measure_all(arguments.tasks or list(TASKS), arguments)
    if arguments.out == RESULTS:
        PAGE.write_text(stamp(write_page(read_results(RESULTS)), *MADE_OF), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
