"""Values of probability zero for which NumPyro gives a finite density: it keeps probabilities away from 0 and 1.

That is right for gradients, and wrong for weights: Bernoulli(0) cannot have given a one, and exp(-87) of it would say
that it had, the more surely the more draws agree.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist

# What NumPyro bounds before it takes a logarithm, by the names that sites know their distributions by.
BOUNDED = frozenset({"BernoulliProbs", "BinomialProbs"})


def is_impossible(distribution: Any, value: Any) -> Any:
    """Return for each element of a peeled distribution whether its value has probability zero, in single precision.

    >>> is_impossible(dist.Bernoulli(jnp.array([0.0, 0.5, 1.0])), jnp.ones(3)).tolist()
    [True, False, False]
    """
    if isinstance(distribution, dist.BernoulliProbs | dist.BinomialProbs):
        most = getattr(distribution, "total_count", 1)
        return ((distribution.probs == 0) & (value > 0)) | ((distribution.probs == 1) & (value < most))
    return jnp.zeros(jnp.shape(value)[: jnp.ndim(value) - distribution.event_dim], bool)
