"""The command line.

Exit status 0: done; 1: the verdict is no (`check`: the guide is unfaithful, `train`: calibration rejects what was
trained, `answer`: it is not reliable); 2: bad input, said in one line.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sys
from dataclasses import replace
from importlib.metadata import version as version_of
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from retrodict import __version__
from retrodict.certificate.certify import Certificate
from retrodict.cli.answer_command import answer_command
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
    read_sizes,
    show_help,
)
from retrodict.cli.printing import open_console, print_certificate, print_lifted, print_orders
from retrodict.cli.queries.query_command import query_command
from retrodict.cli.report import report_command
from retrodict.cli.reproducing import reproduce
from retrodict.cli.train import train_command
from retrodict.errors import RetrodictError
from retrodict.exact.certifying import certify, tell_closed
from retrodict.exact.comparing import compare
from retrodict.graph.bayesnet import structure_of
from retrodict.graph.inverse import Inverse
from retrodict.invert import invert
from retrodict.invert.compare import measure
from retrodict.invert.inversion import list_orders
from retrodict.lift.lifted_inverse import LiftedInverse

app = typer.Typer(pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})

# Less than the default of `rd.invert`: a person waits, and most of what search finds it finds at once.
BUDGET = 0.25


def complete_order(incomplete: str) -> list[str]:
    """Return the orders that begin so."""
    return [order for order in list_orders() if order.startswith(incomplete)]


def complete_objective(incomplete: str) -> list[str]:
    """Return what can be minimized that begins so."""
    return [objective for objective in ("edges", "depth", "width") if objective.startswith(incomplete)]


Order = Annotated[str, typer.Option(help=f"{', '.join(list_orders())}.", autocompletion=complete_order)]
Minimize = Annotated[
    str, typer.Option(help="What auto minimizes: edges, depth or width.", autocompletion=complete_objective)
]
Guide = Annotated[str, typer.Option(help=GUIDE_HELP, autocompletion=complete_guide)]
Budget = Annotated[
    float, typer.Option(help="Seconds of local search (of a core of about 2020; the result is the same on any).")
]
Plot = Annotated[Path | None, typer.Option(help="Write a picture there, .svg or .png.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")]


STANDS_ON = ("numpy", "scipy", "jax", "equinox", "optax", "numpyro")


def tell_version(asked: bool) -> None:
    """Print the versions of retrodict, of Python and of what it stands on, and end, if they were asked for."""
    if asked:
        typer.echo(f"retrodict {__version__}")
        typer.echo(f"python {platform.python_version()}")
        for package in STANDS_ON:
            typer.echo(f"{package} {version_of(package)}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the versions and exit.", callback=tell_version, is_eager=True)
    ] = False,
) -> None:
    """Turn any generative model into the right encoder."""
    show_help(context)


@app.command(
    "invert",
    epilog="Examples: retrodict invert tree:5 --json | "
    "retrodict invert alarm.bif --observed 'HR*,BP' --order min-fill | retrodict invert mymodels:program | "
    "retrodict invert radon --sizes j=8,n=3 | retrodict invert mymodels:program --template",
)
def invert_command(
    source: Source,
    order: Order = "auto",
    minimize: Minimize = "edges",
    budget: Budget = BUDGET,
    observed: Observed = None,
    latent: Latent = None,
    args: Args = None,
    elementwise: Elementwise = False,
    template: AsTemplate = False,
    sizes: Sizes = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Derive the factorization that the posterior of a model has."""
    _prepare(plot)
    lifted = find_lifted(source, order, sizes, Asked(observed, latent, args, elementwise, template))
    if lifted is not None:
        _show_template(lifted.lifted, sizes, order, plot, as_json)
        return
    model = open_source(source, observed, latent, args, elementwise)
    inverse = invert(model, order, minimize, budget=budget)
    inverse.require_size()
    _draw(inverse, plot)
    _show(certify(inverse), as_json)


@app.command(
    "check",
    epilog="Examples: retrodict check tree:3 --guide reversal | retrodict check alarm.bif --guide guide.json --json",
)
def check_command(
    source: Source,
    guide: Guide,
    observed: Observed = None,
    latent: Latent = None,
    args: Args = None,
    elementwise: Elementwise = False,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Say which dependencies a guide lacks, and why; exit status 1 when it lacks any."""
    _prepare(plot)
    model = open_source(source, observed, latent, args, elementwise)
    certificate = tell_closed(judge(structure_of(model), guide), model)
    certificate.inverse.require_size()
    _draw(certificate, plot)
    _show(certificate, as_json)
    if not certificate:
        raise typer.Exit(1)


@app.command(
    "compare",
    epilog="Examples: retrodict compare alarm.bif | retrodict compare tree:6 --minimize depth --json",
)
def compare_command(
    source: Source,
    minimize: Minimize = "edges",
    budget: Budget = BUDGET,
    exact: Annotated[bool, typer.Option("--exact", help="Prove the least there is as well; may take minutes.")] = False,
    observed: Observed = None,
    latent: Latent = None,
    args: Args = None,
    elementwise: Elementwise = False,
    template: AsTemplate = False,
    sizes: Sizes = None,
    as_json: AsJson = False,
) -> None:
    """Show what each order costs: edges, depth, width, and the work of a training step."""
    lifted = find_lifted(source, "auto", sizes, Asked(observed, latent, args, elementwise, template))
    if lifted is None:
        model = open_source(source, observed, latent, args, elementwise)
        comparison = compare(model, minimize, exact=exact, budget=budget)
    else:
        started = perf_counter()
        spread = lifted.require_ground(source)
        own, model = measure("template", spread, perf_counter() - started), spread.net
        comparison = compare(model, minimize, exact=exact, budget=budget)
        comparison = replace(comparison, rows=(*comparison.rows, own))
    if as_json:
        print(json.dumps({"source": source, **comparison.to_dict()}))
    else:
        print_orders(open_console(), comparison)


@app.command("demo", epilog="Example: retrodict demo --out figures")
def demo_command(
    out: Annotated[Path, typer.Option(help="Folder for the figure.")] = Path(),
) -> None:
    """Show the paper's claim: reversed edges cannot reach the posterior, faithful ones do (about two minutes)."""
    from retrodict.cli.demo import run_demo

    run_demo(out, open_console())


app.command("answer")(answer_command)
app.command("query")(query_command)
app.command("train")(train_command)
app.command("report")(report_command)
app.add_typer(reproduce.app, name="reproduce")


def main() -> None:
    """Run the command line, turning every expected error into one line on standard error."""
    _allow_any_name()
    try:
        status = app(prog_name="retrodict", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        status = _complain(error.format_message() if hasattr(error, "format_message") else str(error))
    except RetrodictError as error:
        status = _complain(str(error))
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:  # whoever reads has seen enough, as in `retrodict invert ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status if isinstance(status, int) else 0)


def _allow_any_name() -> None:
    """Let a terminal that cannot show a letter of a name show its number instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(message: str) -> int:
    """Say what is wrong in one line, letters that would steer a terminal written out."""
    line = " ".join(message.split())
    print("retrodict: " + "".join(c if c.isprintable() else repr(c)[1:-1] for c in line), file=sys.stderr)
    return 2


def _show_template(lifted: LiftedInverse, sizes: str | None, order: str, plot: Path | None, as_json: bool) -> None:
    """Show the inverse of a template for all sizes, or as an ordinary one at the sizes that are given."""
    if sizes is not None:
        inverse = lifted.at(read_sizes(sizes))
        inverse.require_size()
        inverse = invert(inverse.net, order) if order != "auto" and "(" not in order else inverse
        _draw(inverse, plot)
        _show(certify(inverse), as_json)
        return
    if plot is not None:
        lifted.plot().save(plot)
    verdict = certify(lifted)
    if as_json:
        print(json.dumps(verdict.to_dict()))
    else:
        print_lifted(open_console(), verdict)


def _prepare(path: Path | None) -> None:
    """Refuse a picture that cannot be written before the work, not after it."""
    if path is not None:
        from retrodict.pictures import require_picture

        require_picture(path)


def _draw(what: Inverse | Certificate, path: Path | None) -> None:
    if path is not None:
        what.plot().save(path)


def _show(certificate: Certificate, as_json: bool) -> None:
    if as_json:  # closed forms are looked for by JAX, for which what is piped to another program does not wait
        print(json.dumps(replace(certificate, closed={}).to_dict()))
    else:
        print_certificate(open_console(), certificate)
