"""What the commands that run an experiment have in common: their options, and the way from units to pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrodict.cli.options import announce_figures

if TYPE_CHECKING:
    from retrodict.paper.experiment import B, Experiment, Result, U

Seeds = Annotated[int, typer.Option(help="How many seeds, from 0 on.")]
Out = Annotated[Path, typer.Option(help="Folder for results and figures.")]
Replot = Annotated[bool, typer.Option("--replot", help="Draw again from the results, without training.")]


def run_campaign(
    experiment: Experiment[U, B],
    plan: Callable[[], tuple[list[U], B]],
    describe: Callable[[Result[U]], str],
    out: Path,
    replot: bool,
) -> None:
    """Run what is planned and has no result yet, unless it is to be drawn only; draw and write all that is there."""
    from retrodict.paper.campaign import run_units, write_page
    from retrodict.paper.summary import read

    with_figures = announce_figures(replot)
    if replot:
        findings = read(experiment, out)
    else:
        try:
            findings = run_units(experiment, *plan(), out, lambda result: typer.echo(describe(result)))
        except KeyboardInterrupt:
            typer.echo(f"retrodict: interrupted; {out} keeps what is done, the same command goes on there", err=True)
            raise typer.Exit(130) from None
    for path in [*(experiment.draw(findings, out) if with_figures else []), write_page(experiment, findings, out)]:
        typer.echo(f"wrote {path}")
    typer.echo(f"{len(findings.results)} runs are in the folder")
