"""The loop that learns from data: towards the likelihood, early stopping, the same end after a stop, failures."""

from __future__ import annotations

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
from retrodict.train.factor_analysis import build_factor_analysis
from retrodict.train.learning import LearningError, LearningPlan, begin, divide, estimate, evaluate, learn
from retrodict.train.objectives.named import OBJECTIVES, Objective

PLAN = LearningPlan(OBJECTIVES["elbo"], epochs=4, batch=32, optimizer=optax.adam(1e-2))
KEY = jax.random.key(5)


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
    plan = LearningPlan(OBJECTIVES["elbo"], epochs=60, optimizer=optax.adam(1e-2))
    learned, history = learn(pair, rows, draw(500, seed=2), plan, KEY, quiet=True)
    exact = float(score(learned, rows).mean())
    assert exact > float(score(pair, rows).mean()) + 0.5
    assert exact > float(score(start(TRUTH), rows).mean()) - 0.03
    assert abs(float(evaluate(learned, KEY, rows, 50).mean()) - exact) < 0.03
    some = rows[:700]
    assert abs(float(estimate(learned, KEY, some, 50).mean() - score(learned, some).mean())) < 0.02
    assert min(history.test) < history.test[0] - 0.5


def test_units_of_columns_are_not_learned():
    pair = start()
    learned, _ = learn(pair, draw(64), draw(20), PLAN, KEY, quiet=True)
    np.testing.assert_array_equal(learned.encoder.scaling.center, pair.encoder.scaling.center)
    parameters, _ = divide(pair)
    assert parameters.encoder.scaling.center is None
    assert not any(
        np.array_equal(a, b) for a, b in zip(list_arrays(parameters), list_arrays(divide(learned)[0]), strict=True)
    )


def test_a_run_that_was_stopped_goes_on_to_the_same_end(tmp_path: Path):
    pair, rows, judged = start(), draw(200), draw(50)
    whole, history = learn(pair, rows, judged, PLAN, KEY, quiet=True)
    journal = Journal(tmp_path, {"data": "these"}, PLAN.epochs)
    journal.prepare()

    def stop(moment):
        journal.keep(moment)
        if len(moment.history.step) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        learn(pair, rows, judged, PLAN, KEY, keep=stop, quiet=True)
    kept = journal.read(begin(start(seed=3), PLAN))  # what it begins with does not matter
    assert kept is not None
    assert len(kept.history.step) == 2
    resumed, later = learn(pair, rows, judged, PLAN, KEY, start=kept, quiet=True)
    assert later == history
    for one, other in zip(list_arrays(whole), list_arrays(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_of_something_else_is_refused(tmp_path: Path):
    journal, untrained = Journal(tmp_path, {"batch": 32, "seed": 0}, PLAN.epochs), begin(start(), PLAN)
    assert journal.read(untrained) is None
    journal.keep(untrained)
    with pytest.raises(FileError, match="another run: it has batch 32 and not 16"):
        Journal(tmp_path, {"batch": 16, "seed": 0}, PLAN.epochs).read(untrained)
    with pytest.raises(FileError, match="built differently"):
        journal.read(begin(build_factor_analysis(3, 3, KEY), PLAN))
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(FileError, match="no file of retrodict"):
        journal.read(untrained)
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written"):
        Journal(tmp_path / "file", {}, PLAN.epochs).prepare()


def test_patience_ends_early_and_keeps_the_best():
    rows = draw(200)
    plan = LearningPlan(OBJECTIVES["elbo"], epochs=200, patience=2, optimizer=optax.adam(0.05))
    watched = []

    def watch(pair):
        watched.append(list_arrays(pair))
        return {"epochs": float(len(watched))}

    learned, history = learn(start(), rows, -3 * rows, plan, KEY, watch=watch, quiet=True)
    assert history.epochs_since_best == 2
    assert history.watched[-1] == {"epochs": float(len(history.test))}
    for one, other in zip(list_arrays(learned), watched[-3], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_that_breaks_leaves_the_last_good_parameters():
    def break_later(pair, key, rows, draws):
        loss = OBJECTIVES["elbo"].function(pair, key, rows, draws)
        return jnp.where(pair.generator.bias[0] > 0.015, jnp.nan, loss)  # from the second step on

    plan = LearningPlan(Objective("breaking", break_later), epochs=3, batch=50, optimizer=optax.sgd(0.01))
    rows = draw(100) + 5.0
    with pytest.raises(LearningError, match="not finite at step 1") as caught:
        learn(start(), rows, rows, plan, KEY, blame=lambda *_: ("x",), quiet=True)
    assert caught.value.variables == ("x",)
    assert float(caught.value.pair.generator.bias[0]) > 0.015
    assert caught.value.history.step == ()
