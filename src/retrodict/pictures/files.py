"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from retrodict.errors import OptionError


def require_writable(path: Path) -> None:
    """Raise `OptionError` when a file cannot be written, rather than after minutes of work."""
    try:
        existed = path.exists()
        if existed and not path.is_file():
            raise OptionError(f"cannot write {str(path)!r}: it is no regular file", remedy="Name another file.")
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise OptionError(f"cannot write {str(path)!r}: {error.strerror}", remedy="Name another file.") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and put it in its place once complete; raise `OptionError` where that fails."""
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise OptionError(f"cannot write {str(path)!r}: {error.strerror}", remedy="Name another file.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except OSError as error:
        os.unlink(beside)
        raise OptionError(f"cannot write {str(path)!r}: {error.strerror}", remedy="Name another file.") from None
