"""What a program is, in plain values and in one number: a checkpoint belongs to the program it was trained on."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from retrodict.read.jax_internals import spell
from retrodict.read.numpyro_elements import trace_densities
from retrodict.read.numpyro_sites import Program
from retrodict.read.numpyro_structure import Structure


def describe(program: Program, structure: Structure) -> dict[str, Any]:
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


def digest(program: Program, structure: Structure) -> str:
    """Return the SHA-256 of what a program is: its description, the operations of its densities, its constants.

    Data at observed sites do not count: they are placeholders.
    """
    traced = trace_densities(program, list(structure.sites.values())).function
    state = hashlib.sha256(json.dumps(describe(program, structure), sort_keys=True).encode())
    text, constants = spell(traced)
    state.update(text.encode())
    for constant in constants:
        array = np.asarray(constant)
        state.update(f"{array.dtype}{array.shape}".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()
