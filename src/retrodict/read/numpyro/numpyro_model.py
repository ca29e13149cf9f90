"""A NumPyro program as a `Model`: drawn and scored by running it under handlers, compiled by JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.errors import DataError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask
from retrodict.models.model import Group, Model
from retrodict.plan.layout import take_columns
from retrodict.plan.moving import mark_moving
from retrodict.read.numpyro.assign import all_fresh, run
from retrodict.read.numpyro.distributions.numpyro_supports import peel
from retrodict.read.numpyro.elements import find_limits, log_density
from retrodict.read.numpyro.observed.apart import require_data_apart
from retrodict.read.numpyro.observed.fixed import read_data, require_finite
from retrodict.read.numpyro.program_digest import describe, digest_program
from retrodict.read.numpyro.program_structure import ProgramStructure
from retrodict.read.numpyro.sites import Program, Site
from retrodict.read.numpyro.zeros import BOUNDED, is_impossible


@dataclass(frozen=True, eq=False, repr=False)
class NumpyroModel(Model):
    """A NumPyro program with its structure; made by `from_numpyro`.

    Columns hold real numbers: discrete values are the numbers that NumPyro draws. ``sites`` tells what is known
    of each random site of the program.
    """

    program: Program
    structure: ProgramStructure

    def __repr__(self) -> str:
        return f"NumpyroModel({self.program.name!r}, {self.net!r})"

    @property
    def net(self) -> BayesNet:  # type: ignore[override]
        """The structure."""
        return self.structure.net

    @property
    def sites(self) -> Mapping[str, Site]:
        """The random sites of the program, in the order in which it draws them."""
        return self.structure.sites

    @property
    def groups(self) -> Mapping[Name, Group]:
        """The sites of the program, each with its variables."""
        names = self.net.names
        return {
            name: Group(tuple(names[unit] for unit in units.tolist()), self.sites[name].shape)
            for name, units in self.structure.variables.items()
        }

    def observing(self, names: Iterable[Name]) -> Self:
        """Return the same program with other observed variables; the name of a site stands for all of its elements.

        Raises: what `from_numpyro` raises for ``observed=names``.
        """
        structure = self.structure.observing(names)
        sites = list(self.sites.values())
        require_finite(read_data(self.program, sites), structure)
        require_data_apart(self.program, sites, structure.observed_sites)
        return self.replacing(structure=structure)

    def to_dict(self) -> dict[str, Any]:
        """Return what the program is, in values that JSON can hold: sites, variables, edges, what is observed."""
        return describe(self.program, self.structure)

    def digest(self) -> str:
        """Return the SHA-256 of the description, operations and constants; data at observed sites do not count."""
        return digest_program(self.program, self.structure)

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """Return joint draws, shape ``(n, layout.width)``: the program run on ``n`` keys at once."""
        return self._draw(key, n)

    def log_conditionals(self, columns: jax.Array) -> jax.Array:
        """Return log p of each variable given its parents, in nats; minus infinity outside of its support."""
        return self._score(jnp.asarray(columns))

    def rules_out(self, columns: jax.Array) -> jax.Array:
        """Return whether values are of probability zero by a probability of 0 or 1, which NumPyro bounds."""
        bounded = any(site.distribution in BOUNDED for site in self.sites.values())
        return self._rule_out(jnp.asarray(columns)) if bounded else super().rules_out(columns)

    def redraw(self, key: jax.Array, columns: jax.Array, which: Mask | jax.Array) -> jax.Array:
        """Return the columns with the marked variables drawn anew given their parents, parents first.

        A mask that is traced by JAX is one program for all masks.
        """
        if isinstance(which, jax.Array):
            return self._redraw_marked(key, jnp.asarray(columns), which)
        return self._redraw(key, jnp.asarray(columns), tuple(np.asarray(which, dtype=bool).tolist()))

    def limit(self, columns: jax.Array, coded: Mask) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return values, given as codes where ``coded`` marks them, and where supports end: one run of the program."""
        return self._limit(jnp.asarray(columns), tuple(np.asarray(coded, dtype=bool).tolist()))

    def split(self, values: Mapping[str, Any]) -> dict[Name, Any]:
        """Return values of sites as values of the variables: the same, or element by element.

        ``values`` holds arrays that end in the shapes of the sites. Raises `DataError` for others.

        >>> import numpyro, numpyro.distributions as dist
        >>> from retrodict import from_numpyro
        >>> def program():
        ...     z = numpyro.sample("z", dist.Normal(0, 1))
        ...     numpyro.sample("x", dist.Normal(jnp.full(2, z), 1))
        >>> model = from_numpyro(program, observed=["x"], elementwise=True)
        >>> {name: float(value) for name, value in model.split({"x": np.array([3.0, 4.0])}).items()}
        {'x[0]': 3.0, 'x[1]': 4.0}
        """
        parts: dict[Name, Any] = {}
        for name, value in values.items():
            site, array = self._find(name), np.asarray(value)
            n_leading = array.ndim - len(site.shape)
            if n_leading < 0 or array.shape[n_leading:] != site.shape:
                expected = f"({', '.join(['...', *map(str, site.shape)])})"
                raise DataError(
                    f"the value of {{names}} has the shape {array.shape}, where {expected} was expected", [name]
                )
            units = self.structure.variables[name]
            rows = array.reshape(*array.shape[:n_leading], len(units), -1)
            for place, unit in enumerate(units.tolist()):
                shape = self.layout.shapes[unit]
                parts[self.net.names[unit]] = rows[..., place, :].reshape((*array.shape[:n_leading], *shape))
        return parts

    def join(self, values: Mapping[Name, Any]) -> dict[str, Any]:
        """Return values of variables as arrays of the sites they belong to: the inverse of `split`.

        Sites none of whose variables are given are left out. Raises `DataError` for a site given in part.
        """
        joined = {}
        for name, site in self.sites.items():
            units = [self.net.names[unit] for unit in self.structure.variables[name].tolist()]
            missing = [unit for unit in units if unit not in values]
            if missing and len(missing) < len(units):
                raise DataError(f"{{names}} {{are}} missing of {name!r}", missing, remedy="Give all elements.")
            if not missing:
                flat = [np.asarray(values[unit]).reshape(*self._leading(unit, values[unit]), -1) for unit in units]
                rows = np.stack(np.broadcast_arrays(*flat), axis=-2)
                joined[name] = rows.reshape((*rows.shape[:-2], *site.shape))
        return joined

    def _leading(self, unit: Name, value: Any) -> tuple[int, ...]:
        shape = self.layout.shapes[self.net.index(unit)]
        return np.shape(value)[: np.ndim(value) - len(shape)]

    def _find(self, name: str) -> Site:
        if name not in self.sites:
            raise DataError("{names} is not a site of the program", [name], remedy=f"It has {', '.join(self.sites)}.")
        return self.sites[name]

    # -- compiled once for each shape ----------------------------------------------------------------

    @cached_property
    def _draw(self) -> Callable[[jax.Array, int], jax.Array]:
        fresh = all_fresh(self.sites)

        @partial(jax.jit, static_argnums=1)
        def draw(key: jax.Array, n: int) -> jax.Array:
            def draw_one(own: jax.Array) -> jax.Array:
                return self._to_columns(run(self.program, self.sites, {}, fresh, own))

            return jax.vmap(draw_one)(jax.random.split(key, n))

        return draw

    @cached_property
    def _redraw(self) -> Callable[[jax.Array, jax.Array, tuple[bool, ...]], jax.Array]:
        @partial(jax.jit, static_argnums=2)
        def redraw(key: jax.Array, columns: jax.Array, which: tuple[bool, ...]) -> jax.Array:
            return self._redraw_marked(key, columns, np.array(which))

        return redraw

    def _redraw_marked(self, key: jax.Array, columns: jax.Array, marked: Any) -> jax.Array:
        xp: Any = jnp if isinstance(marked, jax.Array) else np
        fresh = {
            name: xp.broadcast_to(marked[units].reshape(self._unit_shape(name)), self.sites[name].element_shape)
            for name, units in self.structure.variables.items()
        }

        def redraw_one(own: jax.Array, row: jax.Array) -> jax.Array:
            return self._to_columns(run(self.program, self.sites, self._to_values(row)[0], fresh, own))

        rows = columns.reshape(-1, columns.shape[-1])
        drawn = jax.vmap(redraw_one)(jax.random.split(key, len(rows)), rows)
        return drawn.reshape(columns.shape).astype(columns.dtype)

    @cached_property
    def _score(self) -> Callable[[jax.Array], jax.Array]:
        order = np.argsort(np.concatenate(list(self.structure.variables.values())))

        def score_one(row: jax.Array) -> jax.Array:
            values, whole = self._to_values(row)
            trace = run(self.program, self.sites, values)
            densities, inside = [], []
            for name, site in self.sites.items():
                n = len(self.structure.variables[name])
                density, supported = log_density(trace[name]["fn"], values[name], site)
                densities.append(density.reshape(n, -1).sum(axis=1))
                inside.append((supported & whole[name]).reshape(n, -1).all(axis=1))
            density, supported = (take_columns(jnp.concatenate(parts), order) for parts in (densities, inside))
            # What lies below a value outside of its support may be no number: the joint is zero there.
            broken = jnp.isnan(density) & ~supported.all()
            return jnp.where(supported & ~broken, density, -jnp.inf)

        @jax.jit
        def score(columns: jax.Array) -> jax.Array:
            rows = columns.reshape(-1, columns.shape[-1])
            return jax.vmap(score_one)(rows).reshape(*columns.shape[:-1], len(self.net))

        return score

    @cached_property
    def _limit(self) -> Callable[[jax.Array, tuple[bool, ...]], tuple[jax.Array, jax.Array, jax.Array]]:
        moving = mark_moving(self.net)
        ended = [name for name, units in self.structure.variables.items() if moving[units].any()]

        @partial(jax.jit, static_argnums=1)
        def limit(columns: jax.Array, coded: tuple[bool, ...]) -> tuple[jax.Array, jax.Array, jax.Array]:
            marked = {
                name: np.broadcast_to(
                    np.array(coded)[self.structure.variables[name]].reshape(self._unit_shape(name)),
                    self.sites[name].element_shape,
                )
                for name in ended
            }

            def limit_one(row: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
                trace = run(self.program, self.sites, self._to_values(row)[0], coded=marked)
                low, high = (jnp.full(row.shape, end, row.dtype) for end in (-jnp.inf, jnp.inf))
                for name in ended:
                    places = self.structure.columns[name]
                    limits = find_limits(trace[name]["fn"], self.sites[name])
                    low, high = (now.at[places].set(end) for now, end in zip((low, high), limits, strict=True))
                    row = row.at[places].set(trace[name]["value"])
                return row, low, high

            rows = columns.reshape(-1, columns.shape[-1])
            values, low, high = jax.vmap(limit_one)(rows)
            return values.reshape(columns.shape), low.reshape(columns.shape), high.reshape(columns.shape)

        return limit

    @cached_property
    def _rule_out(self) -> Callable[[jax.Array], jax.Array]:
        def judge_one(row: jax.Array) -> jax.Array:
            values, _ = self._to_values(row)
            trace = run(self.program, self.sites, values)
            wrong = [is_impossible(peel(trace[name]["fn"]), values[name]).any() for name in self.sites]
            return jnp.stack(wrong).any()

        @jax.jit
        def judge(columns: jax.Array) -> jax.Array:
            rows = columns.reshape(-1, columns.shape[-1])
            return jax.vmap(judge_one)(rows).reshape(columns.shape[:-1])

        return judge

    # -- between columns and values of sites ---------------------------------------------------------

    def to_sites(self, row: jax.Array) -> dict[str, jax.Array]:
        """Return the values of all sites in one row of columns, in their shapes and types."""
        return self._to_values(row)[0]

    def _to_values(self, row: jax.Array) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
        """Return the values of all sites, and which elements of discrete ones are whole numbers."""
        values, whole = {}, {}
        for name, site in self.sites.items():
            found = take_columns(row, self.structure.columns[name])
            own = found if np.issubdtype(site.dtype, np.floating) else jnp.round(found)
            values[name] = own.astype(site.dtype)
            axes = tuple(range(len(site.element_shape), len(site.shape)))
            whole[name] = (values[name] == found).all(axis=axes) if own is not found else jnp.ones((), bool)
        return values, whole

    def _to_columns(self, trace: Mapping[str, Any]) -> jax.Array:
        flat = [jnp.ravel(trace[name]["value"]).astype(jnp.float32) for name in self.sites]
        return take_columns(jnp.concatenate(flat), self._column_order)

    @cached_property
    def _column_order(self) -> Integers:
        return np.argsort(np.concatenate([columns.ravel() for columns in self.structure.columns.values()]))

    def _unit_shape(self, name: str) -> tuple[int, ...]:
        """Return the shape in which the variables of a site stand: its elements', or one for the whole."""
        site = self.sites[name]
        return site.element_shape if self.structure.elementwise else (1,) * len(site.element_shape)
