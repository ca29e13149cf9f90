"""Latents of a template that have closed forms at every size: Gaussian ones and finite ones, by levels of plates."""
