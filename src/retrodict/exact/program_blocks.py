"""Latent sites of a NumPyro program that are Gaussian given the rest, on the columns of its model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions.distribution import validation_enabled

from retrodict.errors import DensityError
from retrodict.exact.closed_form import ClosedForm
from retrodict.exact.gaussian import GaussianBlock, find_block
from retrodict.exact.proof import Values
from retrodict.graph.names import Name
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.numpyro_supports import peel


@dataclass(frozen=True, eq=False)
class LogJointInside:
    """The log joint of one value of every site of a program but the barren ones, in nats.

    NumPyro wraps densities in a comparison of the value with the support. It is left out: all values are inside.
    """

    model: NumpyroModel
    barren: Collection[str] = ()

    def __call__(self, values: Values) -> jax.Array:
        """Return the log joint."""
        with validation_enabled(False):
            trace = run(self.model.program, self.model.sites, values)
            kept = [name for name in self.model.sites if name not in self.barren]
            terms = [peel(trace[name]["fn"]).log_prob(values[name]) for name in kept]
        return jnp.stack([term.sum() for term in terms]).sum()


@dataclass(frozen=True, eq=False)
class GaussianSites(ClosedForm):
    """Latent sites of a program that are jointly Gaussian given all other sites."""

    kind: ClassVar[str] = "Gaussian"

    model: NumpyroModel
    block: GaussianBlock

    @cached_property
    def variables(self) -> tuple[Name, ...]:
        """The variables of the model that these sites are."""
        units = [unit for site in self.block.names for unit in self.model.structure.variables[site].ravel().tolist()]
        return tuple(self.model.net.names[unit] for unit in sorted(units))

    @cached_property
    def parents(self) -> tuple[Name, ...]:
        """The variables that share a density with the block: its parents, its children, their other parents."""
        return list_blanket(self.model, self.variables)

    @property
    def width(self) -> int:
        """The numbers of the precision."""
        return self.block.size**2

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the columns with the block drawn, and the log density of each draw in nats."""
        rows = columns.reshape(-1, columns.shape[-1])
        drawn, density = jax.vmap(self._draw)(jax.random.split(key, len(rows)), rows)
        return drawn.reshape(columns.shape), density.reshape(columns.shape[:-1])

    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the block given the rest, in nats."""
        rows = columns.reshape(-1, columns.shape[-1])
        return jax.vmap(lambda row: self.block.score(*self._split(row)))(rows).reshape(columns.shape[:-1])

    def _draw(self, key: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        drawn, density = self.block.draw(key, self._split(row)[1])
        for name, value in drawn.items():
            row = row.at[self.model.structure.columns[name]].set(value.astype(row.dtype))
        return row, density

    def _split(self, row: jax.Array) -> tuple[Values, Values]:
        values = self.model.to_sites(row)
        inside = {name: values.pop(name) for name in self.block.names}
        return inside, values


def find_gaussian_sites(
    model: NumpyroModel,
    barren: Collection[Name] = (),
    taken: Collection[Name] = (),
    ends: Collection[Name] = (),
) -> GaussianSites | None:
    """Return the latent sites of a program that are jointly Gaussian given all other sites, None if there are none.

    Arguments:
        model: the program.
        barren: variables without observed descendants, whose densities are left out. Default: none.
        taken: variables of other closed forms; sites that share a density with them do not count. Default: none.
        ends: variables at which supports of others end: the densities do not show it, inside. Default: none.

    >>> import numpyro, numpyro.distributions as dist
    >>> from retrodict import from_numpyro
    >>> def program():
    ...     mean, scale = numpyro.sample("mean", dist.Normal(0, 1)), numpyro.sample("scale", dist.HalfNormal(1))
    ...     numpyro.sample("x", dist.Normal(mean, scale))
    >>> find_gaussian_sites(from_numpyro(program, observed=["x"])).variables
    ('mean',)
    """
    net = model.net
    named = {name: {net.names[unit] for unit in units.ravel().tolist()} for name, units in _list_units(model)}
    without = {name for name, units in named.items() if units <= set(barren)}
    if any(units & set(barren) for name, units in named.items() if name not in without):
        return None  # a site of which some elements are barren has densities that count and others that do not
    excluded = {*net.observed, *barren, *taken, *list_blanket(model, taken), *ends}
    free = [name for name, units in named.items() if not units & excluded]
    real = [name for name in free if model.sites[name].support == "real"]
    log_joint, values = LogJointInside(model, without), _list_zeros(model)
    block = find_block(log_joint, values, real) if _has_density(log_joint, values) else None
    return GaussianSites(model, block) if block else None


def list_blanket(model: Any, names: Collection[Name]) -> tuple[Name, ...]:
    """Return the variables that share a density with some variables, those left out: parents, children, co-parents."""
    net, own = model.net, set(names)
    families = ({name, *net.parents(name)} for name in net.names)
    near = set().union(*(family for family in families if family & own)) - own
    return tuple(name for name in net.names if name in near)


def _has_density(log_joint: LogJointInside, values: Values) -> bool:
    """Return whether all densities can be computed: a distribution that can only be drawn from has none."""
    try:
        jax.eval_shape(log_joint, values)
    except (NotImplementedError, DensityError):
        return False
    return True


def _list_units(model: NumpyroModel) -> Any:
    return model.structure.variables.items()


def _list_zeros(model: NumpyroModel) -> Mapping[str, Any]:
    return {name: np.zeros(site.shape, site.dtype) for name, site in model.sites.items()}
