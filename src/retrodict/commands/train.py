"""`retrodict train`: from a model to a saved posterior."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from retrodict.commands.options import Latent, Observed, Source
from retrodict.errors import FileError, SourceError
from retrodict.model import Model
from retrodict.sources import find_source


def train_command(
    source: Source,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the posterior into; it must be new.")],
    order: Annotated[str, typer.Option(help="Order of the inverse, see `retrodict invert --help`.")] = "auto",
    minimize: Annotated[str, typer.Option(help="What auto minimises: edges, depth or width.")] = "edges",
    encoder: Annotated[str, typer.Option(help="shared (one masked network) or separate (one a latent).")] = "shared",
    conditional: Annotated[str, typer.Option(help="Family of real latents: normal, mixture or spline.")] = "normal",
    steps: Annotated[int, typer.Option(help="Minibatches of simulations.")] = 5000,
    batch: Annotated[int, typer.Option(help="Simulations in a minibatch.")] = 256,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many epochs of 25 steps without progress.")
    ] = None,
    simulations: Annotated[int, typer.Option(help="Simulations for the check of calibration; 0: no check.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same posterior.")] = 0,
    observed: Observed = None,
    latent: Latent = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")] = False,
) -> None:
    """Train an amortised posterior on simulations of a model, check it and save it for `rd.load`.

    Examples: retrodict train tree:5 -o posterior | retrodict train alarm.bif --steps 10000 -o alarm-posterior
    """
    if out.exists():
        raise FileError(out, "exists already", remedy="Name another folder; nothing is overwritten.")
    model = find_source(source, observed or (), latent or ())
    if not isinstance(model, Model):
        raise SourceError(
            f"{source!r} is a structure without a program, which cannot be simulated",
            remedy="Train a .bif file with its tables, a NumPyro program as module:program, tree:5 or hmm:64.",
        )
    from retrodict.amortization import amortize

    posterior = amortize(
        model,
        order,
        encoder,
        minimize=minimize,
        conditional=conditional,
        steps=steps,
        batch=batch,
        patience=patience,
        seed=seed,
    )
    posterior.save(out)
    outcome = posterior.calibration(simulations, draws=199, seed=seed + 1) if simulations else None
    if as_json:
        typer.echo(json.dumps(_describe(posterior, out, outcome)))
        return
    typer.echo(f"wrote {out}: {posterior.inverse}, {len(posterior.history.step)} epochs")
    if posterior.history.test:
        typer.echo(f"held-out objective {posterior.history.test[-1]:.4f} nats")
    if outcome is not None:
        typer.echo(str(outcome))


def _describe(posterior: Any, out: Path, outcome: Any) -> dict[str, Any]:
    history = posterior.history
    return {
        "folder": str(out),
        "edges": posterior.inverse.n_edges,
        "depth": posterior.inverse.depth,
        "epochs": len(history.step),
        "objective": history.test[-1] if history.test else None,
        "calibration": None if outcome is None else outcome.to_dict(),
    }
