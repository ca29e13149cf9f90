"""A posterior on disk: the digest of its model, its inverse and the verdict on it, and all numbers of its encoder.

One file in a folder, in the format of `files/checkpoint.py`, so that a posterior is saved as a whole or not at all.
The file holds only the digest of the model, which is given when a posterior is loaded. The statements of a file are
checked: the inverse is certified again, and the encoder is built from the inverse.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from retrodict.certificate.certify import certify
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import REAL_FAMILIES, is_named, name_family
from retrodict.encode.peaks.build_peaks import join_peaks, make_peaks
from retrodict.encode.peaks.peak_encoder import PeakEncoder
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.encode.statistics import make_statistics
from retrodict.encode.summaries import Summary
from retrodict.encode.trees import Array, fill, find_misfits, list_arrays
from retrodict.errors import FileError, quote
from retrodict.exact.closed_form import ClosedForm
from retrodict.exact.find_forms import Forms, choose_drawn, find_closed_forms, keep_last
from retrodict.files.checkpoint import save_file
from retrodict.graph.inverse import Inverse
from retrodict.models.model import Model
from retrodict.posterior.novelty import Familiar
from retrodict.posterior.stored_inverse import list_inverse, read_inverse
from retrodict.train.loop import History

KIND = "posterior"
FILE = "posterior.safetensors"
# What widths a file means that names none: at least this many units, and no less than that for few parent sets.
OLD_WIDTHS = (64, 64)

Arrays = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Parts:
    """All that a posterior is made of."""

    model: Model
    inverse: Inverse
    encoder: Encoder | PeakEncoder | None
    recipe: Recipe | None
    history: History
    familiar: Familiar | None
    forms: Forms = ()


def save_parts(folder: str | Path, parts: Parts) -> None:
    """Write a posterior into a folder, which is made if it is not there; what was saved there before is replaced.

    Raises `FileError` where the folder cannot be written.
    """
    save_file(folder, FILE, {"kind": KIND, **describe_parts(parts)}, list_parts(parts))


# -- writing -----------------------------------------------------------------------------------------


def describe_parts(parts: Parts) -> dict[str, Any]:
    """Return what a file says of a posterior, in values that JSON can hold."""
    verdict = certify(parts.inverse)
    return {
        "model": parts.model.digest(),
        "strategy": parts.inverse.strategy,
        "certificate": {"n_missing": verdict.n_missing, "n_removable": verdict.n_removable},
        "recipe": _describe_recipe(parts.recipe, parts.encoder, parts.model) if parts.encoder is not None else None,
        "closed": [_number(form, parts.model) for form in parts.forms],
    }


def list_parts(parts: Parts) -> Arrays:
    """Return the arrays of a posterior by their names in a file."""
    arrays = add_prefix("inverse.", list_inverse(parts.inverse)) | add_prefix("history.", parts.history.to_arrays())
    if parts.familiar is not None:
        arrays |= {f"familiar.{f.name}": np.asarray(getattr(parts.familiar, f.name)) for f in fields(Familiar)}
    if parts.encoder is not None:
        arrays |= add_prefix("encoder", list_arrays(parts.encoder))
    return arrays


def add_prefix(prefix: str, arrays: Mapping[str, Array]) -> Arrays:
    """Return arrays under longer names."""
    return {prefix + name: array for name, array in arrays.items()}


def take_prefix(prefix: str, arrays: Mapping[str, Array]) -> Arrays:
    """Return the arrays whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _describe_recipe(recipe: Recipe | None, encoder: Encoder | PeakEncoder, model: Model) -> dict[str, Any]:
    if recipe is None:
        raise FileError(
            FILE,
            "an encoder that was not built by amortize cannot be saved: nothing says how to build it again",
            remedy="Give AmortizedPosterior the recipe that its encoder was built with.",
        )
    recipe = replace(recipe, conditional=name_family(recipe.conditional) or recipe.conditional)
    if not isinstance(recipe.conditional, str):
        raise FileError(
            FILE,
            f"an encoder with your own family of conditionals, {type(recipe.conditional).__name__}, cannot be saved",
            remedy=f"Use one of {', '.join(REAL_FAMILIES)}, or save its arrays yourself.",
        )
    compression = encoder.features.compression if isinstance(encoder, Encoder) else None
    recipe = recipe.settle(model)  # a file names what was chosen, for the library's choice may change
    return {
        "network": recipe.network,
        "widths": list(recipe.widths) if isinstance(recipe.widths, tuple) else None,
        "skip": recipe.skip,
        "conditional": recipe.conditional,
        "summaries": list(map(str, recipe.summaries or {})),
        "peaks": recipe.peaks is not None,
        "compressed": [] if compression is None else list(compression.columns),
    }


# -- reading -----------------------------------------------------------------------------------------


def require_model(path: Path, content: Mapping[str, Any], model: Model) -> None:
    """Raise `FileError` unless a file was saved for this model."""
    if content["model"] != model.digest():
        raise FileError(path, "was saved for another model", remedy="Load it with the model that it was made from.")


def read_parts(
    path: Path, content: Mapping[str, Any], arrays: Arrays, model: Model, summaries: Mapping[Any, Summary]
) -> Parts:
    """Return the posterior of a model that a file describes.

    Raises `FileError` for values that contradict each other, the model or the summaries, and whatever reading values
    raises that are not there.
    """
    inverse = read_inverse(take_prefix("inverse.", arrays), model, content["strategy"])
    verdict = certify(inverse)
    if content["certificate"] != {"n_missing": verdict.n_missing, "n_removable": verdict.n_removable}:
        raise FileError(path, "holds an inverse that is not the one that was certified")
    numbers, forms = take_prefix("encoder", arrays), _find_forms(path, content["closed"], model, inverse)
    recipe = _read_recipe(path, content["recipe"], numbers, inverse, summaries)
    if recipe is not None:
        recipe = _show_data(path, recipe, forms, model, inverse, by_peaks=content["recipe"].get("peaks", False))
    encoder = None if recipe is None else _read_encoder(path, recipe, numbers, model)
    history = History.from_arrays(take_prefix("history.", arrays))
    familiar = _read_familiar(take_prefix("familiar.", arrays), model)
    return Parts(model, inverse, encoder, recipe, history, familiar, forms)


def _number(form: ClosedForm, model: Model) -> list[int]:
    """Return the numbers of the variables of a closed form."""
    return sorted(map(model.net.index, form.variables))


def _find_forms(path: Path, stored: Any, model: Model, inverse: Inverse) -> Forms:
    """Return the closed forms of the latents that a file says have them: they are proved again."""
    if stored == []:
        return ()
    forms = keep_last(find_closed_forms(model, inverse), inverse)
    found = {tuple(_number(form, model)): form for form in forms}
    _require(isinstance(stored, list) and all(isinstance(numbers, list) for numbers in stored), "closed forms")
    missing = [numbers for numbers in stored if tuple(numbers) not in found]
    if missing:
        raise FileError(
            path,
            "holds a posterior with closed forms that this version of retrodict does not find",
            remedy="Load it with the release of retrodict that wrote it.",
        )
    return tuple(found[tuple(numbers)] for numbers in stored)


def _require(holds: bool | np.bool_, what: str) -> None:
    if not holds:
        raise ValueError(f"the {what} cannot be")


def _read_recipe(
    path: Path, described: Any, numbers: Arrays, inverse: Inverse, summaries: Mapping[Any, Summary]
) -> Recipe | None:
    """Return the recipe, none of whose widths ask for more than a file of this size can hold."""
    if described is None:
        return None
    _require_summaries(path, described["summaries"], list(map(str, summaries)))
    widths = described["widths"] or ()
    _require(isinstance(described["network"], str) and isinstance(described["skip"], bool), "recipe of the encoder")
    _require(is_named(described["conditional"]), "conditionals of the encoder")
    _require(all(type(width) is int and width > 0 for width in widths), "widths of the encoder")
    seen = sum(inverse.net.variable(name).size for name in inverse.net.observed)
    compressed = described.get("compressed", [])
    _require(isinstance(compressed, list) and all(type(c) is int and 0 <= c < seen for c in compressed), "columns seen")
    named = {key: described[key] for key in ("network", "skip", "conditional")}
    _require(set(described) <= {*named, "widths", "summaries", "compressed", "peaks"}, "recipe of the encoder")
    _require(type(described.get("peaks", False)) is bool, "recipe of the encoder")
    layers = tuple(widths) or None
    recipe = Recipe(inverse, widths=layers, summaries=summaries, compressed=tuple(compressed), **named)
    # Units stand in as many groups as there are parent sets, at most, and each group listens to itself.
    stored = sum(array.size for array in numbers.values()) * max(1, len(inverse.net.latents))
    widest = max((a * b for a, b in itertools.pairwise((1, *widths))), default=0)
    _require(widest <= stored, "widths of the encoder")
    return recipe


def _show_data(path: Path, recipe: Recipe, forms: Forms, model: Model, inverse: Inverse, *, by_peaks: bool) -> Recipe:
    """Return the recipe with what its encoder sees of data beside or instead of their values."""
    space = Space(inverse, drawn=choose_drawn(model, inverse, forms), model=model)
    if not by_peaks:
        return replace(recipe, drawn=space.drawn, statistics=make_statistics(forms, space) if forms else None)
    peaks = make_peaks(model, space, forms)
    if peaks is None:
        raise FileError(
            path,
            "holds a posterior around peaks of a density that this version of retrodict does not find",
            remedy="Load it with the release of retrodict that wrote it.",
        )
    return replace(recipe, drawn=space.drawn, peaks=peaks)


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
            remedy=f"Call load(folder, source, summaries={{{modules}}}) with modules built like those that were "
            "trained.",
        )
    raise FileError(path, f"was saved without summaries, and {quote(given)} are given", remedy="Leave them out.")


def _read_encoder(path: Path, recipe: Recipe, numbers: Arrays, model: Model) -> Encoder | PeakEncoder:
    if recipe.widths is None:
        recipe = replace(recipe, widths=recipe.suggest_widths(model, *OLD_WIDTHS))
    own = recipe.build(model, jax.random.key(0))
    untrained = own if recipe.peaks is None else join_peaks(recipe.peaks, own)
    misfits = find_misfits(untrained, numbers)
    if misfits and recipe.summaries:
        raise FileError(
            path,
            f"holds an encoder that does not fit the summaries given, at {', '.join(misfits[:3])}",
            remedy="Give summaries built like those that it was trained with.",
        )
    if misfits:
        raise FileError(
            path,
            "holds an encoder that this version of retrodict builds differently",
            remedy="Load it with the release of retrodict that wrote it.",
        )
    return fill(untrained, numbers)


def _read_familiar(stored: Arrays, model: Model) -> Familiar | None:
    if not stored:
        return None
    width = sum(model.net.variable(name).size for name in model.net.observed)
    excess, distance = stored["limits"].tolist()
    found = Familiar(
        **{name: stored[name] for name in ("mean", "spread", "lowest", "highest", "directions", "variances")},
        rest=float(stored["rest"]),
        limits=(float(excess), float(distance)),
        farthest=float(stored["farthest"]),
    )
    columns = (found.mean, found.spread, found.lowest, found.highest)
    _require(all(array.shape == (width,) for array in columns), "summary of what training saw")
    _require(found.directions.shape == (len(found.variances), width), "summary of what training saw")
    return found
