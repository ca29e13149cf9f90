"""`AutoFaithful` beside NumPyro's guides at equal steps and optimizer.

    python -m benchmarks.posteriors.guides.compete [--programs a,b] [--guides a,b] [--steps N] [--seeds K]

What stands in ``benchmarks/results/posterior_guides.jsonl`` is not run again, but for ``--anew``. Then the page is
written.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

from benchmarks.posteriors import lines, page
from benchmarks.posteriors.catalog import OF_NUMPYRO
from benchmarks.posteriors.guides import guides_section
from benchmarks.posteriors.guides.one_guide import GUIDES, OPTIMIZERS
from benchmarks.posteriors.processes import run_process

STEPS, SEEDS, LIMIT = 2000, 5, 900
SETTING = ("program", "guide", "optimizer", "steps")


def run_one(setting: tuple[str, str, str, int], seeds: int, limit: float, folder: Path | None) -> list[dict[str, Any]]:
    """Run one guide on one program; the last line says how the process ended."""
    place = () if folder is None else ("--data", str(folder))
    ran = run_process("benchmarks.posteriors.guides.one_guide", (*map(str, setting), str(seeds), *place), limit)
    what = dict(zip(SETTING, setting, strict=True))
    end = {key.replace("error", "problem"): value for key, value in ran.end().items()}
    return [{**what, **row} for row in (*ran.rows, {"seed": "end", "seeds": seeds, **end})]


def _split(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def main() -> None:
    """Run what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=_split, default=list(OF_NUMPYRO), help="names, separated by commas")
    parser.add_argument("--guides", type=_split, default=list(GUIDES), help="names, separated by commas")
    parser.add_argument("--optimizers", type=_split, default=list(OPTIMIZERS), help="names, separated by commas")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one guide on one program")
    parser.add_argument("--data", type=Path, help="folder of posteriordb's files, where its programs are named")
    parser.add_argument("--results", type=Path, default=guides_section.RESULTS)
    parser.add_argument("--anew", action="store_true", help="also what has been run")
    told = parser.parse_args()
    rows = [] if told.anew else lines.read(told.results)
    done = {tuple(row[key] for key in SETTING) for row in rows if row["seed"] == "end" and row["seeds"] >= told.seeds}
    for setting in itertools.product(told.programs, told.guides, told.optimizers, [told.steps]):
        if setting not in done:
            for row in run_one(setting, told.seeds, told.limit, told.data):
                print(row, flush=True)
                lines.append(told.results, row)
    if told.results == guides_section.RESULTS:
        page.main()


if __name__ == "__main__":
    main()
