"""The cases: who takes turns at which work, how often. Each takes under three minutes of two cores."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed.images import read_digits
from benchmarks.speed.problem import make_problem
from benchmarks.speed.turns import Worker, summarize, take_turns

HYBRID = "zuko with our linear map"  # a network that no peer comes with
Answers = dict[str, Any]
Contestants = dict[str, tuple[str, Mapping[str, Any]]]  # by title: name and arguments
TARGET = 0.03  # nats a latent
LEARNED_BATCH = 128
TREES = tuple(f"tree:{depth}" for depth in range(4, 13))
CHAINS = tuple(f"hmm:{steps}" for steps in (100, 316, 1000, 3162, 10_000))


@dataclass(frozen=True)
class Size:
    """How much is done: the whole benchmark, or a smoke test of it."""

    tree: str = "tree:8"
    reached: str = "tree:5"
    batch: int = 256
    large_batch: int = 1024
    draws: int = 10_000
    rounds: int = 5
    limit: float = 90.0  # seconds a turn may take
    growth: float = 170.0  # seconds that one case of growth may take
    peers: bool = True
    latents: int = 30
    hidden: int = 200
    capacity: int = 40_000
    epochs: int = 30


WHOLE = Size()
SMOKE = Size(
    "tree:3",
    "tree:3",
    batch=16,
    large_batch=32,
    draws=100,
    rounds=1,
    growth=100.0,
    peers=False,
    latents=2,
    hidden=8,
    capacity=500,
    epochs=2,
)


@contextmanager
def _stored(source: str, units: int, batch: int) -> Iterator[tuple[Answers, str]]:
    """Make a problem and keep it in a file while its contestants run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        problem = make_problem(source, units, batch)
        problem.save(path)
        facts = {"source": source, "units": units, "batch": batch, "widths": problem.widths, "edges": problem.edges}
        yield {**facts, "latents": problem.latents}, str(path)


def _compete(contestants: Mapping[str, tuple[str, Mapping[str, Any]]], rounds: int, limit: float) -> Answers:
    """Let contestants, each a name of `contestants` with its arguments, take turns."""
    with ExitStack() as stack:
        workers = {
            title: stack.enter_context(Worker(name, limit, arguments))
            for title, (name, arguments) in contestants.items()
        }
        return take_turns(workers, rounds)


def train(units: int, size: Size) -> Answers:
    """Time a training step; simulating is left out for all, and in once for us."""
    with _stored(size.tree, units, size.batch) as (facts, problem):
        given = {"problem": problem, "units": units}
        slow = 25 if units <= 8 else 5
        peers: Contestants = {
            "zuko, eager": ("train zuko", {"problem": problem, "compiled": False, "steps": slow}),
            "zuko, torch.compile": ("train zuko", {"problem": problem, "compiled": True, "steps": slow}),
        }
        ours: Contestants = {
            "ours": ("train ours", {**given, "dense": False, "simulate": False, "steps": 200}),
            "ours, simulating": ("train ours", {**given, "dense": False, "simulate": True, "steps": 200}),
            "ours, dense": ("train ours", {**given, "dense": True, "simulate": False, "steps": slow}),
        }
        return {**facts, "seconds": _compete({**ours, **(peers if size.peers else {})}, size.rounds, size.limit)}


def sample(units: int, size: Size) -> Answers:
    """Time draws from the posterior given one observation."""
    with _stored(size.tree, units, size.batch) as (facts, problem):
        given = {"problem": problem, "draws": size.draws}
        contestants: Contestants = {
            "ours": ("sample ours", {**given, "units": units}),
            "ours, whole evaluations": (
                "sample ours by whole evaluations",
                {**given, "units": units, "dense": False},
            ),
            "ours, whole dense evaluations": (
                "sample ours by whole evaluations",
                {**given, "units": units, "dense": True},
            ),
        }
        if size.peers:
            contestants["zuko MAF"] = ("sample zuko", given)
        rounds = size.rounds if units <= 8 else min(3, size.rounds)  # dense passes take ten seconds there
        return {**facts, "draws": size.draws, "seconds": _compete(contestants, rounds, size.limit)}


def limit(units: int, size: Size) -> Answers:
    """Hold training steps against the rate of a large matrix product."""
    from benchmarks.speed.multiply_adds import count_weights
    from retrodict import invert, zoo
    from retrodict.plan.dependencies import Dependencies
    from retrodict.plan.unit_groups import UnitGroups

    with ExitStack() as stack:
        contestants: Contestants = {"product, jax": ("multiply with jax", {})}
        if size.peers:
            contestants["product, torch"] = ("multiply with torch", {})
        steps = {}
        for batch in (size.batch, size.large_batch):
            # Only the data are shared, so the problem may have few units: dense layers of many would not fit.
            facts, problem = stack.enter_context(_stored(size.tree, min(units, 8), batch))
            options = {"units": units, "dense": False, "simulate": False, "steps": 25 if units <= 32 else 5}
            contestants[f"step, {batch}"] = ("train ours", {"problem": problem, **options})
            widths = tuple(width // min(units, 8) * units for width in facts["widths"])
            facts = {**facts, "units": units, "widths": widths}
            groups = UnitGroups.of(Dependencies.of(invert(zoo.find(size.tree))), widths)
            steps[batch] = count_weights(groups, 2, skip=True).step(batch)
        seconds = _compete(contestants, size.rounds, size.limit)
    best = max(1 / row["seconds"] for title, row in seconds.items() if title.startswith("product") and "seconds" in row)
    achieved = {
        str(batch): count / seconds[f"step, {batch}"]["seconds"] / best
        for batch, count in steps.items()
        if "seconds" in seconds[f"step, {batch}"]
    }
    counts = {str(batch): count for batch, count in steps.items()}
    return {**facts, "multiply_adds": counts, "rate": best, "achieved": achieved, "seconds": seconds}


# By title, the options of `amortize`.
OURS: Mapping[str, Mapping[str, Any]] = {
    "ours": {},
    "ours, encoder untrained": {"exact": False, "steps": 0},
    "ours, encoder trained": {"exact": False},
}


def reach(peer: str, size: Size, source: str | None = None) -> Answers:
    """Time training until the distance from the exact posterior is small; whole trainings take turns."""
    with _stored(source or size.reached, 8, size.batch) as (facts, problem):
        given = {"problem": problem, "target": TARGET}
        ours: Contestants = {title: ("reach ours", {**given, "options": options}) for title, options in OURS.items()}
        if not size.peers:
            return {**facts, "target": TARGET, "reached": _race(ours, {}, size, 1)}
        return {**facts, "target": TARGET, "reached": _race(ours, PEERS[peer](given), size, 3)}


def _race(ours: Mapping[str, Any], peers: Mapping[str, Any], size: Size, seeds: int) -> Answers:
    """Train us with some seeds; try every peer at every rate once, and the soonest rate with as many seeds."""
    with ExitStack() as stack:
        workers = {
            title: stack.enter_context(Worker(name, 2 * size.limit, arguments))
            for title, (name, arguments) in {**ours, **peers}.items()
        }
        answers = {title: [worker.turn()] for title, worker in workers.items()}
        kinds = {title: title.split(",")[0] for title in peers}
        best = [_soonest(answers, [t for t in peers if kinds[t] == kind]) for kind in dict.fromkeys(kinds.values())]
        repeated = [*ours, *itertools.chain(*best)]
        for _ in range(seeds - 1):
            for title in repeated:
                if "failed" not in answers[title][-1]:
                    time.sleep(0.3)
                    answers[title].append(workers[title].turn())
    return {title: _describe(rows) for title, rows in answers.items()}


def _soonest(answers: Mapping[str, list[Answers]], titles: Iterable[str]) -> list[str]:
    """Return which of these came first in the first round, if any did."""
    reached = {title: answers[title][0]["seconds"] for title in titles if answers[title][0].get("reached")}
    return [min(reached, key=lambda title: reached[title])] if reached else []


def _describe(rows: list[Answers]) -> Answers:
    """Return medians over seeds of what was reached, or the best that was got."""
    failed = [row["failed"] for row in rows if "failed" in row]
    if failed:
        return {"failed": failed[0]}
    numbers = ("seconds", "without_compiling", "best", "steps", "epochs")
    middle = {key: median(row[key] for row in rows) for key in numbers if key in rows[0]}
    came = sum(row["reached"] for row in rows)
    return {**middle, "reached": came == len(rows), "seeds": len(rows), "seeds_that_reached": came}


def _zuko(given: Mapping[str, Any]) -> Mapping[str, Any]:
    options = {**given, "limit": 25.0, "steps": 5000}
    return {
        f"{title}, rate {rate}": ("reach zuko", {**options, "rate": rate, "skip": skip})
        for title, skip in (("zuko", False), (HYBRID, True))
        for rate in (1e-3, 3e-3, 1e-2)
    }


def _sbi(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        f"sbi NPE, {simulations:,} simulations": ("reach sbi", {**given, "simulations": simulations, "limit": 70.0})
        for simulations in (20_000, 100_000)
    }


def _bayesflow(given: Mapping[str, Any]) -> Mapping[str, Any]:
    options = {**given, "limit": 45.0, "batch": 256, "epochs": 100}
    return {f"bayesflow, rate {rate}": ("reach bayesflow", {**options, "rate": rate}) for rate in (5e-4, 2e-3, 5e-3)}


PEERS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "zuko": _zuko,
    "sbi": _sbi,
    "bayesflow": _bayesflow,
}


def grow(source: str, size: Size) -> Answers:
    """Time all stages for one model, stopped when its time is over: what was measured until then is kept."""
    stages: dict[str, list[Answers]] = {}
    facts: Answers = {}
    arguments = {"source": source, "batch": size.batch, "draws": 1000, "repeats": 1 if size is SMOKE else 4}
    end = time.monotonic() + size.growth
    with Worker("grow", size.growth, arguments) as worker:
        while True:
            answer = worker.turn(max(0.1, end - time.monotonic()))
            if "failed" in answer:
                facts["failed"] = f"{answer['failed']} ({size.growth:.0f} s in all)"
                break
            stage = answer.pop("stage")
            if stage == "end":
                break
            facts |= {key: answer.pop(key) for key in ("edges", "latents", "depth", "megabytes") if key in answer}
            stages.setdefault(stage, []).append(answer)
    times = {stage: answers[0]["seconds"] for stage, answers in stages.items() if stage in ("invert", "build")}
    for stage in ("train", "draw"):
        if len(stages.get(stage, ())) > 1:
            summary = summarize(stages[stage])
            times |= {stage: summary["seconds"], f"compile {stage}": summary["first"]}
        elif stage in stages:
            times[f"compile {stage}"] = stages[stage][0]["seconds"]
    return {"source": source, **facts, "seconds": times}


def learn(structure: str, size: Size) -> Answers:
    """Time epochs in which a generative model and an encoder of this structure are learned from images."""
    task = {name: getattr(size, name) for name in ("latents", "hidden", "capacity")}
    task |= {"batch": LEARNED_BATCH, "first": size.epochs, "draws": 16}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        images = read_digits()
        images.save(path)
        given = {"images": str(path), "task": task}
        contestants: Contestants = {
            title: (
                "learn ours",
                {**given, "encoder": structure, "judging": judging, "epochs": max(1, size.epochs // 3)},
            )
            for title, judging in (("ours", False), ("ours, judging", True))
        }
        if size.peers:
            contestants |= {
                title: ("learn pyro", {**given, "encoder": kind, "library": library, "epochs": epochs})
                for title, kind, library, epochs in LEARNERS[structure]
            }
        steps = len(images.train) // LEARNED_BATCH
        facts = {**task, "steps": steps, "images": steps * LEARNED_BATCH, "judged": len(images.test)}
        return {**facts, "seconds": _compete(contestants, size.rounds, 2 * size.limit)}


# By structure: title, encoder, library, epochs a turn.
LEARNERS = {
    "mean-field": (
        ("Pyro", "mean-field", "pyro", 10),
        ("PyTorch alone", "mean-field", "torch", 10),
        ("PyTorch alone, torch.compile", "mean-field", "torch.compile", 10),
    ),
    "auto": (
        ("Pyro", "masked", "pyro", 2),
        ("PyTorch alone", "masked", "torch", 2),
        ("Pyro, inverse flow", "inverse", "pyro", 10),
        ("PyTorch alone, inverse flow", "inverse", "torch", 10),
    ),
}


CASES: dict[str, Callable[[Size], Answers]] = {
    "train-8": lambda size: train(8, size),
    "train-32": lambda size: train(32, size),
    "sample-8": lambda size: sample(8, size),
    "sample-32": lambda size: sample(32, size),
    "limit-8": lambda size: limit(8, size),
    "limit-32": lambda size: limit(32, size),
    "limit-200": lambda size: limit(200, size),
    **{f"reach-{peer}": (lambda size, peer=peer: reach(peer, size)) for peer in PEERS},
    "reach-zuko, depth 8": lambda size: reach("zuko", size, size.tree),
    "learn-mean-field": lambda size: learn("mean-field", size),
    "learn-faithful": lambda size: learn("auto", size),
    **{f"grow-{source}": (lambda size, source=source: grow(source, size)) for source in (*TREES, *CHAINS)},
}
