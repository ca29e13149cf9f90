"""What a program is, in plain values and in one number: a checkpoint belongs to the program it was trained on."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from retrodict.files.digest import digest
from retrodict.read.jaxpr.internals import spell
from retrodict.read.numpyro.elements import trace_densities
from retrodict.read.numpyro.program_structure import ProgramStructure
from retrodict.read.numpyro.sites import Program

# What JAX makes of these types unless it is told otherwise.
WIDE = {"float64": "float32", "int64": "int32", "uint64": "uint32", "complex128": "complex64"}


def describe(program: Program, structure: ProgramStructure) -> dict[str, Any]:
    """Return the sites, variables and edges of a program in values that JSON can hold."""
    net = structure.net
    return {
        "program": program.name,
        "elementwise": structure.elementwise,
        "sites": {
            name: {
                "shape": list(site.shape),
                "distribution": site.distribution,
                "support": site.support,
                "plates": list(site.plates),
                "dtype": site.dtype.name,
            }
            for name, site in structure.sites.items()
        },
        "parents": {name: list(net.parents(name)) for name in map(str, net.names)},
        "observed": list(net.observed),
    }


def digest_program(program: Program, structure: ProgramStructure) -> str:
    """Return the SHA-256 of what a program is: its description, the operations of its densities, its constants.

    Data at observed sites do not count: they are placeholders. Nor does it matter whether JAX works in 64 bits, unless
    the program computes in a precision of its own choice.
    """
    wide = jax.config.jax_enable_x64  # type: ignore[attr-defined]
    own, narrow = (_narrow_program(program), _narrow_structure(structure)) if wide else (program, structure)
    with _in_32_bits() if wide else nullcontext():
        traced = trace_densities(own, list(narrow.sites.values())).function
    text, constants = spell(traced)
    if wide:
        text, constants = _narrow_text(text), [_narrow_array(np.asarray(constant)) for constant in constants]
    return digest(describe(program, narrow), text, *map(np.asarray, constants))


@contextmanager
def _in_32_bits() -> Iterator[None]:
    """Let JAX work as it does unless it is told otherwise."""
    with jax.enable_x64(False), warnings.catch_warnings():
        # Arrays in 64 bits that a function has closed over are cut, of which JAX warns.
        warnings.filterwarnings("ignore", "Explicitly requested dtype", UserWarning)
        yield


def _narrow_program(program: Program) -> Program:
    """Return the program with its parameters and arguments in 32 bits."""
    return Program(*jax.tree.map(_narrow, (program.function, program.args, dict(program.kwargs))))


def _narrow_structure(structure: ProgramStructure) -> ProgramStructure:
    sites = structure.sites.items()
    return replace(
        structure,
        sites={name: replace(site, dtype=np.dtype(WIDE.get(site.dtype.name, site.dtype))) for name, site in sites},
    )


def _narrow_text(text: str) -> str:
    """Return the operations of a program in 32 bits; JAX may remember constants in 64."""
    return re.sub(r"\bc128\b", "c64", re.sub(r"\b([fiu])64\b", r"\g<1>32", text))


def _narrow_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array.astype(WIDE.get(array.dtype.name, array.dtype))


def _narrow(leaf: Any) -> Any:
    """Return an array of JAX in 32 bits; those of NumPy become so when they are used."""
    is_wide = isinstance(leaf, jax.Array) and leaf.dtype.name in WIDE
    return leaf.astype(WIDE[leaf.dtype.name]) if is_wide else leaf
