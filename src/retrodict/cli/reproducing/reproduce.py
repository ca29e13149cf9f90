"""`retrodict reproduce`: the figures of the paper, and its next step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrodict.cli.options import show_help
from retrodict.cli.reproducing.figure2 import figure2_command
from retrodict.cli.reproducing.music_command import music_command
from retrodict.cli.reproducing.vae import vae_command

app = typer.Typer()


@app.callback(invoke_without_command=True)
def reproduce_command(context: typer.Context) -> None:
    """Make the figures of the paper again."""
    show_help(context)


@app.command("figure1")
def figure1_command(
    out: Annotated[Path, typer.Option(help="Folder for figure1.svg, figure1.png and figure1.json.")] = Path(),
    depth: Annotated[int, typer.Option(help="Depth of the tree; the paper draws 3.")] = 3,
) -> None:
    """Draw a model, its edges turned round, and its faithful inverse with the added edges marked.

    Example: retrodict reproduce figure1 --out figures
    """
    from retrodict.packages import explain_missing
    from retrodict.paper.figure1 import count_edges, write_figure1

    counts, missing = count_edges(depth), explain_missing()
    if missing:
        typer.echo(f"figure1.png is left out: {missing}", err=True)
    paths = write_figure1(out, depth, png=not missing)
    typer.echo(
        f"model {counts.model} edges, heuristic {counts.heuristic}, faithful inverse {counts.faithful}: "
        f"{len(counts.added)} added, {', '.join(f'{parent} -> {child}' for parent, child in counts.added)}"
    )
    for path in paths:
        typer.echo(f"wrote {path}")


app.command("figure2")(figure2_command)
app.command("vae")(vae_command)
app.command("music")(music_command)
