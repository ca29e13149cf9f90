"""Values at which densities are compared: anywhere in the supports, made by NumPy, as a program draws slowly once."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from retrodict.plan.supports import DISCRETE
from retrodict.read.numpyro.assign import all_fresh, run
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Site

Generator = np.random.Generator
POSITIVE = ("positive", "positive_or_zero", "softplus_positive")


def make_values(model: NumpyroModel) -> list[NDArray[Any]]:
    """Return a value for each site of a program, of its shape and type."""
    rng = np.random.default_rng(0)
    made = {name: _make_value(rng, site, model) for name, site in model.sites.items()}
    if any(value is None for value in made.values()):
        trace = run(model.program, model.sites, {}, all_fresh(model.sites), jax.random.key(0))
        made = {name: np.asarray(trace[name]["value"]) for name in made}
    return [np.asarray(made[name]).astype(site.dtype) for name, site in model.sites.items()]


def _make_value(rng: Generator, site: Site, model: NumpyroModel) -> NDArray[Any] | None:
    """Return values in the support of a site, or None where it is none of the common ones."""
    if site.support == "real":
        return rng.normal(size=site.shape)
    if site.support in POSITIVE:
        return np.exp(0.5 * rng.normal(size=site.shape))
    if site.support == "unit_interval":
        return rng.uniform(0.1, 0.9, site.shape)
    if site.support == "simplex":
        return rng.dirichlet(np.ones(site.shape[-1]), site.shape[:-1])
    return _make_between(rng, site, model)


def _make_between(rng: Generator, site: Site, model: NumpyroModel) -> NDArray[Any] | None:
    """Return values between the ends of a support, if they are constants."""
    variables = [model.net.variable(model.net.names[i]) for i in model.structure.variables[site.name].ravel().tolist()]
    if site.support not in (*DISCRETE, "interval", "greater_than") or any(
        variable.bounds is None for variable in variables
    ):
        return None
    ends = np.array([variable.bounds for variable in variables], dtype=np.float64)
    low, high = (each.reshape((*site.element_shape, *[1] * site.event_dim)) for each in ends.T)
    if site.support in DISCRETE:
        return rng.integers(low, np.minimum(high, low + 3) + 1, site.shape)
    if np.isfinite(high).all():
        return rng.uniform(low, high, site.shape)
    return low + np.exp(0.5 * rng.normal(size=site.shape))
