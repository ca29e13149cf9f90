"""`retrodict answer`: the posterior of the data at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from retrodict.cli.arguments import read_arguments
from retrodict.cli.options import Args, Elementwise, Latent, Observed, Source, open_source
from retrodict.errors import SourceError
from retrodict.files.places import require_writable
from retrodict.models.model import Model


def answer_command(
    source: Source,
    data: Annotated[
        Path | None,
        typer.Option(help="A file .npz or .json of what was observed, where the program is not given it by --args."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a page there, .html.")] = None,
    draws: Annotated[int, typer.Option(help="Number of draws.")] = 4000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer, if time suffices.")] = 0,
    seconds: Annotated[float, typer.Option(help="About how long it may take.")] = 150,
    observed: Observed = None,
    latent: Latent = None,
    args: Args = None,
    elementwise: Elementwise = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")] = False,
) -> None:
    """Find the posterior of the data at hand, going as far as is needed; exit status 1: it is not reliable.

    Examples: retrodict answer schools:model --args data.npz -o report.html | retrodict answer tree:3 --data leaves.json
    """
    if out is not None:
        require_writable(out)
    model = open_source(source, observed, latent, args, elementwise, tables=True)
    if not isinstance(model, Model):
        raise SourceError(
            f"{source!r} is a structure without a program, which has no posterior",
            remedy="Give a .bif file, a NumPyro program as module:program, tree:5 or hmm:64.",
        )
    from retrodict.posterior.answers.program_answer import answer
    from retrodict.report.answer_page import list_checks, write_answer

    values: dict[Any, Any] | None = None if data is None else read_arguments(data)
    found = answer(model, data=values, n=draws, seed=seed, seconds=seconds)
    if out is not None:
        write_answer(found, out, title=source)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        typer.echo("\n".join([repr(found), *list_checks(found)]))
        if out is not None:
            typer.echo(f"wrote {out}")
    if not found.reliable:
        raise typer.Exit(1)
