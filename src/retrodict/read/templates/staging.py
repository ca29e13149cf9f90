"""Arguments as arrays of JAX: what a program computes from them is traced, and not done beforehand by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.errors import RetrodictError
from retrodict.read.jaxpr.internals import ClosedJaxpr
from retrodict.read.numpyro.elements import trace_densities
from retrodict.read.numpyro.observed.given import is_numbers, open_frames
from retrodict.read.numpyro.sites import Program, Site


def trace_staged(program: Program, sites: Sequence[Site]) -> ClosedJaxpr:
    """Trace the densities of a program with as many of its arguments as arrays of JAX as it allows.

    An argument that decides about shapes, such as a key whose largest value is the number of groups, stays an array of
    NumPy where the program asks for numbers.
    """
    leaves, tree = jax.tree.flatten(open_frames((program.args, dict(program.kwargs))), is_leaf=is_numbers)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biuf"]
    whole = _try(program, sites, leaves, tree, places)
    if whole is not None:
        return whole
    kept = [i for i in places if _try(program, sites, leaves, tree, [i]) is not None]
    return _try(program, sites, leaves, tree, kept) or trace_densities(program, sites).function


def _try(
    program: Program, sites: Sequence[Site], leaves: Sequence[Any], tree: Any, places: Sequence[int]
) -> ClosedJaxpr | None:
    """Trace a program with some of its arguments as arrays of JAX; None where it cannot be run so."""
    staged = [jnp.asarray(leaf) if i in places else leaf for i, leaf in enumerate(leaves)]
    args, kwargs = jax.tree.unflatten(tree, staged)
    try:
        return trace_densities(Program(program.function, args, kwargs), sites).function
    except RetrodictError:
        return None
