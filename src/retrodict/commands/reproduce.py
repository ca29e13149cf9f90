"""`retrodict reproduce`: the figures of the paper, and its next step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrodict.commands.figure2 import figure2_command
from retrodict.commands.vae import vae_command

app = typer.Typer(help="Make the figures of the paper again.", no_args_is_help=True)


@app.callback()
def reproduce_command() -> None:
    """Make the figures of the paper again."""


@app.command("figure1")
def figure1_command(
    out: Annotated[Path, typer.Option(help="Folder for figure1.svg, figure1.png and figure1.json.")] = Path(),
    depth: Annotated[int, typer.Option(help="Depth of the tree; the paper draws 3.")] = 3,
) -> None:
    """Draw a model, its edges turned round, and its faithful inverse with the added edges marked.

    Example: retrodict reproduce figure1 --out figures
    """
    from retrodict.reproduce.figure1 import count_edges, write_figure1

    counts = count_edges(depth)
    typer.echo(
        f"model {counts.model} edges, heuristic {counts.heuristic}, faithful inverse {counts.faithful}: "
        f"{len(counts.added)} added, {', '.join(f'{parent} -> {child}' for parent, child in counts.added)}"
    )
    for path in write_figure1(out, depth):
        typer.echo(f"wrote {path}")


app.command("figure2")(figure2_command)
app.command("vae")(vae_command)
