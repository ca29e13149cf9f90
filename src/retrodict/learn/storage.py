"""A learned model on disk: the parameters of its program beside its posterior, which names them by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx

from retrodict.encode.recipe import fill, find_misfits, list_numbers
from retrodict.encode.summaries import Summary
from retrodict.errors import FileError
from retrodict.files.checkpoint import find_file, read_arrays, save_file
from retrodict.learn.structure import find_summaries
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.posterior.storage import Parts, load_parts
from retrodict.read.numpyro.model import NumpyroModel
from retrodict.read.numpyro.reader import from_numpyro

KIND, VERSION = "learned program", 1
FILE = "program.retrodict"

Tree = TypeVar("Tree")


def save_learned(folder: str | Path, program: eqx.Module, posterior: AmortizedPosterior) -> None:
    """Write a program's parameters and its posterior into a folder, which is made if it is not there.

    Raises `FileError` where the folder cannot be written.
    """
    model = posterior.model
    observed = [name for name, site in _list_sites(model).items() if site]
    content = {"kind": KIND, "version": VERSION, "observed": observed, "elementwise": _is_elementwise(model)}
    save_file(folder, FILE, content, list_numbers(program))
    posterior.save(folder)


def load_learned(
    folder: str | Path, program: eqx.Module, summaries: Mapping[str, Summary]
) -> tuple[eqx.Module, NumpyroModel, Parts]:
    """Return the program with saved parameters, as a model, and the parts of its posterior.

    Raises `FileError` for a folder without a learned model, a damaged file, and one of another program.
    """
    path = find_file(folder, FILE)
    if path is None:
        raise FileError(folder, "holds no learned model", remedy="Give the folder that a LearnedModel was saved in.")
    content, arrays = read_arrays(path)
    if content.get("kind") != KIND or content.get("version") != VERSION:
        raise FileError(path, "holds no learned model that this version of retrodict reads")
    filled = fill_arrays(program, arrays, path)
    model = from_numpyro(filled, observed=content["observed"], elementwise=bool(content["elementwise"]))  # type: ignore[arg-type]
    return filled, model, load_parts(folder, model, find_summaries(model, summaries))


def fill_arrays(tree: Tree, arrays: Mapping[str, Any], path: Path) -> Tree:
    """Return a tree with its floating-point arrays replaced by those of the same places.

    Raises `FileError` where places or shapes are others.
    """
    misfits = find_misfits(tree, arrays)
    if misfits:
        raise FileError(
            path,
            f"was saved for a program with other parameters ({', '.join(misfits[:3])})",
            remedy="Load it with the program that it was learned for, of the same sizes.",
        )
    return fill(tree, arrays)


def _list_sites(model: Any) -> dict[str, bool]:
    """Return whether each site is observed."""
    observed = model.net.is_observed
    return {name: bool(observed[units].all()) for name, units in model.structure.variables.items()}


def _is_elementwise(model: Any) -> bool:
    return bool(model.structure.elementwise)
