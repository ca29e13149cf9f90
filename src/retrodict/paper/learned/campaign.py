"""All runs that were asked for: each is kept when it ends, and none that is there is run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from retrodict.errors import OptionError
from retrodict.paper.figure2.campaign import find_origin, prepare
from retrodict.paper.learned.entries import DATA, ENCODERS, Budget, list_names, load_rows, require_task
from retrodict.paper.learned.results import Data, collect, load_unit, save_unit
from retrodict.paper.learned.units import Result, Unit, run_unit

Tell = Callable[[Result], None]


def plan_units(
    data: str,
    models: Sequence[str],
    encoders: Sequence[str],
    capacities: Sequence[int],
    seeds: Sequence[int],
) -> list[Unit]:
    """Return the runs, seed by seed; encoders with the same parents are one run, under the first of their names.

    Without capacities, each model has its own. Raises `OptionError` for what does not exist.

    >>> [unit.name for unit in plan_units("digits", ["exact"], ["forward", "auto", "mean-field"], [], [0])]
    ['exact-digits-mean-field-3000-seed0', 'exact-digits-forward-3000-seed0']
    """
    if data not in DATA:
        raise OptionError(f"the data {data!r} are not in this experiment", remedy=f"Choose of {', '.join(DATA)}.")
    for encoder in encoders:
        if encoder not in ENCODERS:
            raise OptionError(
                f"the encoder {encoder!r} is not in this experiment", remedy=f"Choose of {', '.join(ENCODERS)}."
            )
    if not seeds or min(seeds) < 0 or any(capacity < 1 for capacity in capacities):
        raise OptionError("seeds and capacities must be 1 or more", remedy="See --help.")
    ordered = [encoder for encoder in ENCODERS if encoder in encoders]
    listed = [
        Unit(model, data, list_names(model, encoder)[0], capacity, seed)
        for model in models
        for capacity in capacities or [require_task(model).capacity]
        for seed in seeds
        for encoder in ordered
    ]
    return list(dict.fromkeys(listed))


def run_units(units: Sequence[Unit], budget: Budget, folder: Path, tell: Tell, *, quiet: bool = False) -> Data:
    """Run the units of which the folder has no result yet, and put together all that it has.

    Raises `FileError` when the folder cannot be written, and what `load_images` raises, before anything is trained.
    """
    prepare(folder)
    for model, data in dict.fromkeys((unit.model, unit.data) for unit in units):
        load_rows(data, require_task(model), budget)
    origin = find_origin()
    for unit in units:
        if load_unit(folder, unit, budget) is None:
            result = run_unit(unit, budget, quiet=quiet)
            save_unit(folder, result, budget, origin)
            tell(result)
    return collect(folder, budget)
