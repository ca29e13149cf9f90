"""Places that are known beforehand: what is cut out is what is looked up."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.exact.known_places import MOST_RUNS, find_runs, put, take


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 19), max_size=30))
def test_runs_are_the_places(places):
    runs = find_runs(np.array(places, np.int64))
    assert [first + step * i for first, step, length in runs for i in range(length)] == places
    assert all(step >= 0 and length > 0 for _, step, length in runs)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 19), min_size=1, max_size=12))
def test_what_is_taken_is_what_is_looked_up(places):
    numbers = np.arange(20.0) ** 2
    np.testing.assert_array_equal(take(jnp.asarray(numbers), np.array(places)), numbers[places])


def test_places_without_order_are_looked_up():
    places = np.random.default_rng(0).permutation(500)
    assert len(find_runs(places)) > MOST_RUNS
    np.testing.assert_array_equal(take(jnp.arange(500.0), places), places)


def test_no_places_are_no_numbers():
    assert take(jnp.arange(3.0), np.array([], np.int64)).shape == (0,)


def test_values_are_put_in_their_places():
    found = put(jnp.arange(6.0), np.array([4, 1]), jnp.array([40.0, 10.0]))
    assert found.tolist() == [0, 10, 2, 3, 40, 5]
