"""Figure 2 as an experiment: its runs, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence

from retrodict import zoo
from retrodict.errors import OptionError
from retrodict.invert import reversal
from retrodict.paper.experiment import Experiment, Files, Result, require_choice
from retrodict.paper.figure2.bands import draw_figures
from retrodict.paper.figure2.entries import ENTRIES, TreeBudget
from retrodict.paper.figure2.tables import make_page
from retrodict.paper.figure2.units import CURVES, TreeUnit, run_unit

DEPTHS = (3, 4, 5, 6, 7, 8)


def plan_units(
    depths: Sequence[int], encoders: Sequence[str], widths: Sequence[int], seeds: Sequence[int]
) -> list[TreeUnit]:
    """Return the runs, seed by seed, so that what is there after a while is a whole comparison.

    Raises `OptionError` for a depth, an encoder, a width or a seed that does not exist.

    >>> [unit.name for unit in plan_units([4], ["heuristic", "default"], [200], [0])]
    ['depth4-heuristic-width200-seed0', 'depth4-default-width0-seed0']
    """
    for depth in depths:
        require_choice("a depth", depth, DEPTHS, "figure 2")
    for encoder in encoders:
        require_choice("an encoder", encoder, ENTRIES, "figure 2")
    for name, numbers, least in (("width", widths, 1), ("seed", seeds, 0)):
        if not numbers or min(numbers) < least:
            raise OptionError(f"Each {name} must be {least} or more, and there must be one", remedy="See --help.")
    listed = [
        TreeUnit(depth, encoder, width if ENTRIES[encoder].paper else 0, seed)
        for depth in depths
        for seed in seeds
        for width in widths
        for encoder in encoders
    ]
    return list(dict.fromkeys(listed))


def find_floors(results: Sequence[Result[TreeUnit]]) -> dict[str, float]:
    """Return for each depth the KL that no encoder with the reversed edges can go below, in closed form."""
    models = {depth: zoo.binary_tree(depth) for depth in sorted({result.unit.depth for result in results})}
    return {str(depth): model.kl_floor(reversal(model.net)) for depth, model in models.items()}


FILES = Files("figure2", "retrodict figure 2", version=2, flat=True)
FIGURE2 = Experiment(
    FILES, TreeUnit, TreeBudget, CURVES, run_unit, draw_figures, make_page, shared={"floors": find_floors}
)
