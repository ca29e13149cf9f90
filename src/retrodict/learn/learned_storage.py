"""A learned model on disk: the parameters of its program and its posterior, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx

from retrodict.encode.summaries import Summary
from retrodict.encode.trees import Array, fill, find_misfits, list_arrays
from retrodict.errors import FileError
from retrodict.files.checkpoint import save_file
from retrodict.posterior.storage import (
    Parts,
    add_prefix,
    describe_parts,
    list_parts,
    read_parts,
    require_model,
    take_prefix,
)
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.reader import from_numpyro

KIND = "learned model"
FILE = "model.safetensors"


def save_learned(folder: str | Path, program: eqx.Module, model: NumpyroModel, parts: Parts) -> None:
    """Write a program's parameters and its posterior into a folder, which is made if it is not there.

    Raises `FileError` where the folder cannot be written.
    """
    seen = model.net.is_observed
    observed = [str(name) for name, units in model.structure.variables.items() if seen[units].all()]
    reading = {"observed": observed, "elementwise": bool(model.structure.elementwise)}
    content = {"kind": KIND, **reading, **describe_parts(parts)}
    save_file(folder, FILE, content, add_prefix("program", list_arrays(program)) | list_parts(parts))


def read_learned(
    path: Path,
    content: Mapping[str, Any],
    arrays: dict[str, Array],
    program: eqx.Module,
    summaries: Mapping[str, Summary],
) -> tuple[eqx.Module, NumpyroModel, Parts]:
    """Return the program with saved parameters, as a model, and the parts of its posterior.

    Raises `FileError` for parameters of another program, and what `read_parts` raises.
    """
    parameters = take_prefix("program", arrays)
    misfits = find_misfits(program, parameters)
    if misfits:
        raise FileError(
            path,
            f"was saved for a program with other parameters ({', '.join(misfits[:3])})",
            remedy="Load it with the program that it was learned for, of the same sizes.",
        )
    filled = fill(program, parameters)
    model = from_numpyro(filled, observed=content["observed"], elementwise=bool(content["elementwise"]))  # type: ignore[call-overload]
    require_model(path, content, model)
    return filled, model, read_parts(path, content, arrays, model, summaries)
