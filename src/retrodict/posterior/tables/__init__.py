"""Posteriors of simulations that are stored, or made outside of JAX."""
