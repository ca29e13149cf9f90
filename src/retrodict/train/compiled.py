"""Compiled programs that are shared by what they compute, and forgotten when many others have been used since.

`equinox.filter_jit` keeps every program as long as the process lives, with the model and the data that it closed over,
and a function made anew in each call never meets its program again. Here both are bounded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
from jax.experimental.compilation_cache import compilation_cache

from retrodict.files.places import make_folder

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


def cache_compiled(folder: str | os.PathLike[str] = "~/.cache/retrodict") -> Path:
    """Keep compiled programs in a folder, from which every later process that calls this takes them.

    It is JAX's own persistent cache, for programs of any size. It holds for all of JAX in this process. A program is
    found again by what it computes, the release of JAX and the machine; what is in the folder may be deleted any time.

    Arguments:
        folder: where to keep them; it is made if it is missing. Use one that only you can write to, since what lies in
            it is run. Default: ``~/.cache/retrodict``.

    Returns: the folder.

    Raises: `FileError` for a folder that cannot be made or written into.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache_compiled(folder) == Path(folder)
    ...     jax.config.update("jax_compilation_cache_dir", None)
    True
    """
    chosen = Path(folder).expanduser()
    make_folder(chosen)
    settings = {
        "jax_compilation_cache_dir": str(chosen),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
    compilation_cache.reset_cache()  # it may have been found missing by what was compiled before
    return chosen
