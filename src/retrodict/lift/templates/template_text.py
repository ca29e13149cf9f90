"""The text form of templates: ``"mu; theta[j] | mu; y[j,n] | theta[j]; z[t] | z[t-1]; x | theta[:]"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from retrodict.errors import GraphError, quote
from retrodict.graph.names import unknown
from retrodict.lift.templates.template_relations import Relation, Repeated, write_instance

INSTANCE = re.compile(r"(?P<name>[^\s\[\]@]+)(?:\[(?P<marks>[^\[\]]*)\])?(?:@(?P<only>0|-1))?")
LAGGED = re.compile(r"(?P<dim>.+)-(?P<lag>\d+)")
NUMBER = re.compile(r"-?\d+")
REMEDY = 'Write it as in "mu; theta[j] | mu; y[j,n] | theta[j]; z[t] | z[t-1]; x | theta[:]".'

Marks = tuple[str, ...]


def read_template(
    source: str | Mapping[str, Iterable[str]], time: str | None
) -> tuple[tuple[Repeated, ...], tuple[Relation, ...], str | None]:
    """Return the variables, the relations and the time of a template written as text or as a mapping.

    Raises `GraphError` for text that is no template, `UnknownVariableError` for parents that are not among it.

    >>> variables, relations, time = read_template("z[t] | z[t-1]; x[t] | z[t]", None)
    >>> list(map(str, variables)), [relation.lag for relation in relations], time
    (['z[t]', 'x[t]'], [1, 0], 't')
    """
    parts = list(_split_text(source)) if isinstance(source, str) else [(k, list(v)) for k, v in source.items()]
    heads = [_read_instance(head, "") for head, _ in parts]
    variables = tuple(Repeated(name, marks) for name, marks, _ in heads)
    dims = {variable.name: variable.dims for variable in variables}
    parents = [
        (child.name, _read_instance(text, child.name))
        for child, (_, row) in zip(variables, parts, strict=True)
        for text in row
    ]
    strangers = [parent for _, (parent, _, _) in parents if parent not in dims]
    if strangers:
        raise unknown(strangers, dims, "given as a parent")
    time = time or _find_lagged([mark for _, (_, marks, _) in parents for mark in marks], dims)
    relations = tuple(_read_relation(child, *parent, dims, time) for child, parent in parents)
    return variables, relations, time


def _split_text(text: str) -> Iterable[tuple[str, list[str]]]:
    for part in filter(str.strip, text.split(";")):
        head, *tails = part.split("|")
        if len(tails) > 1:
            raise GraphError(f"{part.strip()!r} has two bars", remedy=REMEDY)
        yield head.strip(), re.sub(r"\s*,\s*", ",", " ".join(tails)).split()


def _read_instance(text: str, child: str) -> tuple[str, Marks, str | None]:
    match = INSTANCE.fullmatch(text.strip())
    if match is None or (match["only"] and not child):
        where = f" among the parents of {child!r}" if child else ""
        raise GraphError(f"{text.strip()!r}{where} cannot be read as part of a template", remedy=REMEDY)
    marks = tuple(mark.strip() for mark in match["marks"].split(",")) if match["marks"] is not None else ()
    if "" in marks:
        raise GraphError(f"{text.strip()!r} has an empty index", remedy=REMEDY)
    return match["name"], marks, match["only"]


def _find_lagged(marks: Iterable[str], dims: Mapping[str, Marks]) -> str | None:
    """Return the dim that occurs with a lag; raise `GraphError` where two do."""
    known = {dim for row in dims.values() for dim in row}
    matches = [LAGGED.fullmatch(mark) for mark in marks if mark not in known]
    lagged = sorted({match["dim"] for match in matches if match})
    if len(lagged) > 1:
        raise GraphError(
            f"the dims {quote(lagged)} occur with a lag, and only one dim can be time",
            remedy="Write one of them out: a variable for each of its indices.",
        )
    return lagged[0] if lagged else None


def _read_relation(
    child: str, parent: str, marks: Marks, only: str | None, dims: Mapping[str, Marks], time: str | None
) -> Relation:
    own = dims[parent]
    if len(marks) != len(own):
        raise GraphError(
            f"{child!r} gives {len(marks)} indices to its parent {write_instance(parent, own)}",
            remedy="Give one for each dim: the dim itself for the same index, [:] for every index.",
        )
    every, up_to, lag, fixed = [], [], 0, None
    for dim, mark in zip(own, marks, strict=True):
        lagged = LAGGED.fullmatch(mark)
        if mark == ":":
            every.append(dim)
        elif mark == f"..{dim}":
            up_to.append(dim)
        elif dim == time and NUMBER.fullmatch(mark):
            fixed = int(mark)
        elif dim == time and lagged and lagged["dim"] == dim:
            lag = int(lagged["lag"])
        elif mark != dim:
            raise GraphError(
                f"{child!r} gives its parent {write_instance(parent, own)} the index {mark!r} of {dim!r}",
                remedy=f"Write {dim} for the same index, ':' for every index, '..{dim}' for all up to the same; "
                "along time a lag such as t-1, 0 or -1.",
            )
    return Relation(child, parent, lag, tuple(every), tuple(up_to), fixed, int(only) if only else None)


def write_template(variables: Iterable[Repeated], relations: Iterable[Relation], time: str | None) -> str:
    """Return the text of a template, which `read_template` reads.

    >>> write_template(*read_template("z[t] | z[t-1] s@0; s; x | z[:]", None))
    'z[t] | z[t-1] s@0; s; x | z[:]'
    """
    listed, rows = list(variables), list(relations)
    dims = {variable.name: variable.dims for variable in listed}
    parts = []
    for variable in listed:
        parents = [_write_parent(row, dims[row.parent], time) for row in rows if row.child == variable.name]
        parts.append(f"{variable} | {' '.join(parents)}" if parents else str(variable))
    return "; ".join(parts)


def _write_parent(relation: Relation, dims: Marks, time: str | None) -> str:
    marks = [_write_mark(relation, dim, time) for dim in dims]
    return write_instance(relation.parent, marks) + ("" if relation.only is None else f"@{relation.only}")


def _write_mark(relation: Relation, dim: str, time: str | None) -> str:
    if dim in relation.every:
        return ":"
    if dim in relation.up_to:
        return f"..{dim}"
    if dim == time and relation.fixed is not None:
        return str(relation.fixed)
    return f"{dim}-{relation.lag}" if dim == time and relation.lag else dim
