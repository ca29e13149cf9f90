"""Learned models as an experiment, and its runs."""

from __future__ import annotations

from collections.abc import Sequence

from retrodict.errors import OptionError
from retrodict.paper.experiment import Experiment, Files, require_choice
from retrodict.paper.learned.curves import draw_figures
from retrodict.paper.learned.measures import CURVES, LearnedUnit, run_unit
from retrodict.paper.learned.pages import make_page
from retrodict.paper.learned.tasks import DATA, ENCODERS, LearnedBudget, list_names, require_task
from retrodict.zoo.images import load_images


def plan_units(
    data: str,
    models: Sequence[str],
    encoders: Sequence[str],
    capacities: Sequence[int],
    seeds: Sequence[int],
) -> list[LearnedUnit]:
    """Return the runs, seed by seed; encoders with the same parents are one run, under the first of their names.

    Without capacities, each model has its own. Raises `OptionError` for what does not exist, and what `load_images`
    raises.

    >>> [unit.name for unit in plan_units("digits", ["exact"], ["forward", "auto", "mean-field"], [], [0])]
    ['exact-digits-mean-field-3000-seed0', 'exact-digits-forward-3000-seed0']
    """
    require_choice("the name of images", data, DATA, "this experiment")
    for encoder in encoders:
        require_choice("an encoder", encoder, ENCODERS, "this experiment")
    if not seeds or min(seeds) < 0:
        raise OptionError("Each seed must be 0 or more, and there must be one", remedy="See --help.")
    if any(capacity < 1 for capacity in capacities):
        raise OptionError("Each capacity must be 1 or more", remedy="See --help.")
    load_images(data)
    ordered = [encoder for encoder in ENCODERS if encoder in encoders]
    listed = [
        LearnedUnit(model, data, list_names(model, encoder)[0], capacity, seed)
        for model in models
        for capacity in capacities or [require_task(model).capacity]
        for seed in seeds
        for encoder in ordered
    ]
    return list(dict.fromkeys(listed))


FILES = Files("vae", "retrodict vae", version=1, digits=7)
LEARNED = Experiment(FILES, LearnedUnit, LearnedBudget, CURVES, run_unit, draw_figures, make_page)
