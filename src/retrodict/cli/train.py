"""`retrodict train`: from a model to a saved posterior."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from retrodict.cli.options import Args, Elementwise, Latent, Observed, Source, open_source
from retrodict.cli.printing import open_console, print_calibration
from retrodict.cli.processes import Place, find_place, run_processes
from retrodict.errors import FileError, OptionError, SourceError, quote
from retrodict.files.places import make_folder, writing
from retrodict.models.model import Model


def train_command(
    source: Source,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the posterior into; it must be new.")],
    order: Annotated[str, typer.Option(help="Order of the inverse, see `retrodict invert --help`.")] = "auto",
    minimize: Annotated[str, typer.Option(help="What auto minimizes: edges, depth or width.")] = "edges",
    network: Annotated[str, typer.Option(help="shared (one masked network) or separate (one a latent).")] = "shared",
    conditional: Annotated[
        str,
        typer.Option(
            help="Family of real latents: auto, normal, mixture, truncated or spline; mixture:12 has 12 components."
        ),
    ] = "auto",
    steps: Annotated[
        int,
        typer.Option(help="Minibatches of simulations, at most; 0: stay at the regressions it starts at."),
    ] = 10_000,
    seconds: Annotated[float | None, typer.Option(help="Train for so many seconds, at most.")] = None,
    batch: Annotated[int, typer.Option(help="Simulations in a minibatch.")] = 256,
    patience: Annotated[
        int | None,
        typer.Option(help="Steps without a gain after which the learning rate falls, at last training ends."),
    ] = None,
    evidence: Annotated[
        str | None,
        typer.Option(help="any: one network for any variables given any others, which `retrodict query` asks."),
    ] = None,
    exact: Annotated[bool, typer.Option(help="Draw latents that have closed forms from those.")] = True,
    simulations: Annotated[int, typer.Option(help="Simulations for the check of calibration; 0: no check.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same posterior.")] = 0,
    observed: Observed = None,
    latent: Latent = None,
    args: Args = None,
    elementwise: Elementwise = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")] = False,
    processes: Annotated[
        int,
        typer.Option(help="Processes that share the work, each with its own device; under mpirun or srun leave 1."),
    ] = 1,
) -> None:
    """Train an amortized posterior on simulations of a model, check it and save it for `rd.load`.

    Exit status 1: it was saved, but calibration rejects it.

    Examples: retrodict train tree:5 -o posterior | retrodict train alarm.bif --steps 10000 -o alarm-posterior
    """
    place = find_place(os.environ)
    if place.is_first:
        _require_new(out)
    if processes != 1 and place.total == 1:
        raise typer.Exit(run_processes(processes, sys.argv[1:]))
    with place.joined():
        model = _require_model(source, open_source(source, observed, latent, args, elementwise, tables=True))
        _require_possible(simulations, evidence, processes, place)
        options: dict[str, Any] = {
            "order": order,
            "minimize": minimize,
            "network": network,
            "conditional": conditional,
            "steps": steps,
            "seconds": seconds,
            "batch": batch,
            "patience": patience,
            "seed": seed,
            "exact": exact,
        }
        if evidence is not None:
            _train_for_evidence(model, evidence, out, simulations, as_json=as_json, **options)
            return
        from retrodict.posterior.amortization import amortize

        with _new_folder(out) if place.is_first else nullcontext():
            posterior = amortize(model, quiet=not place.is_first, **options)
            if place.is_first:
                posterior.save(out)
    if not place.is_first:
        return
    outcome = posterior.calibration(simulations, draws=199, seed=seed + 1) if simulations else None
    if as_json:
        typer.echo(json.dumps(_describe(posterior, out, outcome)))
    else:
        _show(posterior, out, outcome)
    if outcome is not None and not outcome:
        raise typer.Exit(1)


def _require_model(source: str, model: Any) -> Model:
    """Return a model that can be simulated; raise `SourceError` for a structure alone."""
    if not isinstance(model, Model):
        raise SourceError(
            f"{source!r} is a structure without a program, which cannot be simulated",
            remedy="Train a .bif file with its tables, a NumPyro program as module:program, tree:5 or hmm:64.",
        )
    return model


def _require_possible(simulations: int, evidence: str | None, processes: int, place: Place) -> None:
    """Raise `OptionError` for options that do not fit, before anything is trained."""
    from retrodict.posterior.calibration.calibration import LEAST_SIMULATIONS

    if simulations and simulations < LEAST_SIMULATIONS:
        raise OptionError(
            f"simulations={simulations} is too small for the check of calibration",
            remedy=f"It must be {LEAST_SIMULATIONS} or more, or 0 for no check.",
        )
    if place.total > 1 and processes not in (1, place.total):
        raise OptionError(
            f"processes={processes}, but the launcher has started {place.total}", remedy="Leave --processes out."
        )
    if place.total > 1 and evidence is not None:
        raise OptionError("--evidence trains in one process only", remedy="Start one, without --processes.")


def _train_for_evidence(
    model: Model, evidence: str, out: Path, simulations: int, *, seed: int, as_json: bool, **options: Any
) -> None:
    """Train one network for any evidence, save it and check it; exit status 1 where calibration rejects it."""
    from retrodict.posterior.amortization import amortize

    with _new_folder(out):
        posterior = amortize(model, evidence=evidence, seed=seed, **options)
        posterior.save(out)
    outcome = posterior.calibration(simulations, seed=seed + 1) if simulations else None
    if as_json:
        found = None if outcome is None else {"passed": bool(outcome), "rejected": list(outcome.rejected)}
        typer.echo(json.dumps({"folder": str(out), "epochs": len(posterior.history), "calibration": found}))
    else:
        typer.echo(f"wrote {out}: {posterior!r}")
        if outcome is not None:
            typer.echo(str(outcome))
    if outcome is not None and not outcome:
        raise typer.Exit(1)


def _require_new(out: Path) -> None:
    """Raise `FileError` for a folder that holds files."""
    with writing(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise FileError(out, "exists already", remedy="Name another folder; nothing is overwritten.")


@contextmanager
def _new_folder(out: Path) -> Iterator[None]:
    """Make a folder before the work, to see that it can be written, and take it away again if it stays empty.

    Raises `FileError` for one that holds files, and where it cannot be made or written into.
    """
    _require_new(out)
    make_folder(out)
    try:
        yield
    finally:
        with suppress(OSError):  # of a folder that is not empty
            out.rmdir()


def _show(posterior: Any, out: Path, outcome: Any) -> None:
    typer.echo(f"wrote {out}: {posterior.inverse}, {len(posterior.history.step)} epochs")
    for form in posterior.forms:
        typer.echo(f"exact, {form.kind}: {quote(form.variables)}")
    if posterior.history.converged is False:
        typer.echo("not converged: more steps would help")
    if posterior.history.test:
        typer.echo(f"held-out objective {min(posterior.history.test):.4f} nats")
    if outcome is not None:
        print_calibration(open_console(), outcome)


def _describe(posterior: Any, out: Path, outcome: Any) -> dict[str, Any]:
    history = posterior.history
    return {
        "folder": str(out),
        "edges": posterior.inverse.n_edges,
        "depth": posterior.inverse.depth,
        "epochs": len(history.step),
        "exact": [form.to_dict() for form in posterior.forms],
        "objective": min(history.test) if history.test else None,
        "calibration": None if outcome is None else outcome.to_dict(),
    }
