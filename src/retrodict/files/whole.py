"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from errno import EINVAL
from pathlib import Path

from retrodict.errors import FileError

# The name of the file beside the target repeats so much of the target's: all of a long one would be too long.
MOST_REPEATED = 32


def require_writable(path: Path) -> None:
    """Raise `FileError` when a file cannot be written, rather than after minutes of work."""
    try:
        existed = path.exists()
        if existed and not path.is_file():
            raise OSError(EINVAL, "it is no regular file")
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except (OSError, ValueError) as error:
        raise _refuse(path, error) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and put it in its place once complete.

    Raises `FileError` where that fails; what was there before stays, and nothing is left beside it.
    """
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:MOST_REPEATED]}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)  # some file systems say only now that they are full
            os.chmod(beside, 0o644)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except (OSError, ValueError) as error:
        raise _refuse(path, error) from error


def _refuse(path: Path, why: OSError | ValueError) -> FileError:
    """Return the error of a file that cannot be written; a name that holds NUL is a ValueError."""
    reason = getattr(why, "strerror", None) or str(why)
    return FileError(path, f"cannot be written ({reason})", remedy="Name another file.")
