"""`retrodict query`: any question of a network, answered exactly."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from retrodict.cli.options import Source, open_source, split_words
from retrodict.errors import SourceError
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian


def query_command(
    source: Source,
    given: Annotated[list[str] | None, typer.Argument(help="What is given: NAME=STATE or NAME=NUMBER.")] = None,
    of: Annotated[list[str] | None, typer.Option("--of", help="What is asked for; default: all the rest.")] = None,
    do: Annotated[list[str] | None, typer.Option("--do", help="What is set from outside: NAME=STATE.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")] = False,
) -> None:
    """Answer any question of a network exactly: the distribution of some variables given any others.

    Examples: retrodict query alarm.bif HR=HIGH BP=LOW --of HYPOVOLEMIA | retrodict query tree:3 x3=1.5 --json
    """
    model = open_source(source, None, None, None, False, tables=True)
    if not isinstance(model, DiscreteNetwork | LinearGaussian):
        raise SourceError(
            f"{source!r} has no exact answers to any question",
            remedy="Give a .bif file with its tables, or a linear-Gaussian model such as tree:5.",
        )
    from retrodict.exact.queries.query import query

    asked = split_words(of) if of else None
    answer = query(model, _read_pairs(given, "given"), asked, do=_read_pairs(do, "--do"))
    typer.echo(json.dumps({"source": source, **answer.to_dict()}) if as_json else str(answer))


def _read_pairs(words: list[str] | None, what: str) -> dict[Any, str]:
    pairs = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not equals or not name or name in pairs:
            raise SourceError(f"{word!r} in {what} is not NAME=VALUE, each name once", remedy="Write HR=HIGH.")
        pairs[name] = value
    return pairs
