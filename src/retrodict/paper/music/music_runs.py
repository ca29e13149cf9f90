"""One run: a deep Markov model and an encoder learned from a set of music, and what it is worth."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.errors import OptionError
from retrodict.learn.fit import fit_model
from retrodict.learn.series.learned_series import LearnedSeries
from retrodict.learn.series.series_fit import count_parameters
from retrodict.paper.experiment import Experiment, Fact, Files, Result, require_choice
from retrodict.paper.music.music_figures import draw_music
from retrodict.paper.music.music_page import make_page
from retrodict.paper.music.music_tasks import ENCODERS, SIZES, MusicBudget, Pieces, load_pieces
from retrodict.paper.music.music_units import CURVES, MusicUnit
from retrodict.plan.capacity import Capacity
from retrodict.train.loop import TrainingError
from retrodict.train.series.series_training import SeriesTraining
from retrodict.zoo.music import SETS, load_music

# Steps of what is shown, and of the piece that is made.
SHOWN = 48


def run_unit(
    unit: MusicUnit, budget: MusicBudget, quiet: bool = False, folder: Path | None = None
) -> Result[MusicUnit]:
    """Learn a model with its encoder and measure both; a training that fails is a result too."""
    data, size = load_pieces(unit.set, budget, folder), SIZES[unit.size]
    watch = _EpochClock()
    start = time.perf_counter()
    try:
        learned = fit_model(
            size.make(unit.seed),
            {"x": data.train},
            unit.encoder,
            widths=Capacity(size.capacity),
            epochs=budget.epochs_of(size),
            training=SeriesTraining(
                learning_rate=size.learning_rate,
                annealing=min(size.annealing, budget.epochs_of(size)),
                decay=size.decay,
                patience=budget.epochs_of(size),
                held_out={"x": data.valid},
                watch=watch,
            ),
            seed=unit.seed,
            quiet=quiet,
        )
    except TrainingError as error:
        return Result(unit, {"failed_at": error.step}, _list_curves(error.history))
    seconds = time.perf_counter() - start
    steps = max(1, learned.history.step[0])
    facts: dict[str, Fact] = {
        "failed_at": None,
        "faithful": int(bool(learned.certificate)),
        "minimal": int(learned.certificate.minimal),
        "parents": "; ".join(learned.inverse.list_rows()),
        "in_use": count_parameters(learned.pair.encoder),
        "epochs": len(learned.history.step),
        "best_epoch": len(learned.history.step) - learned.history.epochs_since_best,
        "seconds": seconds,
        "step_seconds": float(np.median(watch.seconds[1:] or watch.seconds)) / steps,
    }
    facts |= _measure(learned, data.test, budget)
    return Result(unit, facts, _list_curves(learned.history), _draw(learned, data.test))


class _EpochClock:
    """Takes the time of each epoch."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.seconds: list[float] = []

    def __call__(self, pair: Any) -> Mapping[str, float]:
        now = time.perf_counter()
        self.seconds.append(now - self._began)
        self._began = now
        return {}


def _measure(learned: LearnedSeries, test: Pieces, budget: MusicBudget) -> dict[str, Fact]:
    """Return negative log-likelihoods a step of test pieces in the three ways of counting, and by filters."""
    data, lengths = {"x": test}, np.array([len(piece) for piece in test])
    bound, weighed = learned.bound(data), learned.log_likelihood(data, budget.weights)
    some = {"x": test[: budget.filtered]}
    few, many = (learned.smc(some, count) for count in (budget.particles, 10 * budget.particles))
    steps = lengths[: budget.filtered].sum()
    share = np.concatenate(few.ess) / budget.particles
    return {
        "bound": float(-bound.sum() / lengths.sum()),
        "bound_of_pieces": float(-(bound / lengths).mean()),
        "weighed": float(-weighed.sum() / lengths.sum()),
        "weighed_of_pieces": float(-(weighed / lengths).mean()),
        "filtered_bound": float(-bound[: budget.filtered].sum() / steps),
        "filtered": float(-few.log_likelihood.sum() / steps),
        "filtered_many": float(-many.log_likelihood.sum() / steps),
        "effective": float(share.mean()),
    }


def _list_curves(history: Any) -> dict[str, list[float]]:
    return {"train": list(history.train), "test": list(history.test)}


def _draw(learned: LearnedSeries, test: Pieces) -> dict[str, list[str]]:
    """Return piano rolls of a piece, of its reconstruction and of a new piece, a row a step."""
    piece = test[0][:SHOWN]
    again = learned.reconstruct({"x": [piece]})[0]["x"]
    made = learned.generate(SHOWN)["x"][0]
    rolls = {"data": piece, "reconstruction": again, "generated": made}
    return {name: [_to_hex(row) for row in np.asarray(roll, float)] for name, roll in rolls.items()}


def _to_hex(row: Any) -> str:
    return np.round(np.clip(row, 0, 1) * 255).astype(np.uint8).tobytes().hex()


@dataclass(frozen=True)
class MusicRequest:
    """Which runs are asked for, and where the music is."""

    sets: Sequence[str]
    encoders: Sequence[str]
    size: str
    seeds: Sequence[int]
    folder: Path | None = None


def plan_units(request: MusicRequest) -> list[MusicUnit]:
    """Return the runs, set by set and seed by seed.

    Raises `OptionError` for what does not exist, and what `load_music` raises, before anything is trained.
    """
    for name in request.sets:
        require_choice("a set of music", name, SETS, "this experiment")
    for encoder in request.encoders:
        require_choice("an encoder", encoder, ENCODERS, "this experiment")
    require_choice("a size", request.size, SIZES, "this experiment")
    if not request.seeds or min(request.seeds) < 0:
        raise OptionError("Each seed must be 0 or more, and there must be one", remedy="See --help.")
    for name in request.sets:
        load_music(name, request.folder)
    return [
        MusicUnit(name, encoder, request.size, seed)
        for name in request.sets
        for seed in request.seeds
        for encoder in ENCODERS
        if encoder in request.encoders
    ]


FILES = Files("music", "retrodict music", version=1, digits=7)
MUSIC = Experiment(FILES, MusicUnit, MusicBudget, CURVES, run_unit, draw_music, make_page)
