"""From parents by name, as they are written down, to edges between numbered variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np

from retrodict.errors import CycleError, GraphError
from retrodict.graph.names import (
    Name,
    rank_names,
    require_distinct,
    require_list,
    require_writable,
    to_mask,
    unknown,
)
from retrodict.graph.rows import Integers, Mask, Rows, cumulate, sort_edges


def read_parents(
    parents: Mapping[Any, Iterable[Name]] | Iterable[tuple[Any, Iterable[Name]]],
) -> tuple[tuple[Name, ...], list[list[Name]]]:
    """Return the names and the parents of each, as written down; raise `GraphError` for what is no such thing."""
    try:
        names, given = _split_pairs(parents)
    except (TypeError, ValueError) as error:
        raise GraphError(
            "a model must give each variable with its parents", remedy="Write {name: [parents], ...}."
        ) from error
    if not names:
        raise GraphError("the model has no variables", remedy="Give each variable with its parents.")
    require_distinct(require_list(names, "the variables"), "the variables")
    require_writable(names)
    return names, [
        listed if type(listed) is list else require_list(listed, f"the parents of {name!r}")
        for name, listed in zip(names, given, strict=True)
    ]


def _split_pairs(
    parents: Mapping[Any, Iterable[Name]] | Iterable[tuple[Any, Iterable[Name]]],
) -> tuple[tuple[Name, ...], list[Iterable[Name]]]:
    if isinstance(parents, Mapping):
        return tuple(parents.keys()), list(parents.values())
    pairs = [(name, listed) for name, listed in parents]
    return tuple(name for name, _ in pairs), [listed for _, listed in pairs]


def number_edges(names: tuple[Name, ...], lists: list[list[Name]]) -> Rows:
    """Return the parents of each variable, numbered as written down; raise `GraphError` for edges that are wrong."""
    position = dict(zip(names, range(len(names)), strict=True))
    try:
        flat = list(map(position.__getitem__, chain.from_iterable(lists)))
    except (KeyError, TypeError):  # only now look for what is wrong: a good model is not slowed down
        for name, listed in zip(names, lists, strict=True):
            require_list(listed, f"the parents of {name!r}")
        raise unknown(list_strangers(lists, position), names, "given as a parent") from None
    lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    rows = Rows(cumulate(lengths), np.array(flat, dtype=np.int64))
    _require_simple(names, rows)
    return rows


def _require_simple(names: tuple[Name, ...], rows: Rows) -> None:
    """Raise `GraphError` for a parent given twice and for a variable that is its own parent."""
    child, parent = sort_edges(rows.sources, rows.index)
    twice = np.flatnonzero((child[1:] == child[:-1]) & (parent[1:] == parent[:-1]))
    if len(twice):
        require_distinct(
            [names[i] for i in rows[int(child[twice[0]])].tolist()], f"the parents of {names[child[twice[0]]]!r}"
        )
    own = child[child == parent]
    if len(own):
        raise GraphError("{names} cannot be its own parent", [names[own[0]]], remedy="Remove this edge.")


def list_strangers(lists: Iterable[Iterable[Name]], position: Mapping[Name, int]) -> list[Name]:
    """Return the names that are not among the variables."""
    return list(dict.fromkeys(parent for listed in lists for parent in listed if parent not in position))


def sort_topologically(names: tuple[Name, ...], edges: Rows) -> Integers:
    """Return the variables by the longest path into them, ties by name; raise `CycleError` for a cycle."""
    children = edges.transpose(len(names))
    flat, stops = children.index.tolist(), children.pointer.tolist()
    waiting = edges.lengths.tolist()
    level = [0] * len(names)
    ready = [i for i, count in enumerate(waiting) if count == 0]
    for i in ready:  # the list grows while it is read; the last of its parents to come sets a variable's level
        for child in flat[stops[i] : stops[i + 1]]:
            waiting[child] -= 1
            if waiting[child] == 0:
                level[child] = level[i] + 1
                ready.append(child)
    if len(ready) < len(names):
        raise CycleError([names[i] for i in find_cycle(edges.to_lists(), waiting)])
    return np.lexsort((rank_names(names), np.array(level)))


def find_cycle(parents: list[list[int]], waiting: list[int]) -> list[int]:
    """Walk from parent to parent among the variables never reached until one comes again."""
    walk = [next(i for i, count in enumerate(waiting) if count)]
    seen = set(walk)
    while True:
        walk.append(next(parent for parent in parents[walk[-1]] if waiting[parent]))
        if walk[-1] in seen:
            return walk[walk.index(walk[-1]) :][::-1]
        seen.add(walk[-1])


def mark_observed(observed: Iterable[Name], position: Mapping[Name, int]) -> Mask:
    """Return which variables are observed; raise `GraphError` where that is none, or all of them."""
    listed = require_list(observed, "observed=")
    require_distinct(listed, "the observed variables")
    if not all(map(position.__contains__, listed)):
        raise unknown(list_strangers([listed], position), position, "named in observed=")
    if not listed:
        raise GraphError("nothing is observed", remedy="Name at least one variable in observed=.")
    if len(listed) == len(position):
        raise GraphError("nothing is latent", remedy="Leave at least one variable out of observed=.")
    mask = to_mask(map(position.__getitem__, listed), len(position))
    mask.setflags(write=False)
    return mask


def mark_hidden(of: Iterable[Name], is_observed: Mask, position: Mapping[Name, int]) -> Mask:
    """Return which variables are neither observed nor asked for.

    Raises `GraphError` where one is both, and where none is asked for.
    """
    listed = require_list(of, "of=")
    require_distinct(listed, "the variables asked for")
    strangers = list_strangers([listed], position)
    if strangers:
        raise unknown(strangers, position, "named in of=")
    if not listed:
        raise GraphError("nothing is asked for", remedy="Name at least one variable in of=.")
    asked = to_mask(map(position.__getitem__, listed), len(position))
    both = [name for name in listed if is_observed[position[name]]]
    if both:
        raise GraphError("{names} {are} both given and asked for", both, remedy="Take it out of one of both.")
    mask = ~asked & ~is_observed
    mask.setflags(write=False)
    return mask
