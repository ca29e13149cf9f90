"""Train one network for any evidence, ask it beside exact sums and baselines: results/evidence.json.

Run with ``python -m benchmarks.evidence.run [name ...]``; what has a result already is left as it is, and a network
that was trained is taken from ``--kept``. Baselines have the time of a query of the network, and no training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import retrodict as rd
from benchmarks.evidence.baselines import JunctionTree, LikelihoodWeighting, LoopyPropagation
from benchmarks.evidence.questions import draw_evidence, measure_distance
from benchmarks.real_networks import find_networks
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole
from retrodict.invert.asked.drawing_order import find_drawing_order
from retrodict.posterior.any_evidence.gated import slot_plans
from retrodict.posterior.any_evidence.gated.evidence_sets import find_barren

RESULTS = ROOT / "benchmarks" / "results" / "evidence.json"
DRAWS = 10_000
# Networks with more variables have references of pyAgrum.
LARGE = 100
# Questions between two results.
TOLD = 20


@dataclass(frozen=True)
class Case:
    """How long a network is trained, how wide, and how many questions are asked; how many of baselines, too.

    ``blind`` says whether the same network without masks is trained, too.
    """

    steps: int
    width: int
    questions: int = 1000
    compared: int = 200
    batch: int = 256
    rate: float = 1e-2
    blind: bool = True


CASES = {
    "asia": Case(500, 32),
    "child": Case(500, 48, batch=512),
    "alarm": Case(400, 48, batch=512, compared=40, blind=False),
    "pigs": Case(50, 16, questions=100, compared=5, batch=128, blind=False),
}
Answer = Callable[[Mapping[str, str], float], Any]


def run_case(model: rd.DiscreteNetwork, case: Case, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures of a network of tables, over more and more questions; baselines answer the first ones only."""
    post, seconds = train(model, case, folder / "masked")
    others, reference = build_baselines(model, case, folder), choose_reference(model)
    errors: dict[str, list[float]] = {name: [] for name in ("network", "network alone", *others)}
    times: dict[str, list[float]] = {"network": [], "exact": []}
    for number, given in enumerate(draw_evidence(model, case.questions, 1)):
        exact = take_time(times["exact"], partial(reference, given))
        found = take_time(times["network"], partial(post.marginals, given, n=DRAWS))
        errors["network"] += measure_distance(exact, found.marginals)
        if number < case.compared:
            errors["network alone"] += measure_distance(exact, post.marginals(given, n=DRAWS, weighted=False).marginals)
            for name, answer in others.items():
                errors[name] += measure_distance(exact, answer(given, times["network"][-1]))
        if (number + 1) % TOLD == 0:
            yield {
                "variables": len(model.net),
                "seconds": seconds,
                "steps": case.steps,
                "batch": case.batch,
                "width": case.width,
                "questions": number + 1,
                "compared": min(number + 1, case.compared),
                "query": float(np.median(times["network"])),
                "exact query": float(np.median(times["exact"])),
                "errors": {name: [float(np.mean(own)), float(np.quantile(own, 0.99))] for name, own in errors.items()},
            }


def choose_reference(model: rd.DiscreteNetwork) -> Callable[[Mapping[str, str]], Any]:
    """Return what answers exactly: our own sums, or for large networks the junction tree of pyAgrum."""
    return JunctionTree(model).answer if len(model.net) > LARGE else lambda given: rd.query(model, given).marginals


def take_time(times: list[float], answer: Callable[[], Any]) -> Any:
    """Return an answer, and note how many seconds it took."""
    started = perf_counter()
    found = answer()
    times.append(perf_counter() - started)
    return found


def build_baselines(model: rd.DiscreteNetwork, case: Case, folder: Path) -> dict[str, Answer]:
    """Return what answers a question in given seconds; the network without masks takes the time it takes."""
    others: dict[str, Answer] = {
        "likelihood weighting": LikelihoodWeighting(model).answer,
        "loopy propagation": LoopyPropagation(model).answer,
    }
    if case.blind:
        with without_masks():
            blind, _ = train(model, case, folder / "blind")

        def answer(given: Mapping[str, str], _: float) -> Any:
            with without_masks():
                return blind.marginals(given, n=DRAWS, weighted=False).marginals

        others["without masks"] = answer
    return others


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
        seen = ~find_barren(net, known)
        rank = np.argsort(find_drawing_order(net))
        return ((rank < rank[:, None]) | known) & seen & ~known[:, None]

    kept = slot_plans.find_parents
    try:
        slot_plans.find_parents = find_all
        yield
    finally:
        slot_plans.find_parents = kept


def main() -> None:
    """Run what is named, or all that has no result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--networks", type=Path, help="folder of name.bif.gz; default: that of pgmpy")
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "evidence")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.names or CASES:
        if name not in results or name in options.names:
            folder = options.networks or find_networks()[name].parent
            model = rd.from_bif(folder / f"{name}.bif.gz")
            assert isinstance(model, rd.DiscreteNetwork)
            for found in run_case(model, CASES[name], options.kept / name):
                results[name] = found
                print(name, found, flush=True)
                write_whole(RESULTS, (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
