"""A posterior of a template on disk: what it was made with, and all numbers of its encoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from retrodict.encode.families.choice import REAL_FAMILIES, name_family
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.families.discrete import Categorical, Count
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder
from retrodict.encode.trees import list_arrays
from retrodict.errors import FileError
from retrodict.files.checkpoint import save_file
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.models.template_model import TemplateModel
from retrodict.posterior.storage import add_prefix
from retrodict.train.history import History

KIND = "lifted posterior"
FILE = "lifted.safetensors"


def save_lifted(
    folder: str | Path,
    source: TemplateModel,
    inverse: LiftedInverse,
    encoder: LiftedEncoder,
    training: tuple[Mapping[str, tuple[int, int]], Mapping[str, float], History],
    exact: tuple[str, ...],
) -> None:
    """Write a posterior into a folder; raise `FileError` where it cannot be written or built again.

    ``training`` are the sizes and shares that it saw, and the history; ``exact`` are latents with closed forms.
    """
    around, (vary, missing, history) = encoder.around, training
    content = {
        "kind": KIND,
        "model": source.model.digest(),
        "template": str(source.template),
        "schedule": str(inverse.schedule),
        "exact": list(exact),
        "vary": {dim: list(ends) for dim, ends in vary.items()},
        "missing": dict(missing),
        "typical": dict(around.typical),
        "widths": vars(around.widths),
        "conditional": _name_conditional(folder, encoder),
    }
    arrays = add_prefix("encoder", list_arrays(encoder))
    save_file(folder, FILE, content, arrays | add_prefix("history.", history.to_arrays()))


def _name_conditional(folder: str | Path, encoder: LiftedEncoder) -> str:
    kinds = {name_family(t.conditional) for t in encoder.targets.values() if not _is_whole(t.conditional)}
    if None in kinds:
        raise FileError(
            folder,
            "cannot hold an encoder with your own family of conditionals",
            remedy=f"Use one of {', '.join(REAL_FAMILIES)}, or save its arrays yourself.",
        )
    return next((kind for kind in kinds if kind), "normal")


def _is_whole(conditional: Conditional) -> bool:
    return isinstance(conditional, Categorical | Count)
