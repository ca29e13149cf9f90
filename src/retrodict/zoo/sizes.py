"""Sizes that a model can have."""

from __future__ import annotations

from collections.abc import Sequence

from retrodict.errors import OptionError


def require_at_least(least: int, **sizes: int) -> None:
    """Raise `OptionError` for a size that is too small."""
    for name, size in sizes.items():
        if size < least:
            raise OptionError(f"{name}={size} is too small", remedy=f"It must be {least} or more.")


def require_layers(**layers: Sequence[int]) -> None:
    """Raise `OptionError` for sizes of layers that are none, or one of which is too small."""
    for name, sizes in layers.items():
        if not sizes or min(sizes) < 1:
            raise OptionError(f"{name}={tuple(sizes)} are no sizes of layers", remedy="Give one or more of at least 1.")
