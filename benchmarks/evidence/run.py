"""Train one network for any evidence, ask it beside exact sums and baselines: results/evidence.json.

Run with ``python -m benchmarks.evidence.run [name ...]``. Networks that were trained, and questions that were asked,
are taken from ``--kept``; so a run that was stopped goes on. Baselines have the time of a query of the network.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import retrodict as rd
from benchmarks.evidence.asking import run_case
from benchmarks.evidence.training import Case
from benchmarks.real_networks import find_networks
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole

RESULTS = ROOT / "benchmarks" / "results" / "evidence.json"
CASES = {
    "asia": Case(500, 32),
    "child": Case(500, 48, batch=512),
    "alarm": Case(400, 48, batch=512, compared=100),
    "pigs": Case(50, 16, compared=100, batch=128, blind=False),
}


def keep(name: str, found: Any) -> None:
    """Write a result beside all others."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    write_whole(RESULTS, (json.dumps(results | {name: found}, indent=1) + "\n").encode())


def main() -> None:
    """Run what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--networks", type=Path, help="folder of name.bif.gz; default: that of pgmpy")
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "evidence")
    options = parser.parse_args()
    for name in options.names or CASES:
        folder = options.networks or find_networks()[name].parent
        model = rd.from_bif(folder / f"{name}.bif.gz")
        assert isinstance(model, rd.DiscreteNetwork)
        for found in run_case(model, CASES[name], options.kept / name):
            print(name, found, flush=True)
            keep(name, found)


if __name__ == "__main__":
    main()
