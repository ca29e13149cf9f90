"""Latent sites of a NumPyro program that are Gaussian given the rest, on the columns of its model."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions.distribution import validation_enabled

from retrodict.errors import DensityError
from retrodict.exact.closed_form import ClosedForm
from retrodict.exact.column_levels import plan_levels
from retrodict.exact.gaussian import GaussianBlock, find_block
from retrodict.exact.proof import Values, find_pattern
from retrodict.graph.names import Name
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.distributions.numpyro_supports import peel, support_of
from retrodict.read.numpyro.numpyro_model import NumpyroModel

# Distributions of which standardized residuals say everything, the most pairs of a residual and a latent that are
# looked at, and the most slopes of residuals that are formed.
NORMAL, MOST_PAIRS, MOST_SLOPES = ("Normal", "LogNormal"), 30_000_000, 300_000


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

    def list_limits(self, values: Values) -> list[Any]:
        """Return the numbers that say where the supports of the sites end."""
        trace = run(self.model.program, self.model.sites, values)
        supports = [support_of(peel(trace[name]["fn"])) for name in self.model.sites if name not in self.barren]
        return [jnp.asarray(end) for end in jax.tree.leaves(supports)]


@dataclass(frozen=True, eq=False)
class Residuals:
    """The standardized residuals of sites of a program that are normal, or whose logarithms are."""

    model: NumpyroModel
    names: tuple[str, ...]

    def __call__(self, values: Values) -> jax.Array:
        """Return the residuals of one value of every site, side by side."""
        with validation_enabled(False):
            trace = run(self.model.program, self.model.sites, values)
        left = []
        for name in self.names:
            own, value = peel(trace[name]["fn"]), values[name]
            own, value = (own.base_dist, jnp.log(value)) if isinstance(own, dist.LogNormal) else (own, value)
            left.append(jnp.ravel((value - own.loc) / own.scale))
        return jnp.concatenate(left)


@dataclass(frozen=True, eq=False)
class SiteForm(ClosedForm):
    """Latent sites of a program whose density given all other sites is known, on the columns of the model (abstract).

    To subclass: ``site_names`` are the sites, ``draw_sites`` and ``score_sites`` take the values of one row.
    """

    model: NumpyroModel

    @property
    @abstractmethod
    def site_names(self) -> tuple[str, ...]:
        """The sites."""

    @abstractmethod
    def draw_sites(self, key: jax.Array, rest: Values) -> tuple[Values, jax.Array]:
        """Return one draw of the sites given one value of all others, and its log density in nats."""

    @abstractmethod
    def score_sites(self, inside: Values, rest: Values) -> jax.Array:
        """Return the log density of a value of the sites given all others, in nats."""

    @cached_property
    def variables(self) -> tuple[Name, ...]:
        """The variables of the model that these sites are."""
        units = [unit for site in self.site_names for unit in self.model.structure.variables[site].ravel().tolist()]
        return tuple(self.model.net.names[unit] for unit in sorted(units))

    @cached_property
    def parents(self) -> tuple[Name, ...]:
        """The variables that share a density with the sites: their parents, their children, their other parents."""
        return list_blanket(self.model, self.variables)

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the columns with the sites drawn, and the log density of each draw in nats."""
        rows = columns.reshape(-1, columns.shape[-1])
        drawn, density = jax.vmap(self._draw)(jax.random.split(key, len(rows)), rows)
        return drawn.reshape(columns.shape), density.reshape(columns.shape[:-1])

    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the sites given the rest, in nats."""
        rows = columns.reshape(-1, columns.shape[-1])
        return jax.vmap(lambda row: self.score_sites(*self._split(row)))(rows).reshape(columns.shape[:-1])

    def _draw(self, key: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        drawn, density = self.draw_sites(key, self._split(row)[1])
        for name, value in drawn.items():
            row = row.at[self.model.structure.columns[name]].set(value.astype(row.dtype))
        return row, density

    def _split(self, row: jax.Array) -> tuple[Values, Values]:
        values = self.model.to_sites(row)
        inside = {name: values.pop(name) for name in self.site_names}
        return inside, values


@dataclass(frozen=True, eq=False)
class GaussianSites(SiteForm):
    """Latent sites of a program that are jointly Gaussian given all other sites."""

    kind: ClassVar[str] = "Gaussian"
    smooth: ClassVar[bool] = True

    block: GaussianBlock

    @property
    def site_names(self) -> tuple[str, ...]:
        """The sites of the block."""
        return self.block.names

    @property
    def width(self) -> int:
        """The numbers of the precision, and about those of the slopes."""
        if self.block.levels is not None:
            return self.block.levels.size
        return self.block.size**2 + sum(math.prod(site.shape) for site in self.model.sites.values()) * self.block.size

    def draw_sites(self, key: jax.Array, rest: Values) -> tuple[Values, jax.Array]:
        """Return one draw of the block given one value of all others, and its log density in nats."""
        return self.block.draw(key, rest)

    def score_sites(self, inside: Values, rest: Values) -> jax.Array:
        """Return the log density of a value of the block given all others, in nats."""
        return self.block.score(inside, rest)


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
    opened = open_sites(model, barren, taken, ends)
    if opened is None:
        return None
    real = [name for name in opened.free if model.sites[name].support == "real"]
    block = find_block(opened.log_joint, opened.values, real)
    return GaussianSites(model, _add_residuals(model, block, opened.log_joint)) if block else None


def _add_residuals(model: NumpyroModel, block: GaussianBlock, log_joint: LogJointInside) -> GaussianBlock:
    """Return the block with its residuals where all densities that hold it are normal, and there are not too many."""
    net, own = model.net, set(block.names)
    named = {net.names[unit]: name for name, units in _list_units(model) for unit in units.ravel().tolist()}
    near = {named[unit] for unit in net.names if own & {named[i] for i in (unit, *net.parents(unit))}}
    names = [name for name in model.sites if name in near and name not in log_joint.barren]
    size = sum(math.prod(model.sites[name].shape) for name in names)
    if any(model.sites[name].distribution not in NORMAL for name in names) or size * block.size > MOST_PAIRS:
        return block
    residuals, values = Residuals(model, tuple(names)), _list_zeros(model)
    rest = {name: value for name, value in values.items() if name not in own}
    levels = plan_levels(find_pattern(residuals, {name: values[name] for name in block.names}, rest))
    if (size * block.size if levels is None else levels.size) > MOST_SLOPES:
        return block
    return replace(block, residuals=residuals, levels=levels)


@dataclass(frozen=True)
class OpenSites:
    """The log joint of a program, a value of each of its sites, and the sites that may get a closed form."""

    log_joint: LogJointInside
    values: Values
    free: tuple[str, ...]


def open_sites(
    model: NumpyroModel, barren: Collection[Name], taken: Collection[Name], ends: Collection[Name]
) -> OpenSites | None:
    """Return the sites of a program that may get a closed form, None where its log joint cannot be computed."""
    net = model.net
    named = {name: {net.names[unit] for unit in units.ravel().tolist()} for name, units in _list_units(model)}
    without = {name for name, units in named.items() if units <= set(barren)}
    if any(units & set(barren) for name, units in named.items() if name not in without):
        return None  # a site of which some elements are barren has densities that count and others that do not
    excluded = {*net.observed, *barren, *taken, *list_blanket(model, taken), *ends}
    free = tuple(name for name, units in named.items() if not units & excluded)
    log_joint, values = LogJointInside(model, without), _list_zeros(model)
    return OpenSites(log_joint, values, free) if _has_density(log_joint, values) else None


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
