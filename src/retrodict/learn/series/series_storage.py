"""A learned program of series on disk: parameters, patterns and history, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from retrodict.encode.series.series_encoder import build_series
from retrodict.encode.series.series_plan import plan_series
from retrodict.encode.trees import Array, fill, find_misfits, list_arrays
from retrodict.errors import FileError
from retrodict.files.checkpoint import save_file
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.written_patterns import read_patterns
from retrodict.models.series_program import SeriesProgram
from retrodict.posterior.storage import add_prefix, take_prefix
from retrodict.train.history import History
from retrodict.train.series.series_pair import SeriesPair

KIND = "learned series"
FILE = "series.safetensors"


def save_series(folder: str | Path, pair: SeriesPair, inverse: LiftedInverse, history: History) -> None:
    """Write a learned program of series into a folder; raise `FileError` where it cannot be written."""
    encoder, template = pair.encoder, inverse.template
    content = {
        "kind": KIND,
        "template": str(template),
        "schedule": repr(inverse.schedule),
        "patterns": {str(template[name]): list(row) for name, row in inverse.parents.items()},
        "widths": list(encoder.widths),
        "cell": encoder.cell,
    }
    arrays = add_prefix("pair", list_arrays(pair)) | add_prefix("history.", history.to_arrays())
    save_file(folder, FILE, content, arrays)


def read_series_file(
    path: Path, content: Mapping[str, Any], arrays: dict[str, Array], program: SeriesProgram
) -> tuple[SeriesPair, LiftedInverse, History]:
    """Return what was saved, with a program like the one that was learned; raise `FileError` for another one."""
    template = program.template
    if content["template"] != str(template):
        raise FileError(
            path,
            f"was saved for the template {content['template']:.80}",
            remedy="Load it with the program that it was learned for.",
        )
    schedule = Schedule.read(content["schedule"])
    inverse = read_patterns(template, content["patterns"], schedule)
    cell, widths = content["cell"], content["widths"]
    units = {name: (jnp.zeros(program.columns[name]), jnp.ones(())) for name in template.observed}
    encoder = build_series(
        plan_series(inverse),
        dict(program.columns),
        dict(program.states),
        units,
        (int(widths[0]), int(widths[1])),
        cell,
        jax.random.key(0),
    )
    blank, kept = SeriesPair(program, encoder), take_prefix("pair", arrays)
    misfits = find_misfits(blank, kept)
    if misfits:
        raise FileError(
            path,
            f"was saved for a program with other parameters ({', '.join(misfits[:3])})",
            remedy="Load it with the program that it was learned for, of the same sizes.",
        )
    return fill(blank, kept), inverse, History.from_arrays(take_prefix("history.", arrays))
