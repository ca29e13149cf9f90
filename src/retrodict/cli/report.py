"""`retrodict report`: a model as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from retrodict.certificate.certify import certify
from retrodict.cli.guides import GUIDE_HELP, complete_guide, judge
from retrodict.cli.options import (
    Args,
    Asked,
    AsTemplate,
    Elementwise,
    Latent,
    Observed,
    Sizes,
    Source,
    find_lifted,
    open_source,
)
from retrodict.files.places import require_writable
from retrodict.graph.bayesnet import structure_of


def report_command(
    source: Source,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page to write.")] = Path("report.html"),
    guide: Annotated[str | None, typer.Option(help=GUIDE_HELP, autocompletion=complete_guide)] = None,
    budget: Annotated[float, typer.Option(help="Seconds for the search of order auto.")] = 1.0,
    observed: Observed = None,
    latent: Latent = None,
    args: Args = None,
    elementwise: Elementwise = False,
    template: AsTemplate = False,
    sizes: Sizes = None,
) -> None:
    """Write one page on a model: its inverse under each order, why each edge is needed, the certificate, the costs.

    Example: retrodict report tree:4 --guide reversal -o report.html
    """
    from retrodict.report import write_report

    require_writable(out)
    lifted = find_lifted(source, "auto", sizes, Asked(observed, latent, args, elementwise, template))
    if lifted is not None:
        verdict = certify(lifted.require_ground(source))
        model: Any = verdict.inverse.net
    else:
        verdict, model = None, open_source(source, observed, latent, args, elementwise)
    verdict = judge(structure_of(model), guide) if guide else verdict
    written = write_report(model, out, verdict, title=source, budget=budget)
    typer.echo(f"wrote {written}")
