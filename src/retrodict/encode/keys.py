"""JAX's random keys made, split and folded by NumPy, to the same bits: JAX would compile a program for each of these.

Source: Salmon et al. 2011 (Threefry, of which JAX takes 20 rounds of two words of 32 bits).
"""

from __future__ import annotations

from typing import Any, cast

import jax
import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = np.uint32(0x1BD11BDA)
# What JAX calls its default generator, and its settings.
THREEFRY = "threefry2x32"
SETTINGS = cast(Any, jax.config)


def make_key(seed: int) -> jax.Array:
    """Return ``jax.random.key(seed)`` of a seed of 32 bits.

    >>> bool(make_key(7) == jax.random.key(7))
    True
    """
    if SETTINGS.jax_default_prng_impl != THREEFRY:
        return jax.random.key(seed)
    return _wrap(np.array([0, seed], np.uint32))


def split_key(key: jax.Array, count: int = 2) -> tuple[jax.Array, ...]:
    """Return the keys of ``jax.random.split(key, count)``.

    >>> one, other = split_key(make_key(7))
    >>> bool(other == jax.random.split(jax.random.key(7))[1])
    True
    """
    words = _read(key)
    if words is None or not SETTINGS.jax_threefry_partitionable:
        return tuple(jax.random.split(key, count))
    numbers = np.arange(count, dtype=np.uint32)
    return tuple(map(_wrap, _scramble(words, np.zeros_like(numbers), numbers)))


def fold_key(key: jax.Array, number: int | jax.Array) -> jax.Array:
    """Return ``jax.random.fold_in(key, number)`` of a number of 32 bits.

    >>> bool(fold_key(make_key(7), 3) == jax.random.fold_in(jax.random.key(7), 3))
    True
    """
    words = _read(key)
    if words is None:
        return jax.random.fold_in(key, number)
    return _wrap(_scramble(words, np.zeros(1, np.uint32), np.array([int(number)], np.uint32))[0])


def _wrap(words: Words) -> jax.Array:
    return jax.random.wrap_key_data(jax.device_put(words), impl=THREEFRY)


def _read(key: jax.Array) -> Words | None:
    """Return the two words of a key; None of other generators and while a program is traced."""
    if str(jax.random.key_impl(key)) != THREEFRY:
        return None
    try:
        return np.asarray(jax.random.key_data(key))
    except jax.errors.TracerArrayConversionError:
        return None


def _scramble(key: Words, left: Words, right: Words) -> Words:
    """Return the two words that Threefry makes of pairs of words, one pair a row."""
    parts = key[0], key[1], key[0] ^ key[1] ^ PARITY
    left, right = left + parts[0], right + parts[1]
    for turn in range(5):
        for bits in ROTATIONS[turn % 2]:
            left = left + right
            right = (right << np.uint32(bits) | right >> np.uint32(32 - bits)) ^ left
        left, right = left + parts[(turn + 1) % 3], right + parts[(turn + 2) % 3] + np.uint32(turn + 1)
    return np.stack([left, right], axis=-1)
