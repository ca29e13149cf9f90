"""Measure and make the page: ``python -m benchmarks.sbi [--folder FOLDER] [--runs 1000,10000] [TASK ...] [--page]``.

Without a task: the model of three levels, and those tasks of sbibm that have not been measured; each in a process of
its own, whose result is kept at once. FOLDER holds the unpacked wheel of sbibm, without which only three levels are
measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.sbi.page import write_page
from benchmarks.stamp import find_commit, stamp

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE.parent / "results" / "sbi.jsonl", HERE.parents[1] / "docs" / "benchmarks-sbi.md"
MADE_OF = ("benchmarks/results/sbi.jsonl", "benchmarks/sbi")
LEVELS = "three_levels"


def read_results() -> list[dict[str, Any]]:
    """Return what was measured so far; of a task, a number of runs and an entrant the last row counts."""
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    return list({(row["task"], row.get("runs"), row.get("peer")): row for row in rows}.values())


def measure_one(task: str, runs: int, folder: Path | None) -> dict[str, Any]:
    """Return what is measured of a task."""
    if task == LEVELS:
        from benchmarks.sbi.three_levels import measure

        return measure()
    from benchmarks.sbibm.measure import measure as measure_task

    return {"task": task, "runs": runs} | measure_task(task, folder, 0, 10, {"simulations": runs}, weigh=False)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--runs", default="1000,10000")
    parser.add_argument("--page", action="store_true", help="make the page from the results, measure nothing")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        task, runs = arguments.one.split(":")
        row = measure_one(task, int(runs), arguments.folder) | {"commit": find_commit("src/retrodict")}
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        return 0
    failed = 0
    if not arguments.page:
        from benchmarks.sbibm.published import PUBLISHED

        tasks = arguments.tasks or [LEVELS, *(PUBLISHED if arguments.folder else ())]
        sizes = [int(size) for size in arguments.runs.split(",")]
        wanted = [(task, size) for task in tasks for size in (sizes if task != LEVELS else [0])]
        done = {(row["task"], row.get("runs") or 0) for row in read_results() if "peer" not in row}
        for task, size in (pair for pair in wanted if pair not in done):
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sbi", "--one", f"{task}:{size}"]
            extra = ["--folder", str(arguments.folder)] if arguments.folder else []
            failed += subprocess.run([*command, *extra], check=False).returncode != 0
    PAGE.write_text(stamp(write_page(read_results()), *MADE_OF), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
