"""Train one network for any evidence, ask it beside exact sums and baselines: results/evidence.json.

Run with ``python -m benchmarks.evidence.run [name ...] --networks FOLDER``, where the folder holds ``child.bif.gz`` and
the others, as that of pgmpy does; what has a result already is left as it is. Baselines have the time of a query of
the network, and so have no training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import retrodict as rd
from benchmarks.evidence.baselines import LikelihoodWeighting, LoopyPropagation
from benchmarks.evidence.questions import draw_evidence, measure_distance
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole
from retrodict.posterior.any_evidence import evidence_drawing
from retrodict.posterior.any_evidence.gated import evidence_sets

RESULTS = ROOT / "benchmarks" / "results" / "evidence.json"
DRAWS = 10_000


@dataclass(frozen=True)
class Case:
    """How long a network is trained, how wide, and how many questions are asked."""

    steps: int
    width: int
    questions: int = 1000
    batch: int = 256
    rate: float = 1e-2


CASES = {"asia": Case(1000, 32), "child": Case(3000, 64), "alarm": Case(3000, 64)}


def run_case(model: rd.DiscreteNetwork, case: Case, folder: Path) -> dict[str, Any]:
    """Return the figures of one network of tables."""
    with without_masks():
        blind, _ = train(model, case, folder / "blind")
    post, seconds = train(model, case, folder / "masked")
    ways: dict[str, Callable[[Mapping[str, str], float], Any]] = {
        "likelihood weighting": LikelihoodWeighting(model).answer,
        "loopy propagation": LoopyPropagation(model).answer,
    }
    errors: dict[str, list[float]] = {name: [] for name in ("network", "network alone", "without masks", *ways)}
    times: dict[str, list[float]] = {"network": [], "exact": []}
    for given in draw_evidence(model, case.questions, 1):
        started = perf_counter()
        exact = rd.query(model, given).marginals
        times["exact"].append(perf_counter() - started)
        started = perf_counter()
        found = post.marginals(given, n=DRAWS)
        times["network"].append(perf_counter() - started)
        errors["network"] += measure_distance(exact, found.marginals)
        errors["network alone"] += measure_distance(exact, post.marginals(given, n=DRAWS, weighted=False).marginals)
        with without_masks():
            errors["without masks"] += measure_distance(
                exact, blind.marginals(given, n=DRAWS, weighted=False).marginals
            )
        for name, answer in ways.items():
            errors[name] += measure_distance(exact, answer(given, times["network"][-1]))
    return {
        "variables": len(model.net),
        "seconds": seconds,
        "steps": case.steps,
        "questions": case.questions,
        "query": float(np.median(times["network"])),
        "exact query": float(np.median(times["exact"])),
        "errors": {name: [float(np.mean(own)), float(np.quantile(own, 0.99))] for name, own in errors.items()},
    }


def train(model: rd.DiscreteNetwork, case: Case, folder: Path) -> tuple[rd.EvidencePosterior, float]:
    """Return the trained posterior and the seconds that it took; one that lies in the folder is taken from there."""
    note = folder / "seconds"
    if note.exists():
        return rd.load(folder, model), float(note.read_text())  # type: ignore[return-value]
    started = perf_counter()
    post = rd.amortize(
        model,
        evidence="any",
        steps=case.steps,
        batch=case.batch,
        widths=(case.width,),
        learning_rate=case.rate,
        quiet=True,
    )
    seconds = perf_counter() - started
    post.save(folder)
    note.write_text(str(seconds))
    return post, seconds


@contextmanager
def without_masks() -> Iterator[None]:
    """Let every network see all that is known and all that was drawn before: the same networks, no structure."""

    def find_all(net: rd.BayesNet, known: Any) -> Any:
        seen = known | ~(known | evidence_sets.find_barren(net, known))
        earlier = np.tril(np.ones((len(net), len(net)), dtype=bool), -1)
        return (earlier | known) & seen & ~known[:, None]

    places = (evidence_sets, evidence_drawing)
    kept = evidence_sets.find_parents
    try:
        for place in places:
            place.find_parents = find_all  # type: ignore[attr-defined]
        yield
    finally:
        for place in places:
            place.find_parents = kept  # type: ignore[attr-defined]


def main() -> None:
    """Run what is named, or all that has no result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--networks", type=Path, required=True)
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "evidence")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.names or CASES:
        if name not in results or name in options.names:
            model = rd.from_bif(options.networks / f"{name}.bif.gz")
            assert isinstance(model, rd.DiscreteNetwork)
            results[name] = run_case(model, CASES[name], options.kept / name)
            print(name, results[name], flush=True)
            write_whole(RESULTS, (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
