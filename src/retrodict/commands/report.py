"""`retrodict report`: a model as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrodict.commands.guide import judge
from retrodict.commands.options import Latent, Observed, Source
from retrodict.graph.bayesnet import structure_of
from retrodict.sources import find_source


def report_command(
    source: Source,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page to write.")] = Path("report.html"),
    guide: Annotated[
        str | None, typer.Option(help="A JSON file {latent: [parents]}, or reversal, mean-field or fully-connected.")
    ] = None,
    budget: Annotated[float, typer.Option(help="Seconds for the search of order auto.")] = 1.0,
    observed: Observed = None,
    latent: Latent = None,
) -> None:
    """Write one page on a model: its inverse under each order, why each edge is needed, the certificate, the costs.

    Example: retrodict report tree:4 --guide reversal -o report.html
    """
    from retrodict.report import write_report

    net = structure_of(find_source(source, observed or (), latent or ()))
    written = write_report(net, out, judge(net, guide) if guide else None, title=source, budget=budget)
    typer.echo(f"wrote {written}")
