"""Encoders in the units of the posterior: around its top, scaled by its curvature there."""
