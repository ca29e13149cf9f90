"""A posterior of a template out of the file that it was saved in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrodict.encode.families.choice import is_named
from retrodict.encode.keys import make_key
from retrodict.encode.lifted.build_lifted import assemble_lifted
from retrodict.encode.lifted.cells import Units
from retrodict.encode.lifted.context import Widths
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.encode.trees import Array, fill, find_misfits
from retrodict.errors import FileError
from retrodict.exact.lifted.find_lifted import find_lifted_forms, keep_suffix, list_exact
from retrodict.lift.lifting import lift
from retrodict.models.template_model import TemplateModel
from retrodict.posterior.lifted.lifted_amortization import read_ranges, read_shares
from retrodict.posterior.lifted.lifted_posterior import LiftedPosterior
from retrodict.posterior.storage import take_prefix
from retrodict.train.history import History

# Networks of a file are no wider than this.
WIDEST = 4096


def read_lifted(
    path: Path, content: Mapping[str, Any], arrays: dict[str, Array], source: TemplateModel
) -> LiftedPosterior:
    """Return the posterior of a template model that a file describes.

    Raises `FileError` for another model, and whatever reading values raises that are not there.
    """
    if content["model"] != source.model.digest() or content["template"] != str(source.template):
        raise FileError(path, "was saved for another model", remedy="Load it with the model that it was made from.")
    ranges = read_ranges(source, {dim: tuple(ends) for dim, ends in content["vary"].items()})
    inverse, space = lift(source.template, content["schedule"]), TemplateSpace(source)
    widths = Widths(**content["widths"])
    if not is_named(content["conditional"]) or not all(
        type(width) is int and 0 < width <= WIDEST for width in vars(widths).values()
    ):
        raise ValueError("the networks of the encoder cannot be")
    typical = {dim: float(content["typical"][dim]) for dim in content["typical"]}
    units = {name: Units.none(described) for name, described in space.described.items()}
    exact = tuple(map(str, content["exact"]))
    own = tuple(form for form in find_lifted_forms(source) if set(form.names) <= set(exact)) if exact else ()
    forms = keep_suffix(own, inverse.schedule.drawn, source.template)
    if list_exact(forms) != exact:
        raise FileError(
            path,
            "holds a posterior whose closed forms this version of retrodict does not find",
            remedy="Load it with the release of retrodict that wrote it.",
        )
    built = assemble_lifted(inverse, space, typical, units, make_key(0), content["conditional"], widths, exact)
    numbers = take_prefix("encoder", arrays)
    if find_misfits(built, numbers):
        raise FileError(
            path,
            "holds an encoder that this version of retrodict builds differently",
            remedy="Load it with the release of retrodict that wrote it.",
        )
    shares = read_shares(source, content["missing"])
    history = History.from_arrays(take_prefix("history.", arrays))
    return LiftedPosterior(source, inverse, fill(built, numbers), ranges, shares, history, forms)
