"""`retrodict reproduce figure2`: train the paper's encoders, measure them, draw and tabulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrodict.cli.options import read_numbers, split_words
from retrodict.cli.reproducing.campaigns import Out, Replot, Seeds, run_campaign
from retrodict.zoo.sizes import require_at_least

if TYPE_CHECKING:
    from retrodict.paper.experiment import Result
    from retrodict.paper.figure2.entries import TreeBudget
    from retrodict.paper.figure2.units import TreeUnit

PAPER_DEPTHS = "4 5 6 7 8"


def figure2_command(
    more: Annotated[list[str] | None, typer.Argument(metavar="[DEPTH]...", help="Further depths.")] = None,
    depth: Annotated[list[str] | None, typer.Option(help="Depths of the tree, 3 to 8; 4 to 8 as in the paper.")] = None,
    seeds: Seeds = 5,
    encoder: Annotated[list[str] | None, typer.Option(help="Only these encoders; all if not given.")] = None,
    width: Annotated[
        list[str] | None, typer.Option(help="Units of each layer of the heuristic; several show stability.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Epochs of 25 minibatches for the paper's encoders.")] = 160,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A minute of everything, in small, to see that it runs.")
    ] = False,
    out: Out = Path("figure2"),
    replot: Replot = False,
) -> None:
    """Compare encoders by their distance from the exact posterior, during training.

    A run that was stopped goes on where it was when the same command is given again.

    Example: retrodict reproduce figure2 --depth 4 5 --seeds 3 --out results
    """
    from retrodict.paper.figure2.entries import ENTRIES, TreeBudget
    from retrodict.paper.figure2.tree_runs import FIGURE2, plan_units

    def plan() -> tuple[list[TreeUnit], TreeBudget]:
        require_at_least(1, seeds=seeds, epochs=epochs)
        depths = read_numbers("depth", [*(depth or []), *(more or [])], "3" if smoke else PAPER_DEPTHS)
        widths = read_numbers("width", width or [], "8" if smoke else "200")
        units = plan_units(depths, split_words(encoder or []) or list(ENTRIES), widths, range(1 if smoke else seeds))
        return units, TreeBudget(epochs=2, batch=8, default_steps=50) if smoke else TreeBudget(epochs=epochs)

    run_campaign(FIGURE2, plan, _describe, out, replot)


def _describe(result: Result[TreeUnit]) -> str:
    facts = result.facts
    kl = f"KL {facts['kl']:.4f} nats" if facts["kl"] is not None else f"training failed at step {facts['failed_at']}"
    return (
        f"{result.unit.name}: {facts['in_use']:,} parameters in use of {facts['stored']:,} stored, {kl}, "
        f"floor {facts['floor']:.4f}, {facts['seconds']:.0f} s"
    )
