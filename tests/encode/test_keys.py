"""Keys by NumPy are those of JAX, whatever they are made from."""

from __future__ import annotations

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.encode.keys import fold_key, make_key, split_key

WORDS = st.integers(0, 2**32 - 1)


def read(*keys):
    return [np.asarray(jax.random.key_data(key)).tolist() for key in keys]


@settings(max_examples=30)
@given(WORDS, WORDS)
def test_keys_are_those_of_jax_to_the_bit(seed, number):
    key = jax.random.key(seed)
    assert read(make_key(seed)) == read(key)
    assert read(fold_key(key, number)) == read(jax.random.fold_in(key, number))
    for count in (1, 2, 5):
        assert read(*split_key(fold_key(key, number), count)) == read(
            *jax.random.split(jax.random.fold_in(key, number), count)
        )


def test_keys_of_a_traced_program_and_of_other_generators_are_left_to_jax():
    one, other = jax.jit(lambda key: split_key(fold_key(key, 3)))(make_key(1))
    assert read(one, other) == read(*split_key(fold_key(make_key(1), 3)))
    wide = jax.random.key(5, impl="rbg")
    assert read(fold_key(wide, 2)) == read(jax.random.fold_in(wide, 2))
    assert read(*split_key(wide)) == read(*jax.random.split(wide))
