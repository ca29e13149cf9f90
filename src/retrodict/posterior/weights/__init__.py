"""Importance weights: their smoothing, what they are worth, and what they give."""
