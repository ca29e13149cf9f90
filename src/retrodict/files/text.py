"""Text from a file of unknown origin: looked at before it is opened, and never more of it than fits."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

from retrodict.errors import SourceError
from retrodict.files.places import open_regular, reading

MOST_BYTES = 256 * 2**20
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Return the text of a regular file in UTF-8, unpacked if its name ends in ``.gz``.

    Raises `FileError` for a file that is missing, no regular file, or cannot be unpacked; `SourceError` for one that is
    empty, larger than ``most`` bytes (packed or unpacked; the size is asked for before anything is read), binary, or
    not in UTF-8.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise SourceError(f"{path} is empty", remedy="Give another file.")
        if size > most:
            raise _too_large(path, most)
        with reading(path), gzip.open(file) if path.suffix == ".gz" else file as unpacked:
            content = unpacked.read(most + 1)
    return _decode(path, content, most)


def _decode(path: Path, content: bytes, most: int) -> str:
    if len(content) > most:
        raise _too_large(path, most)
    if b"\0" in content:
        raise SourceError(f"{path} is binary, not text", remedy="Give a file of text.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{path} is not text in UTF-8 (line {line})", remedy="Convert it to UTF-8.") from None
    strange = CONTROL.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise SourceError(f"{path} has the control character {strange[0]!r} in line {line}", remedy="Remove it.")
    if not text.strip():
        raise SourceError(f"{path} is empty", remedy="Give another file.")
    return text


def _too_large(path: Path, most: int) -> SourceError:
    return SourceError(f"{path} has more than the {most / 2**20:,.0f} MiB that are read", remedy="Give a smaller file.")
