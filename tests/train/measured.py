"""What an objective and its gradient are on average, and whether that is what they should be."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.stats import t

CALLS = 400


def flatten(value, gradient) -> np.ndarray:
    """A value and all numbers of a gradient, in one row."""
    flat = ravel_pytree(eqx.filter(gradient, eqx.is_inexact_array))[0]
    return jnp.concatenate([value[None], flat])


def differentiate(function, pair) -> np.ndarray:
    """The value and the gradient of a function of a pair."""
    return np.asarray(flatten(*eqx.filter_jit(eqx.filter_value_and_grad(function))(pair)), np.float64)


def measure(objective, pair, observed, draws: int, total: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean and its standard error of value and gradient over ``total`` draws, those of rows counted once."""
    rows = jnp.tile(observed, (total // (CALLS * draws * len(observed)), 1))

    @eqx.filter_jit
    def run(pair):
        def once(key):
            return flatten(*eqx.filter_value_and_grad(partial(objective, key=key, observed=rows, draws=draws))(pair))

        return jax.lax.map(once, jax.random.split(jax.random.key(17), CALLS))

    samples = np.asarray(run(pair), np.float64)
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(CALLS)


def excess(found: tuple[np.ndarray, np.ndarray], exact: np.ndarray, level: float = 0.01) -> float:
    """The largest distance from what is exact, in units of what chance allows at this level over all numbers.

    Numbers that do not vary have the rounding of single precision as their room.
    """
    mean, error = found
    room = t.ppf(1 - level / (2 * len(exact)), CALLS - 1) * error + 1e-5 * (1 + np.abs(exact))
    return float((np.abs(mean - exact) / room).max())
