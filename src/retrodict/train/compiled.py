"""Compiled programs that are shared by what they compute, and forgotten when many others have been used since.

`equinox.filter_jit` keeps every program as long as the process lives, with the model and the data that it closed over,
and a function made anew in each call never meets its program again. Here both are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax

# Takes the place of an input among the constants of a program.
INPUT = object()


class Programs:
    """Functions compiled by JAX, the ``most`` that were used last; older ones are freed with all that they hold.

    Arrays among the arguments are inputs of a program. Everything else is constant in it: calls with equal constants,
    the function among them, share a program.

    >>> import jax.numpy as jnp
    >>> programs = Programs(most=2)
    >>> def scale(values, factor):
    ...     print("compiled")
    ...     return values * factor
    >>> [programs.run(scale, jnp.array(float(i)), 3).item() for i in range(2)]
    compiled
    [0.0, 3.0]
    """

    def __init__(self, most: int) -> None:
        self._compile = lru_cache(maxsize=most)(_compile)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``function(*arguments)``, a tree of arrays."""
        leaves, tree = jax.tree.flatten(arguments)
        constants = tuple(INPUT if eqx.is_array(leaf) else leaf for leaf in leaves)
        return self._compile(function, tree, constants)([leaf for leaf in leaves if eqx.is_array(leaf)])


def _compile(function: Callable[..., Any], tree: Any, constants: tuple[Hashable, ...]) -> Callable[..., Any]:
    def run(inputs: list[jax.Array]) -> Any:
        given = iter(inputs)
        return function(*jax.tree.unflatten(tree, [next(given) if leaf is INPUT else leaf for leaf in constants]))

    run.__name__ = getattr(function, "__name__", type(function).__name__)  # what profiles and logs show
    return jax.jit(run)


# The programs of training, about six for each encoder that is trained.
TRAINING = Programs(most=24)
