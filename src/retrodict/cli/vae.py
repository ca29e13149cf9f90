"""`retrodict reproduce vae`: learn generative models with encoders of each structure, measure, draw and tabulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrodict.cli.options import announce_figures, read_numbers, require_one, split_words

if TYPE_CHECKING:
    from retrodict.paper.learned.units import Result


def vae_command(
    data: Annotated[str, typer.Option(help="Images: digits, mnist5k or fashion.")] = "digits",
    model: Annotated[
        list[str] | None, typer.Option(help="Only these models: exact, relaxed, sbn, gaussian; all if not given.")
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(help="Only these: mean-field, reversal, forward, auto, fully-connected; all if not given."),
    ] = None,
    capacity: Annotated[
        list[str] | None, typer.Option(help="Parameters of an encoder in use; each model's own if not given.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0 on.")] = 5,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images; each model's own if not given.")] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="Everything in small, to see that it runs.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for results and figures.")] = Path("vae"),
    replot: Annotated[bool, typer.Option("--replot", help="Draw again from the results, without training.")] = False,
) -> None:
    """Learn generative models together with encoders of each structure, and compare their bounds.

    A command that was stopped goes on where it was when it is given again.

    Example: retrodict reproduce vae --model exact,relaxed --seeds 5 --out results
    """
    from retrodict.paper.learned.bands import draw_figures
    from retrodict.paper.learned.campaign import plan_units, run_units
    from retrodict.paper.learned.entries import ENCODERS, SMOKE, TASKS, Budget
    from retrodict.paper.learned.results import read
    from retrodict.paper.learned.tables import write_tables

    with_figures = announce_figures(replot)
    if replot:
        found = read(out)
    else:
        require_one(seeds=seeds, epochs=1 if epochs is None else epochs)
        models, encoders = split_words(model or []) or list(TASKS), split_words(encoder or []) or list(ENCODERS)
        capacities = read_numbers("capacity", capacity or [])
        units = plan_units(data, models, encoders, capacities, range(1 if smoke else seeds))
        budget = SMOKE if smoke else Budget(epochs=epochs)
        try:
            found = run_units(units, budget, out, _tell)
        except KeyboardInterrupt:
            typer.echo(f"retrodict: interrupted; {out} keeps what is done, the same command goes on there", err=True)
            raise typer.Exit(130) from None
    for path in [*(draw_figures(found, out) if with_figures else []), write_tables(found, out)]:
        typer.echo(f"wrote {path}")
    typer.echo(f"{len(found.results)} runs are in the folder")


def _tell(result: Result) -> None:
    facts = result.facts
    if facts["failed_at"] is not None:
        typer.echo(f"{result.unit.name}: training failed at step {facts['failed_at']}")
        return
    typer.echo(
        f"{result.unit.name} ({facts['names']}): {facts['in_use']:,} parameters in use of {facts['stored']:,} stored, "
        f"ELBO {facts['elbo']:.3f}, log-likelihood {facts['log_likelihood']:.3f} nats, "
        f"{facts['seconds']:.0f} s, {facts['epoch_seconds']:.2f} s an epoch"
    )
