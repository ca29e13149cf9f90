"""`retrodict reproduce music`: learn deep Markov models of music with four encoders, measure, draw and tabulate."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrodict.cli.options import split_words
from retrodict.cli.reproducing.campaigns import Out, Replot, Seeds, run_campaign
from retrodict.zoo.sizes import require_at_least

if TYPE_CHECKING:
    from retrodict.paper.experiment import Result
    from retrodict.paper.music.music_tasks import MusicBudget
    from retrodict.paper.music.music_units import MusicUnit


def music_command(
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="Only these sets: jsb, nottingham, piano, muse; jsb if not given.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the .mat files; if not given, what RETRODICT_MUSIC names.")
    ] = None,
    encoder: Annotated[
        list[str] | None, typer.Option(help="Only these: derived, all, mean-field, past; all four if not given.")
    ] = None,
    size: Annotated[str, typer.Option(help="Widths: small, medium, or those of the paper: paper.")] = "small",
    seeds: Seeds = 3,
    epochs: Annotated[int | None, typer.Option(help="Passes over the pieces; each size its own if not given.")] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="Everything in small, to see that it runs.")] = False,
    out: Out = Path("music"),
    replot: Replot = False,
) -> None:
    """Learn deep Markov models of music together with four encoders, and compare their likelihoods.

    A command that was stopped goes on where it was when it is given again. A new piece is written as sound.

    Example: retrodict reproduce music --set jsb --data mdata --seeds 3 --out results
    """
    from retrodict.paper.music.music_runs import MUSIC, MusicRequest, plan_units, run_unit
    from retrodict.paper.music.music_tasks import ENCODERS, SMOKE, MusicBudget
    from retrodict.zoo.music import SETS

    def plan() -> tuple[list[MusicUnit], MusicBudget]:
        require_at_least(1, seeds=seeds, epochs=1 if epochs is None else epochs)
        request = MusicRequest(
            split_words(sets or []) or (list(SETS) if smoke else ["jsb"]),
            split_words(encoder or []) or list(ENCODERS),
            "tiny" if smoke else size,
            range(1 if smoke else seeds),
            data,
        )
        return plan_units(request), SMOKE if smoke else MusicBudget(epochs=epochs)

    experiment = MUSIC if data is None else replace(MUSIC, run=partial(run_unit, folder=data))
    run_campaign(experiment, plan, _describe, out, replot)


def _describe(result: Result[MusicUnit]) -> str:
    facts = result.facts
    if facts["failed_at"] is not None:
        return f"{result.unit.name}: training failed at step {facts['failed_at']}"
    return (
        f"{result.unit.name}: {facts['in_use']:,} parameters of the encoder, bound {facts['bound']:.3f}, "
        f"importance-sampled {facts['weighed']:.3f}, filtered {facts['filtered']:.3f} nats a step, "
        f"best epoch {facts['best_epoch']} of {facts['epochs']}, {facts['seconds']:.0f} s"
    )
