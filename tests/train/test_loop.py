"""The one loop trains any tree, on any source, and holds what it is told to hold."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from retrodict.train.loop import Plan, train
from retrodict.train.source import Fixed, ShuffledRows

KEY = jax.random.key(0)
START = {"place": jnp.zeros(2), "held": jnp.ones(2), "name": 3}
PLAN = Plan(steps=60, epoch=25, optimizer=optax.sgd(0.1))


def squares(tree, key, target):
    return ((tree["place"] + tree["held"] - target) ** 2).sum()


def noisy(tree, key, rows):
    return ((tree["place"] - rows - jax.random.normal(key, rows.shape)) ** 2).mean()


def test_a_tree_goes_to_its_optimum_and_what_is_not_marked_stays():
    marks = {"place": True, "held": False, "name": False}
    found, history = train(START, squares, Fixed(jnp.array([3.0, -1.0])), PLAN, KEY, learned=marks, quiet=True)
    np.testing.assert_allclose(found["place"], [2.0, -2.0], atol=1e-4)
    np.testing.assert_array_equal(found["held"], START["held"])
    assert found["name"] == 3
    assert history.step == (25, 50, 60)
    assert history.train == history.test  # without a judge
    assert history.train[0] > history.train[1]


def test_it_can_be_stopped_after_any_epoch():
    source = ShuffledRows(jax.random.normal(KEY, (50, 2)), 2)
    moments = []
    whole, history = train(START, noisy, source, PLAN, KEY, keep=moments.append, quiet=True)
    for moment in moments:
        again, later = train(START, noisy, source, PLAN, KEY, start=moment, quiet=True)
        assert later == history
        np.testing.assert_array_equal(again["place"], whole["place"])


@pytest.mark.parametrize(("patience", "epochs"), [(1, 4), (25, 4), (26, 5), (50, 5)])
def test_patience_is_in_steps(patience, epochs):
    """The third epoch is the best."""
    verdicts = iter([3.0, 2.0, 1.0] + [4.0] * 20)
    plan = Plan(steps=500, epoch=25, patience=patience, optimizer=optax.sgd(0.1))
    places = []

    def judge(tree):
        places.append(tree["place"])
        return next(verdicts)

    found, history = train(START, noisy, Fixed(jnp.ones((4, 2))), plan, KEY, judge=judge, quiet=True)
    assert len(history.step) == epochs
    np.testing.assert_array_equal(found["place"], places[2])
