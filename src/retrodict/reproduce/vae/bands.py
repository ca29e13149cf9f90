"""Figures from the data alone."""

from __future__ import annotations

from pathlib import Path

from retrodict.reproduce.vae.results import Data


def draw_figures(data: Data, folder: Path) -> list[Path]:
    """Draw nothing yet."""
    return []
