"""Measure cases and make the page: ``python -m benchmarks.speed [CASE ...] [--page] [--smoke]``.

Without a case, all. Each case is measured in processes of its own and takes its place in results/speed.json at once,
so that a case can be measured again alone. ``--page`` only makes the page; ``--smoke`` measures little and prints it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.speed.cases import CASES, SMOKE, WHOLE
from benchmarks.speed.machine import describe_run, watch_others
from benchmarks.speed.page import write_page
from benchmarks.stamp import stamp

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE.parent / "results" / "speed.json", HERE.parents[1] / "docs" / "benchmarks.md"
MADE_OF = ("benchmarks/results/speed.json", "benchmarks/speed")
SHORT = ("train-8", "sample-8", "limit-8", "reach-zuko", "learn-mean-field", "grow-tree:4")


def measure(name: str) -> None:
    """Measure a case and put it into the results."""
    others = watch_others()
    measured = CASES[name](WHOLE)
    row = {"run": {**describe_run(), "others": others()}, **measured}
    results = read_results()
    results[name] = row
    ordered = {case: results[case] for case in CASES if case in results}
    new = RESULTS.with_suffix(".new")
    new.write_text(json.dumps(ordered, indent=1) + "\n")
    os.replace(new, RESULTS)
    print(name, json.dumps({key: value for key, value in row.items() if key != "run"}), flush=True)


def read_results() -> dict[str, Any]:
    """Return what was measured so far."""
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def measure_all() -> int:
    """Measure every case in a process of its own; return how many failed."""
    failed = 0
    for name in CASES:
        done = subprocess.run([sys.executable, "-W", "ignore", "-m", "benchmarks.speed", name], check=False)
        failed += done.returncode != 0
    return failed


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", choices=[[], *CASES], help="what to measure; all if none is given")
    parser.add_argument("--page", action="store_true", help="make the page from the results, measure nothing")
    parser.add_argument("--smoke", action="store_true", help="measure tiny cases without peers and print them")
    options = parser.parse_args()
    if options.smoke:
        for name in SHORT:
            print(json.dumps({name: CASES[name](SMOKE)}), flush=True)
        return 0
    failed = 0
    if not options.page:
        if not sys.version.startswith("3.11."):
            print("The peers are measured on Python 3.11, for which their versions were chosen.", file=sys.stderr)
            return 2
        for name in options.case:
            measure(name)
        failed = 0 if options.case else measure_all()
    PAGE.write_text(stamp(write_page(read_results()), *MADE_OF))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
