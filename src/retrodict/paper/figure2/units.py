"""One run of figure 2: an encoder of a capacity, at a depth, from a seed. Trained, watched and judged."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np

from retrodict import zoo
from retrodict.encode.build import count_parameters, count_stored
from retrodict.encode.encoder import Encoder
from retrodict.paper.experiment import Fact, Result
from retrodict.paper.figure2.entries import Contestant, TreeBudget, enter
from retrodict.paper.yardstick import JUDGED_DRAWS, Yardstick, watch_both
from retrodict.posterior.training.model_training import Keys
from retrodict.train.inference import fit
from retrodict.train.loop import History, Plan, TrainingError

CURVES = ("step", "simulations", "kl", "log_posterior", "train", "test")


@dataclass(frozen=True, order=True)
class TreeUnit:
    """What is run, stored and resumed as a whole; ``width`` is 0 for the library's default, which has its own.

    Facts: ``strategy``, ``edges`` and ``levels`` (the depth of sampling) of the inverse, ``latents``; ``in_use`` and
    ``stored`` parameters; ``entropy`` of the posterior and ``floor`` of the structure, in closed form; ``kl`` with
    ``kl_error`` over 20,000 fresh joint draws, None when training failed, at step ``failed_at``; ``first_fall`` and
    ``second_fall``, the steps after which the learning rate was divided by ten, None where it was not; ``batch``;
    ``seconds`` of training with compilation, without measuring.
    """

    depth: int
    encoder: str
    width: int
    seed: int

    @property
    def name(self) -> str:
        """A name for files and people."""
        return f"depth{self.depth}-{self.encoder}-width{self.width}-seed{self.seed}"


class _Stopwatch:
    """Measures what is watched, and how long that takes."""

    def __init__(self, contestant: Contestant, yardstick: Yardstick, seed: int) -> None:
        self._watch = watch_both(contestant.model, yardstick, contestant.inverse, seed)
        self.seconds = 0.0

    def __call__(self, encoder: Encoder) -> Mapping[str, float]:
        start = time.perf_counter()
        watched = self._watch(encoder)
        self.seconds += time.perf_counter() - start
        return watched


def run_unit(unit: TreeUnit, budget: TreeBudget, quiet: bool = False) -> Result[TreeUnit]:
    """Train an encoder and measure it; a training that fails is a result too."""
    contestant = enter(zoo.binary_tree(unit.depth), unit.encoder, unit.width)
    yardstick = Yardstick.of(contestant.model, contestant.inverse)
    encoder = contestant.start(unit.seed)
    watch = _Stopwatch(contestant, yardstick, unit.seed)
    plan = contestant.plan(budget)
    start = time.perf_counter()
    history, trained, failed_at = _train(unit, contestant, encoder, plan, watch, quiet)
    seconds = time.perf_counter() - start - watch.seconds
    kl, error = _judge(yardstick, contestant, trained, unit.seed) if trained else (math.nan, math.nan)
    first_fall, second_fall = find_falls(history)
    facts = _describe(yardstick, contestant, encoder) | {
        "first_fall": first_fall,
        "second_fall": second_fall,
        "batch": plan.batch,
        "kl": kl if math.isfinite(kl) else None,
        "kl_error": error if math.isfinite(error) else None,
        "failed_at": failed_at,
        "seconds": seconds,
    }
    return Result(unit, facts, _list_curves(history, plan.batch))


def _train(
    unit: TreeUnit, contestant: Contestant, encoder: Encoder, plan: Plan, watch: _Stopwatch, quiet: bool
) -> tuple[History, Encoder | None, int | None]:
    """Return how training went, the trained encoder, and the step at which it failed; one of the two is None."""
    source, key, names = contestant.simulate(), Keys.of(unit.seed).fit, contestant.model.net.latents
    try:
        trained, history = fit(encoder, source, plan, key, watch=watch, names=names, title=unit.name, quiet=quiet)
    except TrainingError as error:
        return error.history, None, error.step
    return history, trained, None


def _judge(yardstick: Yardstick, contestant: Contestant, encoder: Encoder, seed: int) -> tuple[float, float]:
    """Return the KL from the exact posterior over fresh joint draws, and its standard error."""
    key = jax.random.key(seed + 2_000_003)
    latents, observed = map(np.asarray, contestant.simulate()(key, JUDGED_DRAWS))
    return yardstick.measure(encoder, latents, observed)


def _describe(yardstick: Yardstick, contestant: Contestant, encoder: Encoder) -> dict[str, Fact]:
    inverse = contestant.inverse
    return {
        "strategy": inverse.strategy,
        "edges": inverse.n_edges,
        "levels": inverse.depth,
        "latents": len(inverse.net.latents),
        "in_use": count_parameters(encoder),
        "stored": count_stored(encoder),
        "entropy": yardstick.exact.entropy(),
        "floor": yardstick.floor,
    }


def find_falls(history: History) -> tuple[int | None, int | None]:
    """Return the steps after which the learning rate was divided by ten for the first and for the second time.

    >>> watched = tuple({"rate": rate} for rate in (1.0, 0.1, 0.1, 0.01))
    >>> find_falls(History(step=(25, 50, 75, 100), watched=watched))
    (50, 100)
    """
    rates = [watched.get("rate", 1.0) for watched in history.watched]
    falls = [
        next((step for step, rate in zip(history.step, rates, strict=True) if rate < most), None)
        for most in (0.5, 0.05)
    ]
    return falls[0], falls[1]


def _list_curves(history: History, batch: int) -> dict[str, list[float]]:
    watched = {name: [at[name] for at in history.watched] for name in ("kl", "log_posterior")}
    steps: dict[str, list[float]] = {
        "step": [float(step) for step in history.step],
        "simulations": [float(step * batch) for step in history.step],
    }
    return steps | watched | {"train": list(history.train), "test": list(history.test)}
