"""Importing a framework when it is needed, and saying what to install when it is not there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from retrodict.errors import MissingPackageError


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Return a module of an optional package, or raise `MissingPackageError` naming the extra that installs it.

    >>> require("math", extra="none", purpose="to count").pi > 3
    True
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"{module.partition('.')[0]} is needed {purpose} and cannot be imported ({error})",
            remedy=f"Install it with pip install 'retrodict[{extra}]'.",
        ) from error
