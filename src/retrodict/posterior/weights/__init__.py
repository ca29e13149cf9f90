"""Importance weights: their smoothing, their effective number, and the moments that they give."""
