"""Foreign keys, ``alpha[county]``: an axis of observations is one of groups and one within groups.

An axis along which parents are looked up by a key is written as the dims of what the key leads to, and the rank within
each cell of these: y[n] becomes y[county, rank]. Keys may lead to axes that have keys themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retrodict.errors import ProgramError
from retrodict.graph.rows import Integers
from retrodict.read.templates.element_links import Links, Places

# For each axis with keys, the dim that each key leads to and the index there; -1 where an element has no parent.
Keys = dict[str, dict[str, Integers]]


@dataclass(frozen=True)
class AxisProduct:
    """An axis as a product of dims: the index along each of them, one row an element of the axis."""

    dims: tuple[str, ...]
    index: Integers


def find_keys(links: Links, placed: Mapping[str, Places], lengths: Mapping[str, int], time: str) -> Keys:
    """Return the foreign keys of all axes.

    Raises `ProgramError` for an axis with two keys to the same one, which makes pairs of instances.
    """
    keys: Keys = {}
    for (child, parent), (of, to) in links.items():
        for dim in placed[parent].dims:
            if dim in placed[child].dims:
                continue
            target = placed[parent].along(dim)[to]
            source = _find_source(placed[child], of, target, lengths, time)
            if source is not None:
                table = _tabulate(placed[child].along(source)[of], target, lengths[source])
                _add_key(keys.setdefault(source, {}), dim, table, child)
    return keys


def _find_source(child: Places, of: Integers, target: Integers, lengths: Mapping[str, int], time: str) -> str | None:
    """Return the axis of a child that decides alone about an index of its parents, if that index varies."""
    if len(np.unique(target)) < 2:
        return None
    for dim in child.dims:
        index = child.along(dim)[of]
        if dim != time and len(np.unique(index * (target.max() + 1) + target)) == len(np.unique(index)):
            return dim
    return None


def _tabulate(index: Integers, target: Integers, length: int) -> Integers:
    table = np.full(length, -1, dtype=np.int64)
    table[index] = target
    return table


def _add_key(own: dict[str, Integers], dim: str, table: Integers, child: str) -> None:
    known = own.get(dim, table)
    if ((known != table) & (known >= 0) & (table >= 0)).any():
        raise ProgramError(
            f"{{names}} has parents at two indices of {dim!r}, which makes pairs of its instances",
            [child],
            remedy="Draw what the two stand for at sites of their own, or read the program with elementwise=True.",
        )
    own[dim] = np.maximum(known, table)


def write_products(keys: Keys, lengths: Mapping[str, int]) -> tuple[dict[str, AxisProduct], dict[str, int]]:
    """Return every axis as a product of dims, and the length of each dim.

    A rank that is zero everywhere is no dim: a key that leads to each group once, or to each cell of a crossing.

    Raises `ProgramError` for keys that lead in a circle, and for elements that have no parent where others have one.
    """
    products: dict[str, AxisProduct] = {}
    found: dict[str, int] = {}
    for dim in lengths:
        _write_product(dim, keys, lengths, products, found, ())
    return products, found


def _write_product(
    dim: str,
    keys: Keys,
    lengths: Mapping[str, int],
    products: dict[str, AxisProduct],
    found: dict[str, int],
    above: tuple[str, ...],
) -> AxisProduct:
    if dim in products:
        return products[dim]
    if dim in above:
        raise ProgramError("the axes {names} look each other up in a circle", sorted(above), remedy=REMEDY)
    columns: dict[str, Integers] = {}
    for target, table in keys.get(dim, {}).items():
        if (table < 0).any():
            raise ProgramError(
                f"some elements along {{names}} have a parent along {target!r} and some have none",
                [dim],
                remedy="Give each one a parent, or write those without one at a site of their own.",
            )
        inner = _write_product(target, keys, lengths, products, found, (*above, dim))
        for name, column in zip(inner.dims, inner.index.T, strict=True):
            if not np.array_equal(columns.setdefault(name, column[table]), column[table]):
                raise ProgramError(
                    f"{{names}} leads to two indices of {name!r}, which makes pairs of instances", [dim], remedy=REMEDY
                )
    rank = _rank_within(list(columns.values()), lengths[dim])
    if not columns or rank.any():
        columns[dim] = rank
        found[dim] = int(rank.max()) + 1
    products[dim] = AxisProduct(tuple(columns), np.stack(list(columns.values()), axis=1))
    return products[dim]


REMEDY = "Read the program with elementwise=True."


def _rank_within(columns: list[Integers], length: int) -> Integers:
    """Return how many elements before each one stand in the same cell."""
    if not columns:
        return np.arange(length)
    _, cell = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    cell = cell.ravel()
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], cell[order])
    rank = np.empty(length, dtype=np.int64)
    rank[order] = np.arange(length) - first
    return rank


def place_by_products(placed: Places, products: Mapping[str, AxisProduct], name: str) -> Places:
    """Return the elements of a site by the dims of the products.

    Raises `ProgramError` for a site that has the same dim twice.
    """
    columns: dict[str, Integers] = {}
    for axis, dim in enumerate(placed.dims):
        product = products[dim]
        for inner, column in zip(product.dims, product.index.T, strict=True):
            here = column[placed.places[:, axis]]
            if not np.array_equal(columns.setdefault(inner, here), here):
                raise ProgramError(f"{{names}} is repeated twice along {inner!r}", [name], remedy=REMEDY)
    places = np.stack(list(columns.values()), axis=1) if columns else np.zeros((len(placed.places), 0), dtype=np.int64)
    return Places(tuple(columns), places)
