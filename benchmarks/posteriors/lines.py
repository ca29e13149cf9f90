"""Results as lines of JSON, one for each run, so that a run that is stopped loses nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def append(path: Path, row: dict[str, Any]) -> None:
    """Write one more line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Return all lines; what was being written when a run was stopped is left out."""
    if not path.exists():
        return []
    held = path.read_text(encoding="utf-8")
    complete = held[: held.rfind("\n") + 1]
    return [json.loads(line) for line in complete.splitlines()]


def replace(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
