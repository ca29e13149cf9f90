"""`retrodict reproduce figure2`: train the paper's encoders, measure them, draw and tabulate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrodict.cli.options import announce_figures, read_numbers, require_one, split_words

if TYPE_CHECKING:
    from retrodict.paper.figure2.results import Data
    from retrodict.paper.figure2.units import Result

PAPER_DEPTHS = "4 5 6 7 8"


def figure2_command(
    more: Annotated[list[str] | None, typer.Argument(metavar="[DEPTH]...", help="Further depths.")] = None,
    depth: Annotated[list[str] | None, typer.Option(help="Depths of the tree, 3 to 8; 4 to 8 as in the paper.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0 on.")] = 5,
    encoder: Annotated[list[str] | None, typer.Option(help="Only these encoders; all if not given.")] = None,
    width: Annotated[
        list[str] | None, typer.Option(help="Units of each layer of the heuristic; several show stability.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Epochs of 25 minibatches for the paper's encoders.")] = 160,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A minute of everything, in small, to see that it runs.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for results and figures.")] = Path("figure2"),
    replot: Annotated[bool, typer.Option("--replot", help="Draw again from the results, without training.")] = False,
) -> None:
    """Compare encoders by their distance from the exact posterior, during training.

    A run that was stopped goes on where it was when the same command is given again.

    Example: retrodict reproduce figure2 --depth 4 5 --seeds 3 --out results
    """
    from retrodict.paper.figure2.bands import draw_figures
    from retrodict.paper.figure2.campaign import plan_units, run_units
    from retrodict.paper.figure2.entries import ENTRIES, Budget
    from retrodict.paper.figure2.results import read
    from retrodict.paper.figure2.tables import write_tables

    with_figures = announce_figures(replot)
    if replot:
        data = read(out)
    else:
        require_one(seeds=seeds, epochs=epochs)
        depths = read_numbers("depth", [*(depth or []), *(more or [])], "3" if smoke else PAPER_DEPTHS)
        widths = read_numbers("width", width or [], "8" if smoke else "200")
        units = plan_units(depths, split_words(encoder or []) or list(ENTRIES), widths, range(1 if smoke else seeds))
        budget = Budget(epochs=2, batch=8, default_steps=50) if smoke else Budget(epochs=epochs)
        try:
            data = run_units(units, budget, out, _tell)
        except KeyboardInterrupt:
            typer.echo(f"retrodict: interrupted; {out} keeps what is done, the same command goes on there", err=True)
            raise typer.Exit(130) from None
    _show(data, [*(draw_figures(data, out) if with_figures else []), write_tables(data, out)])


def _tell(result: Result) -> None:
    facts = result.facts
    kl = f"KL {facts['kl']:.4f} nats" if facts["kl"] is not None else f"training failed at step {facts['failed_at']}"
    typer.echo(
        f"{result.unit.name}: {facts['in_use']:,} parameters in use of {facts['stored']:,} stored, {kl}, "
        f"floor {facts['floor']:.4f}, {facts['seconds']:.0f} s"
    )


def _show(data: Data, paths: Sequence[Path]) -> None:
    for path in paths:
        typer.echo(f"wrote {path}")
    typer.echo(f"{len(data.results)} runs are in the folder")
