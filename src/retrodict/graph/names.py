"""From names to integers and back: the only place where names are compared or ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from retrodict.errors import GraphError, UnknownVariableError, quote, write_name
from retrodict.graph.rows import Integers, Mask

Name = Hashable


def rank_names(names: tuple[Name, ...]) -> Integers:
    """Return the place of each name in an order that depends on the names alone.

    Shorter texts come first (x2 before x10), so that numbered names stand in the order of their numbers.

    >>> rank_names(("x10", "x2", "x1")).tolist()
    [2, 1, 0]
    """
    rank = np.empty(len(names), dtype=np.int64)
    rank[_sort_names(names)] = np.arange(len(names))
    return rank


def _sort_names(names: tuple[Name, ...]) -> Integers:
    """Return the places of the names sorted by type, then length of the text, then text."""
    kinds = set(map(type, names))
    if kinds == {int} and min(names) >= 0:  # type: ignore[type-var, operator]
        return np.argsort(np.array(names), kind="stable")
    texts: list[str] = list(map(_write, names))
    order = sorted(range(len(names)), key=texts.__getitem__)
    order.sort(key=[len(text) for text in texts].__getitem__)
    if len(kinds) > 1:
        order.sort(key=[type(name).__name__ for name in names].__getitem__)
    return np.array(order)


def _write(name: Name) -> str:
    return name if isinstance(name, str) else repr(name)


def require_distinct(names: Iterable[Name], what: str) -> None:
    """Raise `GraphError` naming those that occur twice."""
    listed = names if isinstance(names, list | tuple) else list(names)
    if len(set(listed)) < len(listed):
        twice = [name for name, count in Counter(listed).items() if count > 1]
        raise GraphError(f"{{names}} {{are}} given twice among {what}", twice, remedy="Name each once.")


def list_entries(entries: object, what: str) -> list[Any]:
    """Return entries as a list, or raise `GraphError`: a bare string would be read letter by letter."""
    if isinstance(entries, str | bytes) or not isinstance(entries, Iterable):
        raise GraphError(
            f"{what} must be a list of names, not {{names}}", [entries], remedy=f"Write [{write_name(entries)}]."
        )
    return list(entries)


def require_list(names: object, what: str) -> list[Name]:
    """Return names as a list, or raise `GraphError` for what cannot be one.

    A name that has no hash, such as a list, cannot be looked up.
    """
    listed = list_entries(names, what)
    try:
        set(listed)
    except TypeError:
        wrong = [name for name in listed if not _has_hash(name)]
        raise GraphError(f"{what} must be names, not {{names}}", wrong, remedy="Use text, numbers or tuples.") from None
    return listed


def _has_hash(name: object) -> bool:
    try:
        hash(name)
    except TypeError:
        return False
    return True


def require_writable(names: Iterable[Name]) -> None:
    """Raise `GraphError` for names that cannot be written as text, in which they are compared and shown."""
    wrong = [name for name in names if type(name) is not str and not _is_writable(name)]
    if wrong:
        raise GraphError(
            "{names} cannot be a name",
            wrong,
            remedy="Use text, numbers of a few digits, or flat tuples.",
        )


def _is_writable(name: Name) -> bool:
    try:
        repr(name)
    except (ValueError, RecursionError):  # integers beyond 4,300 digits, tuples nested a thousand deep
        return False
    return True


def find(name: Name, position: Mapping[Name, int]) -> int:
    """Return the integer of a name, or raise `UnknownVariableError` with the nearest names that exist."""
    try:
        return position[name]
    except (KeyError, TypeError):
        raise unknown([name], position) from None


def unknown(names: Iterable[Name], known: Iterable[Name], how: str = "") -> UnknownVariableError:
    """Build the error for names that are not in the model; ``how`` says how they were given."""
    from difflib import get_close_matches

    missing, existing = list(names), [str(name) for name in known]
    wanted = missing[0] if isinstance(missing[0], str) else write_name(missing[0])
    near = get_close_matches(wanted, existing[:100_000], n=3)
    remedy = f"Did you mean {quote(near)}?" if near else f"The variables are {quote(existing, most=5)}."
    return UnknownVariableError(
        f"{{names}}{f', {how},' if how else ''} {{are}} not among the variables of the model", missing, remedy=remedy
    )


def to_mask(numbers: Iterable[int], n: int) -> Mask:
    """Return a boolean array of length ``n``, true at these places."""
    mask = np.zeros(n, dtype=bool)
    mask[np.fromiter(numbers, dtype=np.int64)] = True
    return mask
