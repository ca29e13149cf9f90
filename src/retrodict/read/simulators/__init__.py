"""Simulators that are any Python function: called outside of JAX, in parallel, each run kept."""
