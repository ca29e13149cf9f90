"""Files that are there as a whole or not at all, whenever the process that writes them is killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from retrodict.files.places import writing

if sys.platform != "win32" and sys.platform != "emscripten":  # a browser
    import fcntl

# The name of the file beside a target repeats the target's name; of a longer one so much, and a digest of all of it.
MOST_REPEATED = 32
HAS_LOCKS = sys.platform not in ("win32", "emscripten")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, and put it there once it is complete.

    Raises `FileError` where that fails; what was there before stays, and nothing is left beside it.
    """
    with writing(path), replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write; if that goes well, it is forced to disk and takes the place of ``target``.

    It is written beside its place, as ``.NAME.RANDOM.part``, and locked meanwhile. A lock ends with the process that
    holds it, so what is not locked was left behind by one that was killed: it is removed after the next success.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     left = Path(folder, ".a.0123456789abcdef.part")
    ...     left.touch()
    ...     with replacing(Path(folder, "a")) as file:
    ...         _ = file.write(b"text")
    ...     Path(folder, "a").read_bytes(), left.exists()
    (b'text', False)
    """
    with _claim(target) as beside:
        with open(beside, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    _force_folder(target.parent)
    _remove_abandoned(target)


@contextlib.contextmanager
def _claim(target: Path) -> Iterator[Path]:
    """Make a file beside the target that is locked while it is there under this name."""
    beside, handle = _create(target)
    try:
        yield beside
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    finally:
        if handle is not None:
            os.close(handle)


def _shorten(name: str) -> str:
    """Return a name that leaves room for more, and still is of no other file."""
    if len(name) <= MOST_REPEATED:
        return name
    return f"{name[:MOST_REPEATED]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _create(target: Path) -> tuple[Path, int | None]:
    while True:
        beside = target.with_name(f".{_shorten(target.name)}.{secrets.token_hex(8)}.part")
        handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o666)
        if not HAS_LOCKS:  # there a file that is open cannot be renamed
            os.close(handle)
            return beside, None
        _lock(handle, wait=True)
        if beside.exists():
            return beside, handle
        os.close(handle)  # another process took it, not locked yet, for one that was left behind


def _lock(handle: int, *, wait: bool) -> bool:
    """Lock an open file; return whether that was possible: not every file system knows locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(target: Path) -> None:
    """Remove what killed processes left behind where they wrote this file."""
    if not HAS_LOCKS:
        return
    pattern = re.compile(rf"\.{re.escape(_shorten(target.name))}\.[0-9a-f]{{16}}\.part")
    for name in filter(pattern.fullmatch, os.listdir(target.parent)):
        with contextlib.suppress(OSError):  # it is not ours to remove, or another process was quicker
            _remove_unlocked(target.with_name(name))


def _remove_unlocked(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if _lock(handle, wait=False):
            path.unlink()
    finally:
        os.close(handle)


def _force_folder(folder: Path) -> None:
    """Make a renaming durable; systems that cannot open folders do it by themselves."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
