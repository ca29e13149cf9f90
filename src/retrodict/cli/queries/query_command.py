"""`retrodict query`: any question of a network, answered exactly or by a trained posterior."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from retrodict.cli.options import Source, open_source, split_words
from retrodict.errors import SourceError
from retrodict.exact.queries.query import Marginals, query, require_unknown
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian


def query_command(
    source: Source,
    given: Annotated[list[str] | None, typer.Argument(help="What is given: NAME=STATE or NAME=NUMBER.")] = None,
    of: Annotated[list[str] | None, typer.Option("--of", help="What is asked for; default: all the rest.")] = None,
    do: Annotated[list[str] | None, typer.Option("--do", help="What is set from outside: NAME=STATE.")] = None,
    draws: Annotated[int, typer.Option(help="Draws of a trained posterior.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of these draws.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")] = False,
) -> None:
    """Answer any question of a network: the distribution of some variables given any others.

    SOURCE may be a folder of `retrodict train --evidence any`, whose posterior is asked; else answers are exact.

    Examples: retrodict query alarm.bif HR=HIGH BP=LOW --of HYPOVOLEMIA | retrodict query tree:3 x3=1.5 --json
    """
    asked = split_words(of) if of else None
    pairs = _read_pairs(given, "given"), _read_pairs(do, "--do")
    answer = (
        _ask_exactly(source, *pairs, asked) if not Path(source).is_dir() else _ask(source, *pairs, asked, draws, seed)
    )
    typer.echo(json.dumps({"source": source, **answer.to_dict()}) if as_json else str(answer))


def _ask(
    folder: str, given: dict[Any, str], do: dict[Any, str], asked: list[str] | None, draws: int, seed: int
) -> Marginals:
    """Return the answer of a trained posterior."""
    from retrodict.posterior.any_evidence.evidence_loading import open_folder

    posterior = open_folder(folder)
    if posterior is None:
        raise SourceError(
            f"{folder!r} holds no posterior for any evidence", remedy="Make one: retrodict train SOURCE --evidence any."
        )
    net = posterior.model.net
    for name in asked or ():
        net.index(name)
    require_unknown(asked or (), given, do)
    answer = posterior.marginals(given, draws, do=do, seed=seed)
    if asked is None:
        return answer
    return Marginals({name: answer[name] for name in asked}, answer.given, answer.log_evidence)


def _ask_exactly(source: str, given: dict[Any, str], do: dict[Any, str], asked: list[str] | None) -> Marginals:
    """Return the exact answer of a network of tables or of lines."""
    model = open_source(source, None, None, None, False, tables=True)
    if not isinstance(model, DiscreteNetwork | LinearGaussian):
        raise SourceError(
            f"{source!r} has no exact answers to any question",
            remedy="Give a .bif file with its tables, or a linear-Gaussian model such as tree:5; a program is asked in "
            "Python, rd.amortize(model, evidence='any').",
        )
    return query(model, given, asked, do=do)


def _read_pairs(words: list[str] | None, what: str) -> dict[Any, str]:
    pairs = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not equals or not name or name in pairs:
            raise SourceError(f"{word!r} in {what} is not NAME=VALUE, each name once", remedy="Write HR=HIGH.")
        pairs[name] = value
    return pairs
