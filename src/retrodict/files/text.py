"""Text from a file of unknown origin: looked at before it is opened, and never more of it than fits."""

from __future__ import annotations

import gzip
import re
import stat
import zlib
from pathlib import Path

from retrodict.errors import SourceError

MOST_BYTES = 256 * 2**20
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Return the text of a regular file in UTF-8, unpacked if its name ends in ``.gz``.

    Raises `SourceError` for a file that is missing, no regular file, empty, larger than ``most`` bytes (packed or
    unpacked; the size is asked for before anything is read), binary, or not in UTF-8.
    """
    try:
        _require_regular(path, most)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"cannot read {path}: {reason}", remedy="Give a file that can be read.") from None
    except SourceError:
        raise
    except ValueError as error:  # a NUL in the path itself
        raise SourceError(f"{str(path)!r} is no path: {error}") from None
    return _decode(path, content, most)


def _require_regular(path: Path, most: int) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path} is no regular file", remedy="Give the path of a file.")
    if status.st_size == 0:
        raise SourceError(f"{path} is empty", remedy="Give another file.")
    if status.st_size > most:
        raise _too_large(path, most)


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
