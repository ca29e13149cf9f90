"""Latents with finitely many states, exact by enumeration: each by its Markov blanket, all of them by elimination."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.errors import DensityError, ProgramError, SizeError
from retrodict.exact.clique_tables import CliqueTables
from retrodict.exact.closed_form import ClosedForm
from retrodict.exact.known_places import put, take
from retrodict.exact.program_blocks import list_blanket
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.models.model import Model
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.reader import from_numpyro

# The most states of one latent, and the most assignments of states at which the densities of a row are computed.
MOST_STATES, MOST_ASSIGNMENTS = 256, 4096


@dataclass(frozen=True, eq=False)
class FiniteLatents(ClosedForm):
    r"""Discrete latents z with :math:`p(z \mid r) \propto \prod_i p(v_i \mid \mathrm{pa}_i)`, r being all others.

    ``units`` is the model in which each number is a variable of its own, ``places`` says where each of its columns
    stands among those of the model. A density depends on the few latents of its family alone. So latents that share no
    density get their states at once, and all tables are known after as many passes as there are combinations.
    """

    kind: ClassVar[str] = "finite"

    model: Model
    names: tuple[Name, ...]
    units: Model
    places: Integers
    latents: Integers
    counted: Integers

    @property
    def variables(self) -> tuple[Name, ...]:
        """The latents."""
        return self.names

    @cached_property
    def parents(self) -> tuple[Name, ...]:
        """The variables that share a density with them."""
        return list_blanket(self.model, self.variables)

    @property
    def width(self) -> int:
        """The numbers of all passes, and those of the tables of a step."""
        return len(self._assignments) * len(self.units.net) + self.elimination.plan.sources[0].size

    @cached_property
    def cards(self) -> tuple[int, ...]:
        """The number of states of each latent."""
        net = self.units.net
        return tuple(count_states(net.variable(net.names[unit])) for unit in self.latents.tolist())

    @cached_property
    def elimination(self) -> CliqueTables:
        """The terms of the log joint that depend on the latents, and how they are added up."""
        place = {unit: number for number, unit in enumerate(self.latents.tolist())}
        kept, scopes, tables = set(self.counted.tolist()), [], []
        row = {states: number for number, states in enumerate(map(tuple, self._assignments.tolist()))}
        for unit in range(len(self.units.net)):
            family = [*self.units.net.parent_rows[unit].tolist(), unit]
            scope = tuple(sorted(place[member] for member in family if member in place))
            if not scope or unit not in kept:
                continue
            table = np.empty([self.cards[i] for i in scope], np.int64)
            for states in np.ndindex(*table.shape):
                assigned = np.zeros(len(self._palette), np.int64)
                assigned[self._colors[list(scope)]] = states
                table[states] = row[tuple(assigned.tolist())] * len(self.units.net) + unit
            scopes.append(scope)
            tables.append(table)
        return CliqueTables(self.cards, tuple(scopes), tuple(tables), len(row) * len(self.units.net))

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the columns with the latents drawn, and the log probability of each draw in nats."""
        rows = columns.reshape(-1, columns.shape[-1])
        drawn, density = jax.vmap(self._draw)(jax.random.split(key, len(rows)), rows)
        return drawn.reshape(columns.shape), density.reshape(columns.shape[:-1])

    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log probability of the latents given the rest, in nats."""
        rows = columns.reshape(-1, columns.shape[-1])
        return jax.vmap(self._score)(rows).reshape(columns.shape[:-1])

    def _draw(self, key: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        known = self._condition(row)
        states = self.elimination.draw(key, known)
        values = (states + jnp.asarray(self._lowest)).astype(row.dtype)
        return put(row, self._own, values), self.elimination.score(states, known)

    def _score(self, row: jax.Array) -> jax.Array:
        states = take(row, self._own) - jnp.asarray(self._lowest, row.dtype)
        limits = jnp.asarray(self.cards) - 1
        inside = (states == jnp.clip(jnp.round(states), 0, limits)).all()
        found = self.elimination.score(jnp.clip(states, 0, limits), self._condition(row))
        return jnp.where(inside, found, -jnp.inf)

    def _condition(self, row: jax.Array) -> jax.Array:
        """Return what the elimination makes of the densities at all assignments of states."""
        states = jnp.asarray(self._assignments[:, self._colors] + self._lowest, row.dtype)
        rows = take(row, self.places)
        filled = jax.vmap(lambda own: put(rows, self._unit_columns, own))(states)
        return self.elimination.condition(self.units.log_conditionals(filled).reshape(-1))

    @cached_property
    def _lowest(self) -> Integers:
        net = self.units.net
        described = [net.variable(net.names[unit]) for unit in self.latents.tolist()]
        return np.array([int(v.bounds[0]) if v.bounds else 0 for v in described], np.int64)

    @cached_property
    def _unit_columns(self) -> Integers:
        sizes = np.array([self.units.net.variable(name).size for name in self.units.net.names])
        return np.asarray((np.cumsum(sizes) - sizes)[self.latents])

    @property
    def _own(self) -> Integers:
        """The columns of the model that hold the latents."""
        return np.asarray(self.places[self._unit_columns])

    @cached_property
    def _colors(self) -> Integers:
        """A color for each latent: two that share a density have different ones."""
        place = {unit: number for number, unit in enumerate(self.latents.tolist())}
        near: list[set[int]] = [set() for _ in place]
        for unit in self.counted.tolist():
            family = [place[i] for i in (*self.units.net.parent_rows[unit].tolist(), unit) if i in place]
            for member in family:
                near[member].update(family)
        colors = np.full(len(place), -1, np.int64)
        for latent in range(len(place)):
            used = {int(colors[other]) for other in near[latent]}
            colors[latent] = next(color for color in itertools.count() if color not in used)
        return colors

    @cached_property
    def _palette(self) -> list[int]:
        """The number of states of each color: the most of a latent that has it."""
        return [
            max(card for card, own in zip(self.cards, self._colors, strict=True) if own == color)
            for color in range(int(self._colors.max()) + 1)
        ]

    @cached_property
    def _assignments(self) -> Integers:
        """All combinations of states of the colors; a latent with fewer states repeats its last one."""
        return np.array(list(itertools.product(*map(range, self._palette))), np.int64)


def count_states(variable: Variable) -> int:
    """Return how many values a discrete variable has."""
    return int(variable.categories or 0)


def find_finite_latents(
    model: Model, barren: Collection[Name] = (), ends: Collection[Name] = ()
) -> FiniteLatents | None:
    """Return the latents of a model with finitely many states, None where there are none, or their tables are too big.

    Arguments:
        model: any model; of a NumPyro program each element counts by itself.
        barren: variables without observed descendants, whose densities are left out. Default: none.
        ends: latents that do not count, as supports of others end there. Default: none.

    >>> from retrodict import DiscreteNetwork
    >>> model = DiscreteNetwork.from_tables(
    ...     {"rain": [], "wet": ["rain"]},
    ...     {"rain": ["no", "yes"], "wet": ["no", "yes"]},
    ...     {"rain": [0.8, 0.2], "wet": [[0.9, 0.1], [0.2, 0.8]]},
    ...     observed=["wet"],
    ... )
    >>> find_finite_latents(model).variables
    ('rain',)
    """
    free = [name for name in model.net.latents if name not in barren and name not in ends]
    chosen = tuple(name for name in free if _is_finite(model.net, name))
    if not chosen:
        return None
    try:
        jax.eval_shape(model.log_conditionals, np.zeros(model.layout.width, np.float32))
        units, places, owner = _take_apart(model)
        own, without = set(chosen), set(barren)
        latents = np.array([unit for unit, name in enumerate(owner) if name in own], np.int64)
        counted = np.array([unit for unit, name in enumerate(owner) if name not in without], np.int64)
        found = FiniteLatents(model, chosen, units, places, latents, counted)
        return found if _is_small(found) else None
    except (DensityError, NotImplementedError, ProgramError, SizeError):
        return None


def _is_finite(net: BayesNet, name: Name) -> bool:
    variable = net.variable(name)
    return variable.support != "multinomial" and 0 < count_states(variable) <= MOST_STATES


def _is_small(found: FiniteLatents) -> bool:
    """Return whether tables and passes fit; raise `SizeError` where tables do not."""
    combinations = np.prod(np.array(found._palette, np.float64))
    return bool(combinations <= MOST_ASSIGNMENTS) and found.elimination.plan.size > 0


def _take_apart(model: Model) -> tuple[Model, Integers, list[Name]]:
    """Return a model with a variable for each number, where its columns are, and the variable that each belongs to.

    Raises `ProgramError` for a program whose elements cannot be told apart.
    """
    net = model.net
    if not isinstance(model, NumpyroModel) or model.structure.elementwise:
        return model, np.arange(model.layout.width), list(net.names)
    program = model.program
    units = from_numpyro(
        program.function,
        *program.args,
        observed=sorted(model.structure.observed_sites),
        elementwise=True,
        **program.kwargs,
    )
    places = np.empty(units.layout.width, np.int64)
    owner: dict[int, Name] = {}
    for site, columns in units.structure.columns.items():
        places[columns.ravel()] = model.structure.columns[site].ravel()
        owner |= dict.fromkeys(
            units.structure.variables[site].ravel().tolist(), net.names[int(model.structure.variables[site].ravel()[0])]
        )
    return units, places, [owner[unit] for unit in range(len(units.net))]
