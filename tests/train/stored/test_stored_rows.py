"""Stored rows come up as often as they should, in minibatches that are the same however they are read."""

from __future__ import annotations

from collections import Counter

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.train.stored.stored_rows import Shelf, StoredRows

KEY = jax.random.key(3)


def show(rows):
    return rows[:, None].astype(np.float32), np.zeros((len(rows), 1), np.float32)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 30), batch=st.integers(1, 12), steps=st.integers(1, 9), step=st.integers(0, 40))
def test_what_is_loaded_for_an_epoch_is_what_each_step_gives(rows, batch, steps, step):
    source = StoredRows(Shelf(show, np.arange(rows) * 10), batch)
    loaded = source.load(KEY, step, steps)
    for number in range(step, step + steps):
        for one, other in zip(source(KEY, number), loaded(KEY, number), strict=True):
            np.testing.assert_array_equal(one, other)


def test_each_pass_holds_each_row_once():
    source = StoredRows(Shelf(show, np.arange(7)), batch=3)
    seen = np.concatenate([np.asarray(source(KEY, step)[0]).ravel() for step in range(7)])
    for begin in range(0, 21, 7):
        assert sorted(seen[begin : begin + 7]) == list(range(7))


def test_rows_come_up_by_their_weights():
    source = StoredRows(Shelf(show, np.arange(4), np.array([0.0, 1.0, 1.0, 6.0])), batch=8)
    seen = Counter(np.asarray(source.load(KEY, 0, 100)(KEY, step)[0]).ravel().tolist() for step in ())
    for step in range(100):
        seen.update(np.asarray(source(KEY, step)[0]).ravel().tolist())
    assert seen[0.0] == 0
    np.testing.assert_allclose([seen[1.0] / 800, seen[2.0] / 800, seen[3.0] / 800], [0.125, 0.125, 0.75], atol=0.02)
