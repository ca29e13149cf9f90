"""Learning a program of series and its encoder: what `fit_model` does with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from retrodict.encode.series.named_patterns import find_patterns
from retrodict.encode.series.recurrent import CELLS
from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.encode.series.series_encoder import SeriesEncoder, build_series
from retrodict.encode.series.series_plan import plan_series
from retrodict.encode.trees import list_arrays
from retrodict.errors import OptionError, ProgramError
from retrodict.files.digest import digest
from retrodict.learn.resume import Journal
from retrodict.learn.series.learned_series import LearnedSeries, judge_series
from retrodict.learn.series.series_data import measure_units, read_series, split_series
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.models.series_program import SeriesProgram, require_series
from retrodict.plan.capacity import Capacity
from retrodict.plan.counts import read_count, read_seed
from retrodict.train.devices.many_devices import find_devices
from retrodict.train.loop import Plan, begin, train
from retrodict.train.series.series_batches import SeriesObjective, SeriesSource, choose_spans
from retrodict.train.series.series_bounds import choose_bound, split_bound
from retrodict.train.series.series_pair import SeriesPair
from retrodict.train.series.series_training import SeriesTraining
from retrodict.train.training import Training

USUAL_WIDTHS = 64, 64
MOST_WIDTH = 4096


def fit_series(
    program: SeriesProgram,
    data: Mapping[str, Any],
    order: str | LiftedInverse = "auto",
    *,
    network: str = "gru",
    widths: Sequence[int] | Capacity | None = None,
    objective: str = "elbo",
    epochs: int = 100,
    training: Training | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> LearnedSeries:
    """Return a program of series learned from data with its encoder; see `fit_model`, which calls this.

    Raises what `fit_model` raises.
    """
    seed, epochs = read_seed(seed), read_count("epochs", epochs)
    how = _read_training(training)
    bound = choose_bound(objective, how.draws)
    _require_program(program, objective)
    inverse = find_patterns(program.template, order)
    rows, judged = _divide(program, data, how, seed)
    build_key, learn_key, judge_key = jax.random.split(jax.random.key(seed), 3)
    encoder = build_encoder(program, inverse, rows, network, widths, build_key)
    pair = SeriesPair(program, encoder)
    spans = choose_spans(np.asarray(rows.lengths))
    mean_length = float(np.asarray(rows.lengths).mean())
    plan = _make_plan(len(rows.lengths), epochs, how)
    passing = plan.epoch // how.judge_every
    source = SeriesSource(rows, plan.batch, spans, how.annealing * passing, how.least_weight)
    marks = _mark(pair)
    setting = {"objective": objective, "seed": seed, "data": _digest(rows, judged)} | how.describe()
    journal = _open_journal(how, setting | _describe(pair, inverse), epochs)
    learned, history = train(
        pair,
        SeriesObjective(bound, how.draws, spans, mean_length),
        source,
        plan,
        learn_key,
        learned=marks,
        judge=lambda now: -float(judge_series(now, judge_key, judged, 1).sum() / np.asarray(judged.lengths).sum()),
        watch=how.watch or (lambda _: {}),
        blame=partial(_list_broken, judge_key),
        start=journal.read(begin(pair, plan, marks)) if journal else None,
        keep=journal.keep if journal else lambda _: None,
        title="fit_model",
        quiet=quiet,
        devices=find_devices(),
    )
    return LearnedSeries(learned, inverse, history)


def build_encoder(
    program: SeriesProgram,
    inverse: LiftedInverse,
    rows: SeriesBatch,
    network: str,
    widths: Sequence[int] | Capacity | None,
    key: jax.Array,
) -> SeriesEncoder:
    """Return an untrained encoder of these patterns, in the units of the data."""
    if network not in CELLS:
        raise OptionError(f"network={network!r} does not exist for series", remedy=f"Choose one of {', '.join(CELLS)}.")
    make = partial(
        build_series,
        plan_series(inverse),
        dict(program.columns),
        dict(program.states),
        measure_units(program, rows),
        cell=network,
        key=key,
    )
    if isinstance(widths, Capacity):
        return make(widths=_match(make, widths.parameters))
    chosen = USUAL_WIDTHS if widths is None else tuple(read_count("widths", width) for width in widths)
    if len(chosen) != 2:
        raise OptionError(
            f"widths={tuple(chosen)} are not two numbers", remedy="Give the recurrent and the hidden units."
        )
    return make(widths=chosen)


def count_parameters(encoder: Any) -> int:
    """Return how many numbers are learned of an encoder: all are in use."""
    arrays = jax.tree.leaves(eqx.filter((encoder.recurrences, encoder.readouts), _is_learned))
    return sum(int(np.prod(array.shape)) for array in arrays)


def _is_learned(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) or eqx.is_inexact_array(leaf)


def _match(make: Any, parameters: int) -> tuple[int, int]:
    """Return equal widths whose number of parameters comes nearest to a capacity."""
    low, high = 1, MOST_WIDTH
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _count(make, middle) <= parameters else (low, middle)
    width = min((low, high), key=lambda each: abs(_count(make, each) - parameters))
    return width, width


def _count(make: Any, width: int) -> int:
    return count_parameters(eqx.filter_eval_shape(lambda: make(widths=(width, width))))


def _read_training(training: Training | None) -> SeriesTraining:
    if training is None:
        return SeriesTraining()
    if not isinstance(training, SeriesTraining):
        raise OptionError(
            f"training={type(training).__name__} is not how series are learned", remedy="Give rd.SeriesTraining(...)."
        )
    return training


def _require_program(program: SeriesProgram, objective: str) -> None:
    require_series(program.template)
    if program.states:
        raise OptionError(
            f"the objective {objective!r} differentiates draws, and {', '.join(program.states)} has states",
            remedy="Learn programs whose latents are real.",
        )
    if not list_arrays(program):
        raise ProgramError("the program has no parameters to be learned", remedy="Give it arrays of floating point.")
    broken = [place for place, array in list_arrays(program).items() if not np.isfinite(array).all()]
    if broken:
        raise ProgramError(
            f"the program has parameters that are not finite: {', '.join(broken[:5])}",
            remedy="Look at how the program sets its first values.",
        )


def _divide(
    program: SeriesProgram, data: Mapping[str, Any], how: SeriesTraining, seed: int
) -> tuple[SeriesBatch, SeriesBatch]:
    rows = read_series(program, data)
    if isinstance(how.held_out, Mapping):
        return rows, read_series(program, how.held_out)
    return split_series(rows, how.held_out, seed)


def _make_plan(series: int, epochs: int, how: SeriesTraining) -> Plan:
    plan = Plan.of_epochs(series, epochs, how.batch, how.learning_rate, how.schedule, how.patience)
    if how.decay:
        plan = replace(plan, optimizer=_choose_decaying(how.learning_rate, plan.steps, how.schedule, how.decay))
    return replace(plan, epoch=plan.epoch * how.judge_every)


@lru_cache(maxsize=16)
def _choose_decaying(learning_rate: float, steps: int, schedule: str, decay: float) -> optax.GradientTransformation:
    falls = schedule == "cosine"
    rate = optax.cosine_decay_schedule(learning_rate, steps) if falls else optax.constant_schedule(learning_rate)
    return optax.flatten(optax.chain(optax.clip_by_global_norm(10.0), optax.adamw(rate, weight_decay=decay)))


def _mark(pair: SeriesPair) -> Any:
    """Return what is learned as truth values: floating-point arrays, except the units of data."""
    marks = jax.tree.map(eqx.is_inexact_array, pair)
    units = jax.tree.map(lambda _: False, marks.encoder.units)
    return eqx.tree_at(lambda whole: whole.encoder.units, marks, units)


def _list_broken(key: jax.Array, pair: SeriesPair, given: Any) -> tuple[str, ...]:
    parts = eqx.filter_jit(split_bound)(pair, key, given.batch, 1)
    return tuple(name for name, values in parts.items() if not bool(jnp.isfinite(values).all()))


def _digest(rows: SeriesBatch, judged: SeriesBatch) -> str:
    return digest(*map(np.asarray, jax.tree.leaves((rows, judged))))


def _open_journal(how: SeriesTraining, setup: Mapping[str, Any], epochs: int) -> Journal | None:
    if how.folder is None:
        return None
    journal = Journal(Path(how.folder), setup, epochs)
    journal.prepare()
    return journal


def _describe(pair: SeriesPair, inverse: LiftedInverse) -> dict[str, Any]:
    """Return what is learned, in values that JSON can hold."""
    return {
        "template": str(inverse.template),
        "patterns": list(inverse.list_rows()),
        "start": digest(*map(np.asarray, jax.tree.leaves(eqx.filter(pair, eqx.is_inexact_array)))),
    }
