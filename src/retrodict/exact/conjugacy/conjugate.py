"""Latent sites of a NumPyro program whose density given all others is in the family of their prior."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from retrodict.exact.conjugacy.conjugate_families import (
    NARROW,
    WIDE,
    ConjugateFamily,
    Natural,
    PowerFamily,
    find_family,
    is_unit,
)
from retrodict.exact.conjugacy.statistics_walk import list_statistics
from retrodict.exact.program_blocks import LogJointInside, OpenSites, SiteForm, list_blanket, open_sites
from retrodict.exact.proof import Values
from retrodict.graph.names import Name
from retrodict.read.numpyro.numpyro_model import NumpyroModel

SUPPORTS = frozenset(["positive", "unit_interval", "interval", "simplex"])


@dataclass(frozen=True, eq=False)
class ConjugateSites(SiteForm):
    r"""Latent sites v with :math:`\log p(v \mid r) = a(r)\, s(v) + b(r)\, t(v) + c(r)`, s and t being statistics.

    `list_statistics` proves it. The elements are independent given all other values r, and a and b follow from the
    slopes of the log joint at two points.
    """

    kind: ClassVar[str] = "conjugate"

    log_joint: LogJointInside
    families: Mapping[str, ConjugateFamily]

    @property
    def site_names(self) -> tuple[str, ...]:
        """The sites."""
        return tuple(self.families)

    @property
    def width(self) -> int:
        """The numbers of both points."""
        return 2 * sum(math.prod(self.model.sites[name].shape) for name in self.families)

    def draw_sites(self, key: jax.Array, rest: Values) -> tuple[Values, jax.Array]:
        """Return one draw of the sites given one value of all others, and its log density in nats."""
        found = self.find_coefficients(rest)
        keys = dict(zip(self.families, jax.random.split(key, len(found)), strict=True))
        drawn = {name: family.draw(keys[name], found[name]) for name, family in self.families.items()}
        return drawn, self._score(found, drawn)

    def score_sites(self, inside: Values, rest: Values) -> jax.Array:
        """Return the log density of a value of the sites given all others, in nats."""
        return self._score(self.find_coefficients(rest), inside)

    def find_coefficients(self, rest: Values) -> dict[str, Natural]:
        """Return what both statistics of each site are multiplied by, given one value of all other sites.

        Powers may be of any scale. So points far apart tell where both statistics count, and points around there tell
        the coefficients to the precision of the slopes.
        """
        shapes = {name: self.model.sites[name].shape for name in self.families}
        slope = jax.grad(lambda own: self.log_joint({**rest, **own}))

        def solve(centers: dict[str, Array], spread: Array) -> tuple[dict[str, Array], dict[str, Natural]]:
            points = {
                name: family.place_points(shapes[name], spread, centers[name]) for name, family in self.families.items()
            }
            stacked = jax.vmap(slope)({name: jnp.stack(pair) for name, pair in points.items()})
            found = {
                name: family.solve(points[name], (stacked[name][0], stacked[name][1]))
                for name, family in self.families.items()
            }
            moved = {name: family.recenter(found[name], centers[name]) for name, family in self.families.items()}
            return jax.lax.stop_gradient(moved), found

        start = {name: jnp.ones(shape) for name, shape in shapes.items()}
        has_powers = any(isinstance(family, PowerFamily) for family in self.families.values())
        spreads = jnp.array([WIDE, NARROW] if has_powers else [NARROW], float)
        found = jax.lax.scan(solve, start, spreads)[1]
        return jax.tree.map(lambda each: each[-1], found)

    def _score(self, found: Mapping[str, Natural], values: Values) -> jax.Array:
        terms = [family.score(found[name], values[name]) for name, family in self.families.items()]
        return jnp.stack(terms).sum()


def find_conjugate_sites(
    model: NumpyroModel,
    barren: Collection[Name] = (),
    taken: Collection[Name] = (),
    ends: Collection[Name] = (),
) -> ConjugateSites | None:
    """Return latent sites of a program that are conjugate given all other sites, None if there are none.

    No two of them share a density. The largest are chosen first.

    Arguments:
        model: the program.
        barren: variables without observed descendants, whose densities are left out. Default: none.
        taken: variables of other closed forms; sites that share a density with them do not count. Default: none.
        ends: variables at which supports of others end: the densities do not show it, inside. Default: none.

    >>> import numpyro, numpyro.distributions as dist
    >>> from retrodict import from_numpyro
    >>> def program():
    ...     rate = numpyro.sample("rate", dist.Gamma(2, 1))
    ...     numpyro.sample("x", dist.Poisson(3 * rate))
    >>> find_conjugate_sites(from_numpyro(program, observed=["x"])).families
    {'rate': PowerFamily(power=Fraction(1, 1))}
    """
    opened = open_sites(model, barren, taken, ends)
    if opened is None:
        return None
    families = _find_families(model, opened)
    chosen: dict[str, ConjugateFamily] = {}
    blocked: set[Name] = set()
    for name in sorted(families, key=lambda name: -math.prod(model.sites[name].shape)):
        own = _list_variables(model, name)
        if blocked.isdisjoint(own):
            chosen[name] = families[name]
            blocked.update(list_blanket(model, own))
    return ConjugateSites(model, opened.log_joint, chosen) if chosen else None


def _find_families(model: NumpyroModel, opened: OpenSites) -> dict[str, ConjugateFamily]:
    """Return the family of each site that is conjugate given all others."""
    candidates = [name for name in opened.free if model.sites[name].support in SUPPORTS]
    if not candidates:
        return {}
    values = dict(opened.values)
    program = jax.make_jaxpr(lambda *each: _measure(opened.log_joint, dict(zip(values, each, strict=True))))(
        *values.values()
    )
    found = {}
    for name in candidates:
        support, bounds = model.sites[name].support, _find_bounds(model, name)
        below_one = support == "simplex" or is_unit(support, bounds)
        joint, *limits = list_statistics(program, list(values).index(name), below_one=below_one)
        family = None if any(limits) else find_family(support, joint, bounds)
        if family is not None:
            found[name] = family
    return found


def _measure(log_joint: LogJointInside, values: Values) -> tuple[Array, list[Array]]:
    return log_joint(values), log_joint.list_limits(values)


def _list_variables(model: NumpyroModel, name: str) -> list[Name]:
    return [model.net.names[unit] for unit in model.structure.variables[name].ravel().tolist()]


def _find_bounds(model: NumpyroModel, name: str) -> tuple[float, float] | None:
    """Return the least and the greatest value of all elements of a site, if they are the same for all."""
    pairs = {model.net.variable(unit).bounds for unit in _list_variables(model, name)}
    return pairs.pop() if len(pairs) == 1 else None
