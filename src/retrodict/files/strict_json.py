"""JSON from outside, read with limits: bounded depth, finite numbers, no name twice."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from retrodict.errors import SourceError
from retrodict.files.text import read_text

MOST_DEPTH = 16
MOST_DIGITS = 64


def read_strictly(text: bytes) -> dict[str, Any]:
    """Return a JSON object from UTF-8; raise `ValueError` for whatever else it is.

    Python's own reader takes NaN, names given twice, and nesting until it runs out of stack.

    >>> read_strictly(b'{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> read_strictly(b'{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ValueError: the name 'a' is given twice
    """
    decoded = text.decode("utf-8")
    _require_shallow(decoded)
    value = json.loads(
        decoded,
        parse_constant=_refuse,
        parse_float=_read_float,
        parse_int=_read_int,
        object_pairs_hook=_read_object,
    )
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")
    return value


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """Return the object in a file of JSON; raise `SourceError`, naming the file, for anything else."""
    text = read_text(path)
    try:
        return read_strictly(text.encode())
    except ValueError as error:
        raise SourceError(f"{path} cannot be read as JSON: {error}", remedy=remedy) from None


def _require_shallow(text: str) -> None:
    """Raise `ValueError` for deep nesting, counting brackets that stand outside of texts."""
    depth, in_text, escaped = 0, False, False
    for letter in text:
        if in_text:
            in_text = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            in_text = True
        elif letter in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise ValueError(f"nested more than {MOST_DEPTH} deep")
        elif letter in "]}":
            depth -= 1


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.20} is no finite number")
    return value


def _read_int(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError("an integer that is too long")
    return int(text)


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {twice!r:.100} is given twice")
    return found
