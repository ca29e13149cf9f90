"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from retrodict.errors import OptionError


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
