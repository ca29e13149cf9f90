"""Names for the supports of distributions, and whether a value lies in one."""

from __future__ import annotations

import re
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist

NAMES = {
    "Real": "real",
    "RealVector": "real",
    "RealMatrix": "real",
    "Positive": "positive",
    "Nonnegative": "positive",
    "SoftplusPositive": "positive",
    "OpenInterval": "interval",
    "Boolean": "boolean",
    "IntegerInterval": "bounded_count",
    "IntegerNonnegative": "count",
    "IntegerPositive": "count",
    "IntegerGreaterThan": "count",
    "GreaterThanEq": "greater_than",
    "LessThanEq": "less_than",
    "PositiveSemiDefinite": "positive_semidefinite",
}
# Values of which one has a probability while all others have a density: no code stands for both.
ATOMS = ("HurdleGamma", "HurdleLogNormal")
# They score data that were cut off, and draw values that were not.
CENSORED = ("LeftCensoredDistribution", "RightCensoredDistribution", "IntervalCensoredDistribution")
WRAPPERS = (dist.Independent, dist.ExpandedDistribution, dist.MaskedDistribution)
SIMPLEX_TOLERANCE = 1e-4  # float32 draws of many categories miss NumPyro's 1e-6


def peel(distribution: Any) -> Any:
    """Return the distribution inside wrappers that repeat it, mask it or call its batch one event.

    >>> type(peel(dist.Normal(jnp.zeros(3)).to_event(1).expand([2]))).__name__
    'Normal'
    """
    while isinstance(distribution, WRAPPERS):
        distribution = distribution.base_dist
    return distribution


def support_of(distribution: Any) -> Any:
    """Return the constraint on values of a peeled distribution, or None where it names none."""
    try:
        support = distribution.support
    except NotImplementedError:
        return None
    while type(support).__name__ == "_IndependentConstraint":
        support = support.base_constraint
    return support


def name_support(distribution: Any) -> str:
    """Return the name of the support of a distribution.

    >>> name_support(dist.HalfNormal(1.0)), name_support(dist.Categorical(logits=jnp.zeros(3)))
    ('positive', 'categorical')
    """
    peeled = peel(distribution)
    if type(peeled).__name__.startswith("Categorical"):
        return "categorical"
    if type(peeled).__name__ in ATOMS:
        return "positive_or_zero"
    if type(peeled).__name__ in CENSORED:
        return "censored"
    support = support_of(peeled)
    name = type(support).__name__.lstrip("_")
    if name == "ZeroSum" and support.event_dim > 1:
        return f"zero_sum_{support.event_dim}"
    return NAMES.get(name, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())


def bounds_of(distribution: Any) -> tuple[Any, Any] | None:
    """Return the ends of the support of a peeled distribution, numbers or arrays, or None where it has none.

    A range of real numbers with one end has infinity for the other.
    """
    support = support_of(distribution)
    if type(support).__name__ == "_Boolean":
        return 0, 1
    low, high = getattr(support, "lower_bound", None), getattr(support, "upper_bound", None)
    if type(support).__name__ == "_Multinomial":
        low, high = 0, support.upper_bound
    ended = name_support(distribution)
    if ended == "greater_than":
        high = jnp.inf
    if ended == "less_than":
        low = -jnp.inf
    return None if low is None or high is None else (low, high)


def contains(distribution: Any, value: Any) -> Any:
    """Return for each event of a peeled distribution whether the value lies in its support."""
    support = support_of(distribution)
    if support is None:
        return jnp.ones(jnp.shape(value)[: jnp.ndim(value) - distribution.event_dim], bool)
    if type(support).__name__ == "_Simplex":
        total = value.sum(axis=-1)
        return (value >= 0).all(axis=-1) & (jnp.abs(total - 1) < SIMPLEX_TOLERANCE)
    inside = support(value)
    extra = jnp.ndim(inside) - (jnp.ndim(value) - distribution.event_dim)
    return inside.all(axis=tuple(range(-extra, 0))) if extra > 0 else inside
