"""Compiled programs on disk, so that the next process need not compile them again."""

from __future__ import annotations

import os
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

from retrodict.files.places import make_folder


def cache_compiled(folder: str | os.PathLike[str] = "~/.cache/retrodict") -> Path:
    """Keep compiled programs in a folder, from which every later process that calls this takes them.

    It is JAX's own persistent cache, for programs of any size. It holds for all of JAX in this process. A program is
    found again by what it computes, the release of JAX and the machine; what is in the folder may be deleted any time.

    Arguments:
        folder: where to keep them; it is made if it is missing. Use one that only you can write to, since what lies in
            it is run. Default: ``~/.cache/retrodict``.

    Returns: the folder.

    Raises: `FileError` for a folder that cannot be made or written into.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache_compiled(folder) == Path(folder)
    ...     jax.config.update("jax_compilation_cache_dir", None)
    True
    """
    chosen = Path(folder).expanduser()
    make_folder(chosen)
    settings = {
        "jax_compilation_cache_dir": str(chosen),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
    compilation_cache.reset_cache()  # it may have been found missing by what was compiled before
    return chosen
