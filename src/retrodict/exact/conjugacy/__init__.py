"""Latents whose full conditional is in the family of their prior, found by following the log joint."""
