"""The command line. Exit status 0: done; 1: the guide is unfaithful; 2: bad input, said in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from retrodict import zoo
from retrodict.certify import Certificate, certify, lint
from retrodict.commands import register
from retrodict.errors import RetrodictError, SourceError
from retrodict.graph.bayesnet import BayesNet, structure_of
from retrodict.graph.inverse import Inverse
from retrodict.invert import fully_connected, invert, mean_field, reversal
from retrodict.invert.orders import ORDERS

app = typer.Typer(
    help="Turn any generative model into the right encoder.", no_args_is_help=True, pretty_exceptions_enable=False
)
console = Console()

BASELINES = {"reversal": reversal, "mean-field": mean_field, "fully-connected": fully_connected}

Source = Annotated[str, typer.Argument(help="A model: tree:5, hmm:64, plate:32, layers:3x10x20 or asia.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")]


@app.command("invert")
def invert_command(
    source: Source,
    order: Annotated[str, typer.Option(help=f"auto, exact, {', '.join(ORDERS)}.")] = "auto",
    minimize: Annotated[str, typer.Option(help="What auto minimises: edges, depth or width.")] = "edges",
    as_json: AsJson = False,
) -> None:
    """Derive the factorisation that the posterior of a model has.

    Example: retrodict invert tree:5 --json
    """
    inverse = invert(zoo.find(source), order, minimize)
    inverse.require_size()
    _show(inverse, certify(inverse), as_json)


@app.command("check")
def check_command(
    source: Source,
    guide: Annotated[
        str, typer.Option(help="A JSON file {latent: [parents]}, or reversal, mean-field or fully-connected.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say which dependencies a guide lacks, and why; exit status 1 when it lacks any.

    Example: retrodict check tree:3 --guide reversal
    """
    net = structure_of(zoo.find(source))
    certificate = certify(BASELINES[guide](net)) if guide in BASELINES else lint(net, _read_guide(Path(guide)))
    _show(certificate.inverse, certificate, as_json)
    if not certificate:
        raise typer.Exit(1)


@app.command("demo")
def demo_command(
    out: Annotated[Path, typer.Option(help="Folder for the figure.")] = Path(),
) -> None:
    """Show the paper's claim: reversed edges cannot reach the posterior, faithful ones do (about three minutes)."""
    from retrodict.demo import run_demo

    run_demo(out, console)


register(app)


def main() -> None:
    """Run the command line, turning every expected error into one line on standard error."""
    try:
        status = app(standalone_mode=False)
    except typer.TyperException as error:
        status = _complain(error.format_message() if hasattr(error, "format_message") else str(error))
    except RetrodictError as error:
        status = _complain(str(error))
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> int:
    print("retrodict: " + " ".join(message.split()), file=sys.stderr)
    return 2


def _read_guide(path: Path) -> dict[str, Any]:
    """Read {latent: [parents]}; the file is data, and an error names it."""
    try:
        guide = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_refuse_duplicates)
    except OSError as error:
        raise SourceError(f"cannot read the guide {path}: {error.strerror}", remedy="See --help.") from None
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the guide {path} is not JSON: {error}", remedy="Write {latent: [parents]}.") from None
    if not isinstance(guide, dict):
        raise SourceError(f"the guide {path} is not a JSON object", remedy="Write {latent: [parents]}.")
    return guide


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return entries


def _show(inverse: Inverse, certificate: Certificate, as_json: bool) -> None:
    if as_json:
        print(json.dumps(describe(inverse, certificate)))
    else:
        _print_tables(inverse, certificate)


def describe(inverse: Inverse, certificate: Certificate) -> dict[str, Any]:
    """Return an inverse and the verdict on it as plain values; ``edges`` is their number."""
    net: BayesNet = inverse.net
    return {
        "latents": list(net.latents),
        "observed": list(net.observed),
        "edges": inverse.n_edges,
        "depth": inverse.depth,
        "width": inverse.width,
        "sampling_order": list(inverse.sampling_order),
        "parents": {name: list(parents) for name, parents in inverse.parents.items()},
        "certificate": certificate.describe(),
    }


def _print_tables(inverse: Inverse, certificate: Certificate) -> None:
    console.print(repr(inverse), highlight=False)
    table = Table("latent", "parents in the inverse", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in inverse.sampling_order:
        table.add_row(str(name), " ".join(map(str, inverse.parents[name])))
    console.print(table)
    verdict = "faithful" if certificate.faithful else f"unfaithful: {len(certificate.missing)} edges missing"
    spare = "minimal" if certificate.minimal else f"{len(certificate.removable)} edges removable"
    console.print(f"{verdict}, {spare}", highlight=False)
    for edge in certificate.missing:
        console.print(f"  missing    {edge.parent} -> {edge.child}   because of   {edge.drawing}", highlight=False)
    for spare_edge in certificate.removable:
        console.print(f"  removable  {spare_edge.parent} -> {spare_edge.child}", highlight=False)
