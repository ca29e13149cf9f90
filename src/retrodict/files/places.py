"""Where files come from and go to: one error for a place that cannot be read, one for a place that takes no file."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from errno import EINVAL
from pathlib import Path
from typing import BinaryIO

from retrodict.errors import FileError


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says of a file that it cannot read into a `FileError`.

    >>> with reading("nowhere/a.bif"):
    ...     open("nowhere/a.bif")
    Traceback (most recent call last):
    retrodict.errors.FileError: nowhere/a.bif: cannot be read (No such file or directory). Give a file that can be read.
    """
    with _naming(path, "cannot be read", "Give a file that can be read."):
        yield


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what the system says of a file or folder that it cannot write into a `FileError`."""
    with _naming(path, "cannot be written", "Choose another place."):
        yield


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str], fault: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except FileError:
        raise
    except (OSError, ValueError, EOFError, zlib.error) as error:  # ValueError for a name with NUL, the others for gzip
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(path, f"{fault} ({reason})", remedy=remedy) from error


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to be read; raise `FileError` for a pipe or device, which could keep us waiting for ever."""
    with reading(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileError(path, "is not a regular file", remedy="Give the path of a file.")
        return open(path, "rb")


def make_folder(folder: str | Path) -> None:
    """Make a folder if it is not there; raise `FileError` where it cannot be made or written into."""
    with writing(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def require_writable(path: Path) -> None:
    """Raise `FileError` when a file cannot be written, rather than after minutes of work."""
    with writing(path):
        existed = path.exists()
        if existed and not path.is_file():
            raise OSError(EINVAL, "it is not a regular file")
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
