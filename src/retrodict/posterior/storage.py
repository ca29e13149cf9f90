"""A posterior on disk: the digest of its model, its inverse and the verdict on it, and all numbers of its encoder.

One file in a folder, in the format of `files/checkpoint.py`, so that a posterior is saved as a whole or not at all.
The file says nothing of the model but its digest: whoever loads it brings the model. What a file states is compared
with what can be computed: the inverse is certified again, and the encoder is built from the inverse.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import jax
import numpy as np

from retrodict.certificate.certify import certify
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import REAL_FAMILIES
from retrodict.encode.recipe import Array, Recipe, fill, find_misfits, list_numbers
from retrodict.encode.summaries import Summarized
from retrodict.errors import FileError, OptionError, RetrodictError, quote
from retrodict.files.checkpoint import Header, find_file, read_body, read_header, save_file
from retrodict.graph.inverse import Inverse
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Rows
from retrodict.models.model import Model
from retrodict.posterior.novelty import Familiar
from retrodict.train.loop import History

KIND, VERSION = "posterior", 2
FILE = "posterior.retrodict"

Arrays = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Parts:
    """All that a posterior is made of."""

    model: Model
    inverse: Inverse
    encoder: Encoder | None
    recipe: Recipe | None
    history: History
    familiar: Familiar | None


def save_parts(folder: str | Path, parts: Parts) -> None:
    """Write a posterior into a folder, which is made if it is not there; what was saved there before is replaced.

    Raises `FileError` where the folder cannot be written.
    """
    verdict = certify(parts.inverse)
    content = {
        "kind": KIND,
        "version": VERSION,
        "model": parts.model.digest(),
        "strategy": parts.inverse.strategy,
        "certificate": {"n_missing": verdict.n_missing, "n_removable": verdict.n_removable},
        "recipe": _describe_recipe(parts.recipe) if parts.encoder is not None else None,
    }
    save_file(folder, FILE, content, _list_arrays(parts))


def load_parts(folder: str | Path, model: Model, summaries: Sequence[Summarized] = ()) -> Parts:
    """Return what was saved in a folder for this model; ``summaries`` are those that its encoder was built with.

    Raises `FileError` for a folder without a saved posterior, a damaged file, and one of another model.
    """
    if not isinstance(model, Model):
        raise OptionError(
            f"load needs the Model that the posterior was made from, not a {type(model).__name__}",
            remedy="Build it as it was built for amortize, and give it as load(folder, model).",
        )
    path = find_file(folder, FILE)
    if path is None:
        raise FileError(folder, "holds no saved posterior", remedy="Give the folder that posterior.save was given.")
    header = read_header(path)
    _require_kind(header)
    if header.content.get("model") != model.digest():
        raise FileError(path, "was saved for another model", remedy="Load it with the model that it was made from.")
    try:
        arrays = read_body(header)
        return _assemble(header, arrays, model, tuple(summaries))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, FileError):
            raise
        why = str(error) if isinstance(error, RetrodictError) else f"{type(error).__name__}: {error}"
        raise FileError(path, f"does not fit this version of retrodict ({why})") from error


# -- writing -----------------------------------------------------------------------------------------


def _list_arrays(parts: Parts) -> Arrays:
    history = parts.history
    arrays: Arrays = {f"inverse.{name}": array for name, array in _list_inverse(parts.inverse).items()}
    arrays |= {
        "history.step": np.array(history.step, np.int64),
        "history.train": np.array(history.train, np.float64),
        "history.test": np.array(history.test, np.float64),
    }
    for name in sorted(set().union(*history.watched)):
        arrays[f"watched.{name}"] = np.array([watched.get(name, np.nan) for watched in history.watched], np.float64)
    if parts.familiar is not None:
        arrays |= {f"familiar.{f.name}": np.asarray(getattr(parts.familiar, f.name)) for f in fields(Familiar)}
    if parts.encoder is not None:
        arrays |= {f"encoder{place}": array for place, array in list_numbers(parts.encoder).items()}
    return arrays


def _list_inverse(inverse: Inverse) -> Arrays:
    sets = inverse.sets
    arrays = {
        "pointer": sets.latents.pointer,
        "index": sets.latents.index,
        "walk": sets.walk,
        "start": sets.start,
        "stop": sets.stop,
        "count": sets.count,
        "elimination": inverse.elimination,
        "is_generative": inverse.is_generative,
    }
    return arrays if inverse.forest is None else arrays | {"forest": inverse.forest}


def _describe_recipe(recipe: Recipe | None) -> dict[str, Any]:
    if recipe is None:
        raise FileError(
            FILE,
            "an encoder that was not built by amortize cannot be saved: nothing says how to build it again",
            remedy="Give AmortizedPosterior the recipe that its encoder was built with.",
        )
    if not isinstance(recipe.conditional, str):
        raise FileError(
            FILE,
            f"an encoder with your own family of conditionals, {type(recipe.conditional).__name__}, cannot be saved",
            remedy=f"Use one of {', '.join(REAL_FAMILIES)}, or save its arrays yourself.",
        )
    return {
        "kind": recipe.kind,
        "widths": recipe.widths and list(recipe.widths),
        "skip": recipe.skip,
        "conditional": recipe.conditional,
        "summaries": [str(summary.name) for summary in recipe.summaries],
    }


# -- reading -----------------------------------------------------------------------------------------


def _require_kind(header: Header) -> None:
    if header.content.get("kind") != KIND:
        raise FileError(header.path, "is a file of retrodict, but holds no posterior")
    if header.content.get("version") != VERSION:
        raise FileError(
            header.path,
            f"has version {header.content.get('version')!r:.20} of the format, this program reads {VERSION}",
            remedy="Load it with the release of retrodict that wrote it.",
        )


def _assemble(header: Header, arrays: Arrays, model: Model, summaries: tuple[Summarized, ...]) -> Parts:
    inverse = _read_inverse(header, _take(arrays, "inverse."), model)
    verdict, stated = certify(inverse), header.content["certificate"]
    if stated != {"n_missing": verdict.n_missing, "n_removable": verdict.n_removable}:
        raise FileError(header.path, "holds an inverse that is not the one that was certified")
    numbers = _take(arrays, "encoder")
    recipe = _read_recipe(header, numbers, inverse, summaries)
    encoder = None if recipe is None else _read_encoder(header, recipe, numbers, inverse)
    return Parts(model, inverse, encoder, recipe, _read_history(arrays), _read_familiar(arrays, model))


def _take(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _read_inverse(header: Header, arrays: Arrays, model: Model) -> Inverse:
    """Return the inverse, none of whose numbers point anywhere they should not."""
    net = model.net
    n, seen = len(net.latents), len(net.observed)
    walk, pointer, index = (_read_integers(arrays[name]) for name in ("walk", "pointer", "index"))
    start, stop, count, elimination = (
        _read_integers(arrays[name], n) for name in ("start", "stop", "count", "elimination")
    )
    generative = np.asarray(arrays["is_generative"])
    _require_rows(pointer, index, n)
    _require(((walk >= 0) & (walk < seen)).all(), "observed parents")
    _require(((start >= 0) & (start <= stop) & (stop <= len(walk))).all(), "slices of observed parents")
    _require(((count >= 0) & (count <= stop - start)).all(), "numbers of observed parents")
    _require(np.array_equal(np.sort(elimination), np.arange(n)), "order of elimination")
    _require(generative.shape == (n,) and generative.dtype == bool, "barren latents")
    latents = Rows(pointer, index)
    place = np.empty(n, np.int64)
    place[elimination] = np.arange(n)
    _require((place[latents.sources] < place[index]).all(), "parents that are drawn before their children")
    forest = _read_integers(arrays["forest"], n) if "forest" in arrays else None
    if forest is not None:
        _require(np.array_equal(forest, _find_forest(latents, place, generative)), "forest")
    sets = ParentSets(latents, walk, start, stop, count)
    strategy = header.content["strategy"]
    _require(isinstance(strategy, str), "strategy")
    return Inverse(net, strategy, sets, elimination, generative, forest, model)


def _read_integers(array: Array, length: int | None = None) -> Integers:
    if array.dtype != np.int64 or array.ndim != 1 or (length is not None and len(array) != length):
        raise ValueError("integers of the inverse have a wrong type or number")
    return np.asarray(array, np.int64)


def _require_rows(pointer: Integers, index: Integers, n: int) -> None:
    _require(len(pointer) == n + 1 and pointer[0] == 0 and pointer[-1] == len(index), "rows of latent parents")
    _require((np.diff(pointer) >= 0).all() and ((index >= 0) & (index < n)).all(), "rows of latent parents")


def _require(holds: bool | np.bool_, what: str) -> None:
    if not holds:
        raise ValueError(f"the {what} of its inverse cannot be")


def _find_forest(latents: Rows, place: Integers, generative: Array) -> Integers:
    """Return for each latent the first of its latent parents to be eliminated, -1 for none and for barren ones."""
    n = len(latents)
    first = np.full(n, n, np.int64)
    np.minimum.at(first, latents.sources, place[latents.index])
    order = np.append(np.argsort(place), -1)
    return np.asarray(np.where(generative, -1, order[first]), np.int64)


def _read_recipe(header: Header, numbers: Arrays, inverse: Inverse, summaries: tuple[Summarized, ...]) -> Recipe | None:
    """Return the recipe, none of whose widths ask for more than a file of this size can hold."""
    described = header.content["recipe"]
    if described is None:
        return None
    _require_summaries(header.path, described["summaries"], [str(summary.name) for summary in summaries])
    widths = described["widths"] or ()
    _require(isinstance(described["kind"], str) and isinstance(described["skip"], bool), "recipe of the encoder")
    _require(described["conditional"] in REAL_FAMILIES, "conditionals of the encoder")
    _require(all(type(width) is int and width > 0 for width in widths), "widths of the encoder")
    recipe = Recipe(**{**described, "widths": tuple(widths) or None, "summaries": summaries})
    # Units stand in as many groups as there are parent sets, at most, and each group listens to itself.
    stored = sum(array.size for array in numbers.values()) * max(1, len(inverse.net.latents))
    widest = max((a * b for a, b in itertools.pairwise((1, *widths))), default=0)
    _require(widest <= stored, "widths of the encoder")
    return recipe


def _require_summaries(path: Path, saved: Any, given: list[str]) -> None:
    """Raise `FileError` unless the summaries of an encoder are given, and no others."""
    if saved == given:
        return
    if not isinstance(saved, list) or not all(isinstance(name, str) for name in saved):
        raise ValueError("the names of its summaries cannot be")
    if saved:
        modules = ", ".join(f"{name!r}: ..." for name in saved[:8])
        raise FileError(
            path,
            f"was saved with summaries of {quote(saved)}, which are not stored and have to be given",
            remedy=f"Call load_model(folder, program, summaries={{{modules}}}) with modules built like those that were "
            "trained.",
        )
    raise FileError(path, f"was saved without summaries, and {quote(given)} are given", remedy="Leave them out.")


def _read_encoder(header: Header, recipe: Recipe, numbers: Arrays, inverse: Inverse) -> Encoder:
    untrained = recipe.build(inverse, jax.random.key(0))
    misfits = find_misfits(untrained, numbers)
    if misfits and recipe.summaries:
        raise FileError(
            header.path,
            f"holds an encoder that does not fit the summaries given, at {', '.join(misfits[:3])}",
            remedy="Give summaries built like those that it was trained with.",
        )
    if misfits:
        raise FileError(
            header.path,
            "holds an encoder that this version of retrodict builds differently",
            remedy="Load it with the release of retrodict that wrote it.",
        )
    return fill(untrained, numbers)


def _read_history(arrays: Arrays) -> History:
    step, train, test = (arrays[f"history.{name}"] for name in ("step", "train", "test"))
    watched = _take(arrays, "watched.")
    _require(all(array.shape == (len(step),) for array in (train, test, *watched.values())), "history")
    named = tuple({name: float(values[i]) for name, values in watched.items()} for i in range(len(step)))
    return History(tuple(step.tolist()), tuple(train.tolist()), tuple(test.tolist()), named)


def _read_familiar(arrays: Arrays, model: Model) -> Familiar | None:
    stored = _take(arrays, "familiar.")
    if not stored:
        return None
    width = sum(model.net.variable(name).size for name in model.net.observed)
    found = Familiar(
        **{name: stored[name] for name in ("mean", "spread", "lowest", "highest", "directions", "variances")},
        rest=float(stored["rest"]),
        limits=_read_pair(stored["limits"]),
        farthest=float(stored["farthest"]),
    )
    columns = (found.mean, found.spread, found.lowest, found.highest)
    _require(all(array.shape == (width,) for array in columns), "summary of what training saw")
    _require(found.directions.shape == (len(found.variances), width), "summary of what training saw")
    return found


def _read_pair(array: Array) -> tuple[float, float]:
    one, other = array.tolist()
    return float(one), float(other)
