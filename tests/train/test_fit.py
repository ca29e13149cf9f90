"""Inference compilation: it learns, can be repeated bit by bit, and stops where numbers cease to be finite."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from retrodict import zoo
from retrodict.encode.build import build_encoder
from retrodict.errors import OptionError
from retrodict.invert import invert
from retrodict.posterior.sharing import share
from retrodict.train.inference import fit
from retrodict.train.loop import Plan, TrainingError
from retrodict.train.objectives.cross_entropy import cross_entropy
from retrodict.train.steps import average

MODEL = zoo.binary_tree(3)
INVERSE = invert(MODEL)
SIMULATE = share(MODEL, INVERSE).simulate_codes
PLAN = Plan(steps=60, batch=16, epoch=25, optimizer=optax.adam(1e-3))
SHORT = Plan(steps=12, batch=16, epoch=5, optimizer=optax.adam(1e-3))


def train(plan=PLAN, simulate=SIMULATE, seed=1, **options):
    encoder = build_encoder(INVERSE, jax.random.key(0), widths=(16, 16))
    return fit(encoder, simulate, plan, jax.random.key(seed), quiet=True, **options)


def numbers_of(encoder) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(encoder, eqx.is_inexact_array))]


def all_equal(first, second) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(numbers_of(first), numbers_of(second), strict=True))


def test_the_same_seed_gives_the_same_bits():
    first, again, other = (train(SHORT, seed=seed) for seed in (1, 1, 2))
    assert all_equal(first[0], again[0])
    assert first[1] == again[1]
    assert not all_equal(first[0], other[0])


def test_epochs_are_recorded_and_the_last_one_may_be_short():
    _, history = train(watch=lambda encoder: {"one": 1.0})
    assert history.step == (25, 50, 60)
    assert [watched["one"] for watched in history.watched] == [1.0, 1.0, 1.0]
    assert np.isfinite(history.train + history.test).all()


def test_the_compiled_epoch_takes_the_steps_that_a_plain_loop_takes():
    plan = SHORT
    encoder = build_encoder(INVERSE, jax.random.key(0), widths=(16, 16))
    key = jax.random.split(jax.random.key(1))[0]

    @eqx.filter_jit
    def advance(encoder, state, step):
        batch = SIMULATE(jax.random.fold_in(key, step), plan.batch)
        updates, state = plan.optimizer.update(eqx.filter_grad(cross_entropy)(encoder, *batch), state)
        return eqx.apply_updates(encoder, updates), state

    state = plan.optimizer.init(eqx.filter(encoder, eqx.is_inexact_array))
    for step in range(plan.steps):
        encoder, state = advance(encoder, state, jax.numpy.array(step))
    for ours, plain in zip(numbers_of(train(plan)[0]), numbers_of(encoder), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rows", [64, 128, 200, 230])
def test_a_minibatch_in_pieces_has_the_gradient_of_the_whole(rows):
    encoder = build_encoder(INVERSE, jax.random.key(0), widths=(16, 16))
    batch = SIMULATE(jax.random.key(1), rows)

    @eqx.filter_jit
    def differentiate(encoder, batch, piece):
        return average(lambda rows: eqx.filter_value_and_grad(cross_entropy)(encoder, *rows), batch, piece)

    whole, pieces = differentiate(encoder, batch, None), differentiate(encoder, batch, 64)
    for ours, plain in zip(numbers_of(pieces), numbers_of(whole), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-5)


def test_without_progress_training_stops_and_keeps_the_best():
    """A learning rate that after 75 steps begins to destroy what was learned."""
    schedule = optax.piecewise_constant_schedule(1e-2, {75: 100.0})
    plan = Plan(steps=500, batch=32, patience=51, optimizer=optax.adam(schedule))
    stopped, history = train(plan)
    assert len(history.step) < 20
    assert history.epochs_since_best == 3  # 51 steps are more than two epochs of 25
    held_out = SIMULATE(jax.random.split(jax.random.key(1))[1], plan.held_out)
    assert float(eqx.filter_jit(cross_entropy)(stopped, *held_out)) == pytest.approx(min(history.test), rel=1e-4)


def test_scaling_is_not_trained():
    before = build_encoder(INVERSE, jax.random.key(0), widths=(16, 16)).scaling
    after = train(SHORT)[0].scaling
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def poison(at_value: float):
    """Simulations whose first latent becomes NaN in all rows once the batch holds a value above a bound."""

    def simulate(key, n):
        latents, observed = SIMULATE(key, n)
        bad = jnp.where(observed.max() > at_value, jnp.nan, 0.0)
        return latents.at[:, 0].add(bad), observed

    return simulate


def test_a_number_that_is_not_finite_stops_training_and_keeps_the_last_good_parameters():
    with pytest.raises(
        TrainingError, match=r"not finite at step \d+, where the density of 'x0', 'x1', 'x2' is not finite\."
    ) as caught:
        train(simulate=poison(6.0), names=("x0", "x1", "x2"))
    error = caught.value
    assert all(np.isfinite(leaf).all() for leaf in numbers_of(error.trained))
    shorter = Plan(steps=error.step, batch=16, epoch=25, optimizer=optax.adam(1e-3))
    assert 0 < error.step < PLAN.steps
    assert all_equal(error.trained, train(plan=shorter, simulate=poison(6.0))[0])
    assert error.history.step == tuple(step for step in (25, 50) if step <= error.step)


def test_an_exploding_learning_rate_is_noticed():
    with pytest.raises(TrainingError, match="Lower the learning rate"):
        train(plan=Plan(steps=200, batch=16, optimizer=optax.sgd(1e30)))


@pytest.mark.parametrize("option", ["steps", "batch", "epoch", "patience", "piece"])
def test_a_plan_without_work_is_refused(option):
    with pytest.raises(OptionError, match=f"{option}=0 is too small"):
        Plan(**{option: 0})
