"""From a model to its inverse: orders to eliminate in, and the baselines people use instead."""

from __future__ import annotations

from retrodict.invert.baselines import fully_connected, mean_field, reversal
from retrodict.invert.inversion import invert

__all__ = ["fully_connected", "invert", "mean_field", "reversal"]
