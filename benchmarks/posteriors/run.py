"""Every program with several seeds, each in a process of its own; results are kept line by line.

    python -m benchmarks.posteriors.run [NAME ...] [--held-out] [--seeds 3] [--limit 600] [--data FOLDER] [--anew]

With ``--held-out`` the programs are those on which nothing was tuned, and have results of their own. What stands in the
results, ``benchmarks/results/posteriors.jsonl``, is not run again, but for ``--anew``. Then the page is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.posteriors import lines, page
from benchmarks.posteriors.catalog import HELD_OUT, NAMES
from benchmarks.posteriors.processes import run_process

LIMIT, SEEDS = 900, 3
COLUMNS = ["encoder", "refined", "answer"]


def run_one(name: str, seed: int, limit: float, further: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Run one program in a process of its own, and return its lines; what a limit or a crash ended says so."""
    ran = run_process("benchmarks.posteriors.one", (name, str(seed), *further), limit)
    for row in (*ran.rows, {"column": "end", **ran.end()}):
        yield {"program": name, "seed": seed, **row}


def main() -> None:
    """Run what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one program with one seed")
    parser.add_argument("--data", type=Path, help="folder of posteriordb's files; or set RETRODICT_DATA")
    parser.add_argument("--columns", nargs="*", default=COLUMNS, help="what is measured beside training")
    parser.add_argument("--held-out", action="store_true", help="the programs on which nothing was tuned")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--anew", action="store_true", help="also what has been run")
    arguments = parser.parse_args()
    own, every = (page.HELD_OUT_RESULTS, HELD_OUT) if arguments.held_out else (page.RESULTS, NAMES)
    results = arguments.results or own
    place = () if arguments.data is None else ("--data", str(arguments.data))
    further = (*place, "--columns", *arguments.columns)
    rows = [] if arguments.anew else lines.read(results)
    done = {(row["program"], row["seed"]) for row in rows if row["column"] == "end"}
    for seed in range(arguments.seeds):
        for name in arguments.names or every:
            if (name, seed) not in done:
                for row in run_one(name, seed, arguments.limit, further):
                    print(row, flush=True)
                    lines.append(results, row)
    if results == own:
        page.main()


if __name__ == "__main__":
    main()
