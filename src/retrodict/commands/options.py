"""Arguments and options that several commands have."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from retrodict import zoo


def complete_source(incomplete: str) -> list[str]:
    """Return the names of the zoo, and the folders and BIF files, that begin so."""
    folder, _, _ = incomplete.rpartition("/")
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
        paths = [f"{folder}/{entry.name}" if folder else entry.name for entry in entries]
        files = [
            path + "/" * entry.is_dir()
            for path, entry in zip(paths, entries, strict=True)
            if entry.is_dir() or path.endswith((".bif", ".bif.gz"))
        ]
    except OSError:
        files = []
    return [choice for choice in (*zoo.NAMED, *files) if choice.startswith(incomplete)]


Source = Annotated[
    str,
    typer.Argument(
        help="A model: a .bif file, a program as module:program, or tree:5, hmm:64, plate:32, layers:3x10x20, asia.",
        autocompletion=complete_source,
    ),
]
Observed = Annotated[
    list[str] | None,
    typer.Option(help="What is observed, names or patterns such as 'x*'; without it, what SOURCE says or its leaves."),
]
Latent = Annotated[list[str] | None, typer.Option(help="What is not observed after all, names or patterns.")]
