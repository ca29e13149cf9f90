"""Arguments and options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from retrodict import zoo
from retrodict.cli.arguments import read_arguments
from retrodict.cli.sources import find_source, find_template
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet, HasStructure
from retrodict.graph.inverse import Inverse
from retrodict.invert import invert
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.read.formats import has_format
from retrodict.zoo.structures import MOST_DIGITS

if TYPE_CHECKING:
    from retrodict.models.template_model import TemplateModel


def complete_source(incomplete: str) -> list[str]:
    """Return the names of the zoo, and the folders and files of models, that begin so."""
    folder, _, _ = incomplete.rpartition("/")
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
        paths = [f"{folder}/{entry.name}" if folder else entry.name for entry in entries]
        files = [
            path + "/" * entry.is_dir()
            for path, entry in zip(paths, entries, strict=True)
            if entry.is_dir() or has_format(path)
        ]
    except OSError:
        files = []
    return [choice for choice in dict.fromkeys((*zoo.NAMED, *zoo.TEMPLATES, *files)) if choice.startswith(incomplete)]


Source = Annotated[
    str,
    typer.Argument(
        help="A model: a .bif file (with pyAgrum also .xmlbif, .bifxml, .uai, .net), a NumPyro program as "
        "module:program (the module is imported: its code runs), or tree:5, hmm:64, plate:32, layers:3x10x20, asia, or "
        "a template such as schools, radon, ssm.",
        autocompletion=complete_source,
    ),
]
Observed = Annotated[
    list[str] | None,
    typer.Option(help="What is observed, names or patterns such as 'x*'; without it, what SOURCE says or its leaves."),
]
Latent = Annotated[list[str] | None, typer.Option(help="What is not observed after all, names or patterns.")]
Args = Annotated[
    Path | None,
    typer.Option(help="A file .npz or .json of arguments of the program, each under the name of its keyword."),
]
Elementwise = Annotated[
    bool, typer.Option("--elementwise", help="Read each element of the program's arrays as a variable of its own.")
]


AsTemplate = Annotated[
    bool,
    typer.Option(
        "--template", help="Read the program as a template: one inverse for all sizes of its plates and loops."
    ),
]
Sizes = Annotated[
    str | None,
    typer.Option(help="Sizes of the dims of a template, such as j=8,n=3 for radon. A program has those it is read at."),
]


class Asked(NamedTuple):
    """What a command was asked about its source."""

    observed: list[str] | None
    latent: list[str] | None
    args: Path | None
    elementwise: bool
    template: bool = False


class LiftedSource(NamedTuple):
    """The inverse of a template, and the sizes at which it is shown as an ordinary one, if there are any."""

    lifted: LiftedInverse
    sizes: Mapping[str, int] | None

    def require_ground(self, source: str) -> Inverse:
        """Return the ordinary inverse, or raise `OptionError` where no sizes are given."""
        if self.sizes is None:
            raise OptionError(
                f"{source!r} is a template, which has no sizes of its own",
                remedy=f"Give them: --sizes {','.join(f'{dim}=8' for dim in self.lifted.template.dims)}.",
            )
        return self.lifted.at(self.sizes)


def read_sizes(text: str) -> dict[str, int]:
    """Return the sizes in a text such as ``j=8,t=20``; raise `OptionError` for what is none.

    >>> read_sizes("j=8, t=20")
    {'j': 8, 't': 20}
    """
    pairs = [part.partition("=") for part in text.replace(" ", "").split(",") if part]
    for dim, sign, size in pairs:
        if not dim or not sign or not size.isascii() or not size.isdigit() or len(size) > MOST_DIGITS:
            raise OptionError(
                f"--sizes {text!r:.60} cannot be read at {dim + sign + size!r:.40}",
                remedy="Write the size of each dim, as in --sizes j=8,t=20.",
            )
    return {dim: int(size) for dim, _, size in pairs}


def find_lifted(source: str, order: str, sizes: str | None, asked: Asked) -> LiftedSource | None:
    """Return the inverse of a template of the zoo or of a program, or None where SOURCE is something else.

    A name that is also that of a model means the template where sizes are given.

    Raises: `OptionError` for sizes of what is no template, and for options that templates do not take; what
    `find_source` raises for a program.
    """
    schedule = order if any(sign in order for sign in "(;:") else "auto"
    given = None if sizes is None else read_sizes(sizes)
    if asked.template:
        model = open_template(source, asked)
        return LiftedSource(invert(model, schedule), given or model.sizes)
    if source not in zoo.TEMPLATES or (sizes is None and source in zoo.NAMED):
        if sizes is not None:
            remedy = f"Leave --sizes out, read a program with --template, or give one of {', '.join(zoo.TEMPLATES)}."
            raise OptionError(f"{source!r:.60} is not a template of the zoo", remedy=remedy)
        return None
    if any(asked):
        raise OptionError(
            f"{source!r} is a template, which is observed as it stands and takes no arguments",
            remedy="Leave out --observed, --latent, --args and --elementwise.",
        )
    return LiftedSource(invert(zoo.template(source), schedule), given)


def open_template(source: str, asked: Asked) -> TemplateModel:
    """Return the program that the options of a command stand for, read as a template."""
    arguments = {} if asked.args is None else read_arguments(asked.args)
    return find_template(source, asked.observed or (), asked.latent or (), arguments)


def open_source(
    source: str,
    observed: list[str] | None,
    latent: list[str] | None,
    args: Path | None,
    elementwise: bool,
    *,
    tables: bool = False,
) -> BayesNet | HasStructure:
    """Return the model that the options of a command stand for; raise what `read_arguments` and `find_source` raise."""
    arguments = {} if args is None else read_arguments(args)
    return find_source(source, observed or (), latent or (), arguments, elementwise=elementwise, tables=tables)


def show_help(context: typer.Context) -> None:
    """Print the help of a group of commands where none of them was given."""
    if context.invoked_subcommand is None:
        print(context.get_help(), end="")  # empty where Rich has printed it


def read_numbers(name: str, texts: Sequence[str], default: str = "") -> list[int]:
    """Return whole numbers, given apart or with commas or spaces between; raise `OptionError` for anything else."""
    words = split_words(texts) or default.split()
    for word in words:
        if not word.isascii() or not word.isdigit() or len(word) > 6:
            raise OptionError(f"{name} {word!r} is not a whole number", remedy="See --help.")
    return [int(word) for word in words]


def split_words(texts: Sequence[str]) -> list[str]:
    """Return words that were given apart or with commas or spaces between."""
    return " ".join(texts).replace(",", " ").split()


def announce_figures(asked: bool) -> bool:
    """Return whether figures can be drawn; where they cannot, say so before the work.

    Raises `MissingPackageError` instead where figures are what was ``asked`` for.
    """
    from retrodict.packages import explain_missing, import_pyplot

    if asked:
        import_pyplot()
    missing = explain_missing()
    if missing:
        typer.echo(f"figures will be left out, tables will not: {missing} Then --replot draws them.", err=True)
    return not missing
