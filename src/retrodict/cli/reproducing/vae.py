"""`retrodict reproduce vae`: learn generative models with encoders of each structure, measure, draw and tabulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrodict.cli.options import read_numbers, split_words
from retrodict.cli.reproducing.campaigns import Out, Replot, Seeds, run_campaign
from retrodict.zoo.sizes import require_at_least

if TYPE_CHECKING:
    from retrodict.paper.experiment import Result
    from retrodict.paper.learned.measures import LearnedUnit
    from retrodict.paper.learned.tasks import LearnedBudget


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
    seeds: Seeds = 5,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images; each model's own if not given.")] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="Everything in small, to see that it runs.")] = False,
    out: Out = Path("vae"),
    replot: Replot = False,
) -> None:
    """Learn generative models together with encoders of each structure, and compare their bounds.

    A command that was stopped goes on where it was when it is given again.

    Example: retrodict reproduce vae --model exact,relaxed --seeds 5 --out results
    """
    from retrodict.paper.learned.model_runs import LEARNED, plan_units
    from retrodict.paper.learned.tasks import ENCODERS, SMOKE, TASKS, LearnedBudget

    def plan() -> tuple[list[LearnedUnit], LearnedBudget]:
        require_at_least(1, seeds=seeds, epochs=1 if epochs is None else epochs)
        models, encoders = split_words(model or []) or list(TASKS), split_words(encoder or []) or list(ENCODERS)
        capacities = read_numbers("capacity", capacity or [])
        units = plan_units(data, models, encoders, capacities, range(1 if smoke else seeds))
        return units, SMOKE if smoke else LearnedBudget(epochs=epochs)

    run_campaign(LEARNED, plan, _describe, out, replot)


def _describe(result: Result[LearnedUnit]) -> str:
    facts = result.facts
    if facts["failed_at"] is not None:
        return f"{result.unit.name}: training failed at step {facts['failed_at']}"
    return (
        f"{result.unit.name} ({facts['names']}): {facts['in_use']:,} parameters in use of {facts['stored']:,} stored, "
        f"ELBO {facts['elbo']:.3f}, log-likelihood {facts['log_likelihood']:.3f} nats, "
        f"{facts['seconds']:.0f} s, {facts['epoch_seconds']:.2f} s an epoch"
    )
