"""Variable elimination on tables of discrete variables, laid out beforehand: at run time it is gather and add.

What is laid out: each variable, when it is eliminated, has a table over itself and its parents in the inverse. An entry
of a table is a sum of entries of the log densities and of messages of variables eliminated before; all of these stand
in one long vector, the memory. Variables that do not wait for each other share a step, and steps are one loop, so that
the program does not grow with the number of variables.

Source: Koller & Friedman, chapters 9 and 10.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.errors import SizeError
from retrodict.exact.known_places import take
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.invert import invert

# The first places of the memory: a term that adds nothing, and a state that does not exist.
NOTHING, IMPOSSIBLE, FIRST = 0, 1, 2
# The most numbers that a layout may hold, padding included.
MOST_PLACES = 4_000_000

Scope = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CliqueLayout:
    """Where everything stands, step by step; variables and rows of padding are numbered past the last ones.

    ``sources[t, c, s, k, j]`` is the place of term j of the entry of state k of variable ``variables[t, c]`` where its
    parents have the states numbered s; ``messages[t, c, s]`` is where the sum over k goes. ``parents[t, c, p]`` are its
    parents and ``strides`` what a state of each adds to s.
    """

    variables: Integers
    parents: Integers
    strides: Integers
    sources: Integers
    messages: Integers
    size: int


@dataclass(frozen=True, eq=False)
class CliqueTables:
    """Discrete variables with the scopes of the terms of their log joint, and the exact distribution of them all.

    ``cards`` are their numbers of states; term ``i`` depends on the variables ``scopes[i]``, and its value for the
    states ``k1, k2, ...`` of those stands at ``tables[i][k1, k2, ...]`` of the vector that `condition` is given.
    """

    cards: tuple[int, ...]
    scopes: tuple[Scope, ...]
    tables: tuple[Integers, ...]
    length: int

    @cached_property
    def inverse(self) -> Inverse:
        """The order of elimination, and what each variable depends on; names are numbers, those of terms come last."""
        count = len(self.cards)
        terms = {count + i: list(scope) for i, scope in enumerate(self.scopes)}
        return invert(BayesNet({**{i: [] for i in range(count)}, **terms}, terms), "min-fill")

    @cached_property
    def plan(self) -> CliqueLayout:
        """The layout; raise `SizeError` for more than fits."""
        return _lay_out(self)

    def condition(self, terms: jax.Array) -> jax.Array:
        """Return log p of each state of each variable given its parents, laid out as in the plan, from all terms."""
        plan = self.plan
        start = jnp.concatenate([jnp.array([0.0, -jnp.inf], terms.dtype), terms])
        memory = jnp.concatenate([start, jnp.zeros(plan.size - len(start), terms.dtype)])

        def eliminate(memory: jax.Array, step: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            sources, places = step
            table = memory[sources].sum(axis=-1)
            total = jax.scipy.special.logsumexp(table, axis=-1)
            return memory.at[places].set(total, mode="drop"), table - _keep_finite(total)[..., None]

        if len(plan.sources) == 1:  # no variable waits for a message of another one
            return _normalize_alone(memory, plan.sources[0])[None]
        return jax.lax.scan(eliminate, memory, (_to_jax(plan.sources), _to_jax(plan.messages)))[1]

    def draw(self, key: jax.Array, known: jax.Array) -> jax.Array:
        """Return a state of each variable, drawn from what `condition` gives."""
        plan = self.plan
        noise = jax.random.gumbel(key, (len(plan.variables), plan.variables.shape[1], known.shape[-1]), known.dtype)

        def choose(states: jax.Array, step: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
            variables, parents, strides, table, gumbel = step
            row = (states[parents] * strides).sum(axis=-1)
            own = jnp.take_along_axis(table, row[:, None, None], axis=1)[:, 0]
            return states.at[variables].set(jnp.argmax(own + gumbel, axis=-1), mode="drop"), None

        steps = *map(_to_jax, (plan.variables, plan.parents, plan.strides)), known, noise
        return jax.lax.scan(choose, jnp.zeros(len(self.cards) + 1, jnp.int32), steps, reverse=True)[0][:-1]

    def score(self, states: jax.Array, known: jax.Array) -> jax.Array:
        """Return the log probability of a state of each variable, from what `condition` gives."""
        plan = self.plan
        padded = jnp.append(states.astype(jnp.int32), 0)
        variables = _to_jax(plan.variables)
        row = (padded[_to_jax(plan.parents)] * _to_jax(plan.strides)).sum(axis=-1)
        own = jnp.take_along_axis(known, row[..., None, None], axis=2)[..., 0, :]
        found = jnp.take_along_axis(own, padded[variables][..., None], axis=-1)[..., 0]
        return jnp.where(variables < len(self.cards), found, 0.0).sum()


def _normalize_alone(memory: jax.Array, sources: Integers) -> jax.Array:
    """Return log probabilities of variables side by side, whose terms often stand side by side, too."""
    ordered = np.moveaxis(sources, 0, -1)
    table = take(memory, ordered.ravel()).reshape(ordered.shape).sum(axis=-2)
    known = table - _keep_finite(jax.scipy.special.logsumexp(table, axis=-2))[..., None, :]
    return jnp.moveaxis(known, -1, 0)


def _keep_finite(total: jax.Array) -> jax.Array:
    """Return logs of sums, zero where the parents have states that are impossible: there any distribution does."""
    return jnp.where(jnp.isfinite(total), total, 0.0)


def _lay_out(tables: CliqueTables) -> CliqueLayout:
    """Follow the elimination with places instead of numbers."""
    inverse, cards = tables.inverse, tables.cards
    number: dict[Name, int] = {i: i for i in range(len(cards))}
    order = [number[name] for name in inverse.elimination_order]
    parents = {v: tuple(number[name] for name in inverse.parents[v] if name in number) for v in order}
    waiting: dict[int, list[tuple[Scope, Integers]]] = defaultdict(list)
    turn = {variable: number for number, variable in enumerate(order)}
    for scope, table in zip(tables.scopes, tables.tables, strict=True):
        waiting[min(scope, key=turn.__getitem__)].append((scope, FIRST + table))
    steps = _find_steps(order, parents)
    _require_room(cards, parents, steps)
    size, entries, messages = FIRST + tables.length, {}, {}
    for variable in order:
        own = (*parents[variable], variable)
        shape = [cards[i] for i in own]
        listed = [_spread(scope, table, own, shape) for scope, table in waiting.pop(variable, [])]
        entries[variable] = np.stack(listed or [np.full(shape, NOTHING)], axis=-1)
        count = math.prod(shape[:-1])
        messages[variable] = size + np.arange(count)
        if parents[variable]:
            heir = min(parents[variable], key=turn.__getitem__)
            waiting[heir].append((parents[variable], messages[variable].reshape(shape[:-1])))
        size += count
    return _pad(cards, steps, parents, entries, messages, size)


def _find_steps(order: Sequence[int], parents: Mapping[int, Scope]) -> list[list[int]]:
    """Return the variables step by step: one waits for those that have it as a parent."""
    step = dict.fromkeys(order, 0)
    for variable in order:
        for parent in parents[variable]:
            step[parent] = max(step[parent], step[variable] + 1)
    steps: list[list[int]] = [[] for _ in range(max(step.values()) + 1)]
    for variable in order:
        steps[step[variable]].append(variable)
    return steps


def _require_room(cards: Scope, parents: Mapping[int, Scope], steps: Sequence[Sequence[int]]) -> None:
    rows = max(math.prod(cards[i] for i in listed) for listed in parents.values())
    places = len(steps) * max(map(len, steps)) * rows * max(cards)
    if places > MOST_PLACES:
        raise SizeError(
            f"the {len(cards):,} discrete variables would take tables of {places:,} numbers, more than {MOST_PLACES:,}"
        )


def _spread(scope: Scope, table: Integers, own: Scope, shape: Sequence[int]) -> Integers:
    """Return a table over some variables as one over more of them, in their order."""
    axes = [own.index(i) for i in scope]
    moved = table.transpose(np.argsort(axes))
    kept = [size if i in scope else 1 for i, size in zip(own, shape, strict=True)]
    return np.broadcast_to(moved.reshape(kept), shape)


def _pad(
    cards: Scope,
    steps: Sequence[Sequence[int]],
    parents: Mapping[int, Scope],
    entries: Mapping[int, Integers],
    messages: Mapping[int, Integers],
    size: int,
) -> CliqueLayout:
    """Give all steps, variables and tables one shape."""
    length, wide, states = len(steps), max(map(len, steps)), max(cards)
    rows = max(map(len, messages.values()))
    terms, most = max(entry.shape[-1] for entry in entries.values()), max(1, *map(len, parents.values()))
    variables = np.full((length, wide), len(cards), np.int64)
    ancestors = np.full((length, wide, most), len(cards), np.int64)
    strides = np.zeros((length, wide, most), np.int64)
    sources = np.full((length, wide, rows, states, terms), NOTHING, np.int64)
    sources[..., 0] = IMPOSSIBLE
    places = np.full((length, wide, rows), size, np.int64)
    for t, step in enumerate(steps):
        for c, variable in enumerate(step):
            listed, entry = parents[variable], entries[variable]
            variables[t, c] = variable
            ancestors[t, c, : len(listed)] = listed
            strides[t, c, : len(listed)] = _count_strides([cards[i] for i in listed])
            flat = entry.reshape(-1, cards[variable], entry.shape[-1])
            sources[t, c, : len(flat), : flat.shape[1], : flat.shape[2]] = flat
            places[t, c, : len(messages[variable])] = messages[variable]
    return CliqueLayout(variables, ancestors, strides, sources, places, size)


def _count_strides(cards: Sequence[int]) -> list[int]:
    return [math.prod(cards[i + 1 :]) for i in range(len(cards))]


def _to_jax(numbers: Integers) -> jax.Array:
    return jnp.asarray(numbers, jnp.int32)
