"""Matplotlib, which only figures need, and which may be missing."""

from __future__ import annotations

from typing import Any

from retrodict.errors import OptionError


def import_pyplot() -> Any:
    """Return matplotlib.pyplot without a display; raise `OptionError` where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise OptionError("figures need matplotlib", remedy="pip install 'retrodict[plot]'.") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
