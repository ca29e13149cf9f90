"""Importing an optional package when it is needed, and saying what to install when it is not there."""

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


def import_pyplot() -> Any:
    """Return matplotlib.pyplot without a display; raise `MissingPackageError` where matplotlib is not installed."""
    require("matplotlib", extra="plot", purpose="to draw figures").use("Agg")
    from matplotlib import pyplot

    return pyplot


def explain_missing() -> str:
    """Return why no figure can be drawn, with the remedy; empty where figures can be drawn."""
    try:
        import_pyplot()
    except MissingPackageError as error:
        return str(error)
    return ""
