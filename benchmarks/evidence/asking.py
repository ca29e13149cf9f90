"""Questions put to a network and to what else answers them; what was asked is kept, so that a run may be stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import retrodict as rd
from benchmarks.evidence.baselines import JunctionTree, LikelihoodWeighting, LoopyPropagation
from benchmarks.evidence.questions import draw_evidence, measure_distance
from benchmarks.evidence.training import Case, train, without_masks
from retrodict.files.whole import write_whole

DRAWS = 10_000
# Networks with more variables have references of pyAgrum.
LARGE = 100
# Questions between two results.
TOLD = 20

Answer = Callable[[Mapping[str, str], float], Any]


@dataclass
class Tally:
    """What was found so far: distances of marginals and seconds of queries, by who answered."""

    number: int = 0
    errors: dict[str, list[float]] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Tally:
        """Return what was kept, or nothing."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def add(self, who: str, exact: Any, answer: Callable[[], Any]) -> None:
        """Note how far an answer is from the exact one, and how long it took."""
        found = self.take_time(who, answer)
        self.errors.setdefault(who, []).extend(measure_distance(exact, found))

    def take_time(self, who: str, answer: Callable[[], Any]) -> Any:
        """Return an answer, and note how many seconds it took."""
        started = perf_counter()
        found = answer()
        self.times.setdefault(who, []).append(perf_counter() - started)
        return found

    def sum_up(self) -> dict[str, Any]:
        """Return mean errors with what 99 % are below, and medians of seconds."""
        return {
            "errors": {who: [float(np.mean(own)), float(np.quantile(own, 0.99))] for who, own in self.errors.items()},
            "times": {who: float(np.median(own)) for who, own in self.times.items()},
        }


def run_case(model: rd.DiscreteNetwork, case: Case, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures of a network of tables, over more and more questions; baselines answer the first ones only."""
    post, seconds = train(model, case, folder / "masked")
    others, training = build_baselines(model, case, folder)
    reference, kept = choose_reference(model), folder / "asked.json"
    tally = Tally.read(kept)
    for number, given in enumerate(draw_evidence(model, case.questions, 1)):
        if number < tally.number:
            continue
        exact = tally.take_time("exact", partial(reference, given))
        tally.add("network", exact, lambda given=given: post.marginals(given, n=DRAWS).marginals)
        if number < case.compared:
            tally.add("alone", exact, lambda given=given: post.marginals(given, n=DRAWS, weighted=False).marginals)
            for name, answer in others.items():
                tally.add(name, exact, partial(answer, given, tally.times["network"][-1]))
        tally.number = number + 1
        if tally.number % TOLD == 0 or tally.number == case.questions:
            write_whole(kept, json.dumps(asdict(tally)).encode())
            yield {
                "variables": len(model.net),
                "seconds": {"network": seconds, **training},
                "steps": case.steps,
                "batch": case.batch,
                "width": case.width,
                "questions": tally.number,
                "compared": min(tally.number, case.compared),
                **tally.sum_up(),
            }


def choose_reference(model: rd.DiscreteNetwork) -> Callable[[Mapping[str, str]], Any]:
    """Return what answers exactly: our own sums, or for large networks the junction tree of pyAgrum."""
    return JunctionTree(model).answer if len(model.net) > LARGE else lambda given: rd.query(model, given).marginals


def build_baselines(model: rd.DiscreteNetwork, case: Case, folder: Path) -> tuple[dict[str, Answer], dict[str, float]]:
    """Return what answers a question in given seconds (without masks: in those it takes), and seconds of training."""
    others: dict[str, Answer] = {
        "likelihood weighting": LikelihoodWeighting(model).answer,
        "loopy propagation": LoopyPropagation(model).answer,
    }
    if not case.blind:
        return others, {}
    with without_masks():
        blind, seconds = train(model, case, folder / "blind")

    def answer(given: Mapping[str, str], _: float) -> Any:
        with without_masks():
            return blind.marginals(given, n=DRAWS, weighted=False).marginals

    return {**others, "without masks": answer}, {"without masks": seconds}
