"""The pace of training: a rule on the history, the rate that an optimizer follows, and a start that is never lost."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from retrodict import amortize, zoo
from retrodict.train.history import History
from retrodict.train.loop import Judged, Plan, train
from retrodict.train.optimizers import WARMUP, choose_paced
from retrodict.train.pace import Pace, follow_pace, set_rate
from retrodict.train.source import Fixed


def record(tests, noise=0.1, epoch=25):
    steps = tuple(range(0, epoch * len(tests), epoch))
    return History(steps, tuple(tests), tuple(tests), tuple({"noise": noise} for _ in tests))


def test_the_rate_falls_where_nothing_is_gained_and_then_training_ends():
    pace, flat = Pace(first=50, stretch=1.0), [record([1.0] * epochs) for epochs in range(1, 7)]
    assert [pace.find_plateau(history) for history in flat] == [None, None, 50, 50, 50, 50]
    assert [pace.has_fallen(history) for history in flat] == [False, False, True, False, False, False]
    assert [round(pace.rate(history, 0.0), 6) for history in flat[:5]] == [1.0, 1.0, 1.0, 0.5, 0.0]
    assert [pace.is_over(history) for history in flat[:5]] == [False] * 4 + [True]


def test_less_than_the_noise_is_no_gain_but_many_small_steps_are():
    pace = Pace(first=50, patience=50, further=0.0)
    assert pace.find_plateau(record([1.0, 0.95, 0.92])) == 50
    assert pace.find_plateau(record([1.0, 0.95, 0.89])) is None


def test_a_long_way_to_the_last_gain_is_waited_for_as_long_again_in_part():
    falling = np.linspace(100, 1, 41).tolist()  # 1,000 steps
    pace = Pace(patience=50, further=0.25)
    assert pace.find_plateau(record([*falling, *[1.0] * 9])) is None
    assert pace.find_plateau(record([*falling, *[1.0] * 10])) == 1250


@pytest.mark.parametrize(("spent", "rate"), [(0.0, 1.0), (0.7, 1.0), (0.85, 0.5), (1.0, 0.0)])
def test_the_rate_goes_to_zero_at_the_end_of_a_budget(spent, rate):
    assert Pace().rate(record([1.0]), spent) == pytest.approx(rate)


def test_without_noise_nothing_is_said_of_convergence():
    assert History((25,), (1.0,), (1.0,)).converged is None


def test_updates_follow_the_rate_that_is_set():
    optimizer = optax.chain(optax.sgd(1.0), follow_pace())
    state = set_rate(optimizer.init(jnp.ones(2)), 0.25)
    updates, state = optimizer.update(jnp.ones(2), state)
    np.testing.assert_allclose(updates, -0.25)
    np.testing.assert_allclose(optimizer.update(jnp.ones(2), state)[0], -0.25)


def test_the_first_steps_are_short():
    optimizer = choose_paced(0.1)
    updates, _ = optimizer.update(jnp.ones(3), optimizer.init(jnp.zeros(3)))
    np.testing.assert_allclose(updates, -0.1 / WARMUP, rtol=1e-3)


class Place(eqx.Module):
    at: jax.Array


def run(start, objective, judge, steps=2000, **options):
    plan = Plan(steps, batch=1, pace=Pace(), optimizer=choose_paced(0.05), **options)
    return train(
        Place(jnp.array(start)), objective, Fixed(jnp.zeros(1)), plan, jax.random.key(0), judge=judge, quiet=True
    )


def square(place, key, batch):
    return (place.at - 1.0) ** 2 + 0.0 * batch.sum()


def judge_square(place):
    return Judged(float((place.at - 1.0) ** 2), 1e-4)


def test_training_goes_to_the_minimum_and_ends_by_itself():
    place, history = run(0.0, square, judge_square)
    assert float(place.at) == pytest.approx(1.0, abs=0.02)
    assert history.step[0] == 0
    assert history.step[-1] < 2000
    assert history.converged


def misleading(place, key, batch):
    return place.at + 0.0 * batch.sum()


def test_a_start_that_training_only_worsens_is_what_comes_back():
    place, history = run(1.0, misleading, judge_square)
    assert float(place.at) == 1.0
    assert history.step[-1] == 600  # 150 without a gain, and three times as many to end with, in epochs of 25
    assert np.argmin(history.test) == 0


def test_the_parameters_of_the_best_epoch_come_back_where_a_budget_ends():
    place, history = run(-5.0, square, judge_square, steps=50)
    assert judge_square(place).objective == pytest.approx(min(history.test), rel=1e-5)
    assert history.converged is False


def test_seconds_end_training_with_an_epoch():
    def slow(place):
        time.sleep(0.05)
        return judge_square(place)

    _, history = run(-100.0, square, slow, steps=100_000, seconds=0.3)
    assert 1 < len(history.step) < 50


@pytest.mark.parametrize("network", ["shared", "separate"])
def test_zero_steps_give_the_start(network):
    posterior = amortize(zoo.binary_tree(3), steps=0, network=network, exact=False, quiet=True)
    assert posterior.history == History()
    data = dict.fromkeys(posterior.inverse.net.observed, 1.0)
    assert np.isfinite(posterior.log_prob(posterior.sample(data, 5), data)).all()
    assert "converged" not in repr(posterior)


def test_training_on_stored_rows_ends_where_all_is_worse_than_the_start():
    steps = tuple(range(0, 500, 25))
    spoiled = History(steps, (1.0,) * 20, (2.0, 1.5, *(5.0,) * 18))
    assert Pace(tolerance=0.0, first=10**6, patience=300).is_over(spoiled)
    assert not Pace(first=10**6, patience=300).is_over(spoiled)
    recovered = History(steps, (1.0,) * 20, (2.0, 1.5, *(5.0,) * 10, 1.9, *(5.0,) * 7))
    assert not Pace(tolerance=0.0, first=10**6, patience=300).is_over(recovered)
