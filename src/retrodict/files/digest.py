"""One SHA-256 for arrays and plain values: the same in every process and on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np


def digest(*parts: Any) -> str:
    """Return the SHA-256, as hexadecimal text, of arrays with their types and shapes, and of values that JSON can hold.

    Each part says how long it is, so that no two lists of parts run together to the same bytes. The order of the names
    in a dictionary does not count.

    >>> digest(np.zeros((1, 2, 2), np.uint8))[:8], digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    ('79d45b86', True)
    """
    state = hashlib.sha256()
    for part in parts:
        head, content = _spell_array(part) if hasattr(part, "dtype") else _spell_value(part)
        state.update(head.encode())
        state.update(content)
    return state.hexdigest()


def _spell_array(part: Any) -> tuple[str, memoryview]:
    given = np.asarray(part)
    array = np.asarray(given, dtype=given.dtype.newbyteorder("<"), order="C")
    return f"{array.dtype.name}{array.shape}", view_bytes(array)


def _spell_value(part: Any) -> tuple[str, bytes]:
    text = json.dumps(part, sort_keys=True).encode()
    return f"json({len(text)},)", text


def view_bytes(array: np.ndarray[Any, Any]) -> memoryview:
    """Return the bytes of an array in C order, without a copy."""
    return memoryview(array.reshape(-1).view(np.uint8))
