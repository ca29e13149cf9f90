"""Discrete networks: variables with finitely many states, and a table of probabilities for each.

``checks`` reads the numbers that people give, ``tables`` lays them out, ``network`` is the model; ``simulation`` is
what needs JAX.
"""

from __future__ import annotations

from retrodict.models.discrete.discrete_network import DiscreteNetwork

__all__ = ["DiscreteNetwork"]
