"""Learning from data: towards the likelihood, early stopping, the same end after a stop, failures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from retrodict.errors import FileError
from retrodict.learn.resume import FILE, Journal
from retrodict.train.learning import Estimate, estimate, evaluate, judge_by, mark_encoder, mark_learned
from retrodict.train.loop import Plan, TrainingError, begin, train
from retrodict.train.objectives.named import OBJECTIVES, LearningObjective
from retrodict.train.source import ShuffledRows
from retrodict.train.temperature import Tempered
from tests.train.factor_analysis import build_factor_analysis

KEY = jax.random.key(5)


ADAM = optax.adam(1e-2)


def plan_epochs(rows, epochs=4, batch=32, patience=None, optimizer=ADAM):
    return replace(Plan.of_epochs(len(rows), epochs, batch, 1e-2, patience=patience), optimizer=optimizer)


def learn(pair, rows, judged, plan, objective=OBJECTIVES["elbo"], marks=mark_learned, **options):
    judge_key, train_key = jax.random.split(KEY)
    source = Tempered(ShuffledRows(rows, plan.batch), plan.epoch)
    judge = judge_by(judged, judge_key)
    return train(
        pair, Estimate(objective), source, plan, train_key, learned=marks(pair), judge=judge, quiet=True, **options
    )


@cache
def start(seed=0):
    return build_factor_analysis(2, 3, jax.random.key(seed))


TRUTH = 7


@cache
def draw(n, seed=1):
    generator = start(TRUTH).generator
    return jax.jit(lambda key: generator.draw(key, n)[1])(jax.random.key(seed))


@eqx.filter_jit
def score(pair, rows):
    return pair.generator.log_likelihood(rows)


def list_arrays(pair):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(pair, eqx.is_inexact_array))]


def test_the_likelihood_rises_and_the_bound_follows():
    pair, rows = start(), draw(1000)
    plan = plan_epochs(rows, epochs=60, batch=128)
    learned, history = learn(pair, rows, draw(500, seed=2), plan)
    exact = float(score(learned, rows).mean())
    assert exact > float(score(pair, rows).mean()) + 0.5
    assert exact > float(score(start(TRUTH), rows).mean()) - 0.03
    assert abs(float(evaluate(learned, KEY, rows, 50).mean()) - exact) < 0.03
    some = rows[:700]
    assert abs(float(estimate(learned, KEY, some, 50).mean() - score(learned, some).mean())) < 0.02
    assert min(history.test) < history.test[0] - 0.5


def test_units_of_columns_are_not_learned():
    pair, rows = start(), draw(64)
    learned, _ = learn(pair, rows, draw(20), plan_epochs(rows))
    np.testing.assert_array_equal(learned.encoder.scaling.center, pair.encoder.scaling.center)
    before, after = (eqx.filter(one, mark_learned(pair)) for one in (pair, learned))
    assert before.encoder.scaling.center is None
    assert not any(np.array_equal(a, b) for a, b in zip(list_arrays(before), list_arrays(after), strict=True))


def test_the_encoder_alone_can_be_learned():
    pair, rows = start(), draw(64)
    learned, _ = learn(pair, rows, draw(20), plan_epochs(rows), marks=mark_encoder)
    for one, other in zip(list_arrays(learned.generator), list_arrays(pair.generator), strict=True):
        np.testing.assert_array_equal(one, other)
    moved = zip(list_arrays(learned.encoder.network), list_arrays(pair.encoder.network), strict=True)
    assert not any(np.array_equal(one, other) for one, other in moved)


def test_a_run_that_was_stopped_goes_on_to_the_same_end(tmp_path: Path):
    pair, rows, judged = start(), draw(200), draw(50)
    plan = plan_epochs(rows)
    whole, history = learn(pair, rows, judged, plan)
    journal = Journal(tmp_path, {"data": "these"}, 4)
    journal.prepare()

    def stop(moment):
        journal.keep(moment)
        if len(moment.history.step) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        learn(pair, rows, judged, plan, keep=stop)
    kept = journal.read(begin(start(seed=3), plan, mark_learned(pair)))  # what it begins with does not matter
    assert kept is not None
    assert len(kept.history.step) == 2
    resumed, later = learn(pair, rows, judged, plan, start=kept)
    assert later == history
    for one, other in zip(list_arrays(whole), list_arrays(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_of_something_else_is_refused(tmp_path: Path):
    plan = plan_epochs(draw(200))
    journal, untrained = Journal(tmp_path, {"batch": 32, "seed": 0}, 4), begin(start(), plan)
    assert journal.read(untrained) is None
    journal.keep(untrained)
    with pytest.raises(FileError, match="another run: it has batch 32 and not 16"):
        Journal(tmp_path, {"batch": 16, "seed": 0}, 4).read(untrained)
    with pytest.raises(FileError, match="built differently"):
        journal.read(begin(build_factor_analysis(3, 3, KEY), plan))
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(FileError, match="no file of retrodict"):
        journal.read(untrained)
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written"):
        Journal(tmp_path / "file", {}, 4).prepare()


def test_patience_ends_early_and_keeps_the_best():
    rows = draw(200)
    plan = plan_epochs(rows, epochs=200, batch=128, patience=2, optimizer=optax.adam(0.05))
    watched = []

    def watch(pair):
        watched.append(list_arrays(pair))
        return {"epochs": float(len(watched))}

    learned, history = learn(start(), rows, -3 * rows, plan, watch=watch)
    assert history.epochs_since_best == 2
    assert history.watched[-1] == {"epochs": float(len(history.test))}
    for one, other in zip(list_arrays(learned), watched[-3], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_that_breaks_leaves_the_last_good_parameters():
    def break_later(pair, key, rows, draws):
        loss = OBJECTIVES["elbo"].function(pair, key, rows, draws)
        return jnp.where(pair.generator.bias[0] > 0.015, jnp.nan, loss)  # from the second step on

    rows = draw(100) + 5.0
    plan = plan_epochs(rows, epochs=3, batch=50, optimizer=optax.sgd(0.01))
    seen = []

    def blame(pair, batch):
        seen.append(batch.rows)
        return ("x",)

    with pytest.raises(TrainingError, match=r"not finite at step 1[.,]") as caught:
        learn(start(), rows, rows, plan, LearningObjective("breaking", break_later), blame=blame)
    assert caught.value.variables == ("x",)
    np.testing.assert_array_equal(seen, [ShuffledRows(rows, 50)(jax.random.split(KEY)[1], 1)])
    assert float(caught.value.trained.generator.bias[0]) > 0.015
    assert caught.value.history.step == ()
