"""Encoders of series: networks that run along time and have the patterns of parents of a lifted inverse."""
