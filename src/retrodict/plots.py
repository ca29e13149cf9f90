"""Matplotlib, which only figures need, and which may be missing."""

from __future__ import annotations

from typing import Any

from retrodict.errors import MissingPackageError
from retrodict.read.packages import require


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
