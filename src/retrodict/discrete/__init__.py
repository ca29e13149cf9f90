"""Discrete networks: variables with finitely many states, and a table of probabilities for each.

``tables`` checks and lays out the numbers, ``network`` is the model, ``simulation`` is what needs JAX.
"""

from __future__ import annotations

from retrodict.discrete.network import DiscreteNetwork

__all__ = ["DiscreteNetwork"]
