"""Sources are pure functions of a key and a step, also where steps share what is computed once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.train.source import Fixed, FreshSimulations, ShuffledRows
from retrodict.train.temperature import Temperature, Tempered

KEY = jax.random.key(3)
DATA = jnp.arange(14.0)[:, None]  # three minibatches of four rows, two rows are left out
SOURCES = {
    "rows": ShuffledRows(DATA, 4),
    "tempered": Tempered(ShuffledRows(DATA, 4), 3, Temperature(1.0, 0.1, 0.5)),
    "simulations": FreshSimulations(jax.random.normal, 4),
    "fixed": Fixed(DATA),
}


@pytest.mark.parametrize("epoch", [1, 2, 3])
@pytest.mark.parametrize("name", SOURCES)
def test_what_is_shared_is_the_pure_function(name, epoch):
    source = SOURCES[name]
    for start in range(0, 9, epoch):
        shared = source.share(KEY, start, epoch)
        for step in range(start, start + epoch):
            for ours, pure in zip(jax.tree.leaves(shared(KEY, step)), jax.tree.leaves(source(KEY, step)), strict=True):
                np.testing.assert_array_equal(ours, pure)


def test_a_pass_takes_each_row_once_and_the_next_one_in_another_order():
    passes = [np.concatenate([SOURCES["rows"](KEY, step) for step in range(start, start + 3)]) for start in (0, 3)]
    assert all(len(np.unique(rows)) == len(rows) == 12 for rows in passes)
    assert not np.array_equal(*passes)


def test_a_temperature_falls_from_epoch_to_epoch():
    found = [float(SOURCES["tempered"](KEY, step).temperature) for step in range(9)]
    np.testing.assert_allclose(found, np.repeat(np.exp(-0.5 * np.arange(3)), 3), rtol=1e-6)


def test_steps_have_simulations_of_their_own_and_rows_depend_on_the_key():
    for name in ("simulations", "rows"):
        source = SOURCES[name]
        first, second, other = source(KEY, 0), source(KEY, 1), source(jax.random.key(4), 0)
        assert not np.array_equal(first, second)
        assert not np.array_equal(first, other)
