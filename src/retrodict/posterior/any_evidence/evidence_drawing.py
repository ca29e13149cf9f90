"""Drawing for one set of evidence: what is informed by the networks, in turn, and what is not by the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.graph.frozen import Portable
from retrodict.graph.rows import Mask
from retrodict.models.black_box import BlackBox
from retrodict.models.model import Model
from retrodict.plan.layout import Floats
from retrodict.posterior.any_evidence.gated.evidence_columns import require_inferable
from retrodict.posterior.any_evidence.gated.evidence_sets import find_barren, find_redrawn
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.any_evidence.gated.slot_plans import InputMoments, SlotPlan, plan_slots

# Numbers of a block of draws, and rows.
MOST_NUMBERS, MOST_ROWS = 1 << 22, 2048


class EvidenceTask(NamedTuple):
    """A set of evidence with its values, as arrays: what networks draw, and by what else each variable is drawn."""

    given: Any
    known: Any
    plan: SlotPlan
    redrawn: Any
    scored: Any


class Drawn(NamedTuple):
    """Draws of all variables as columns, their log weights, and log q of categories along them."""

    columns: Any
    log_weights: Any
    log_states: Any


@dataclass(frozen=True, eq=False)
class EvidenceDrawer(Portable):
    """A model with trained networks, which draws for any evidence by few compiled programs."""

    model: Model
    network: GatedNetwork
    weights: GatedWeights
    moments: InputMoments

    def prepare(self, values: Floats, known: Mask, done: Mask) -> EvidenceTask:
        """Return the task of known values, some of which were ``done`` from outside."""
        columns = self.network.columns
        redrawn = find_redrawn(self.model, known)
        if not isinstance(self.model, BlackBox) and not self._informs(known & ~done, known):
            redrawn = ~known
        inferred = (~known & ~redrawn)[None]
        require_inferable(columns, inferred)
        plan = plan_slots(columns, self.moments, known[None], inferred, rounded=True)
        first = SlotPlan(*(jnp.asarray(part[0]) for part in plan))
        rest = jnp.asarray(redrawn), jnp.asarray(~done & ~redrawn)
        return EvidenceTask(jnp.asarray(values, jnp.float32), jnp.asarray(known), first, *rest)

    def _informs(self, given: Mask, known: Mask) -> bool:
        """Whether what was seen tells anything of what is unknown, where edges into what was done are cut."""
        net = self.model.net
        cut = net.do(net.to_names(np.flatnonzero(known & ~given))) if (known & ~given).any() else net
        place = [cut.index(name) for name in net.names]
        turned = np.zeros(len(net), dtype=bool)
        turned[place] = given
        barren = find_barren(cut, turned)[place]
        return bool((~barren & ~known).any())

    def draw(self, task: EvidenceTask, n: int, seed: int, *, states: bool = False, weigh: bool = True) -> Drawn:
        """Return so many draws, in blocks of bounded memory; ``states`` and ``weigh`` say what is wanted."""
        slots, most = self.network.columns.own.shape
        wide = slots * (most + 4) if states else self.model.layout.width + 4 * slots
        rows = max(1, min(MOST_ROWS, MOST_NUMBERS // wide))
        key = make_key(seed)
        blocks = [
            self._compiled(self.weights, task, fold_key(key, block), rows, states, weigh)
            for block in range(-(-n // rows))
        ]
        return Drawn(*(_join(parts, n) for parts in zip(*blocks, strict=True)))

    @cached_property
    def _compiled(self) -> Any:
        return jax.jit(self.draw_rows, static_argnums=(3, 4, 5))

    def draw_rows(
        self, weights: GatedWeights, task: EvidenceTask, key: jax.Array, rows: int, states: bool, weigh: bool
    ) -> Drawn:
        """Return draws for one task, to be compiled."""
        network, columns = self.network, self.network.columns
        is_number = jnp.asarray(columns.cards == 0)
        walk, rest = jax.random.split(key)

        def step(carry: tuple[jax.Array, jax.Array], now: SlotPlan) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            units, log_q = carry
            slot = now.slots
            choose = jax.random.fold_in(walk, slot)
            outputs = network.run(weights, units, jax.tree.map(lambda part: part[None], now))
            found = network.log_states(outputs, slot[None])[:, 0]
            state = jax.random.categorical(choose, found, axis=-1)
            density = jnp.take_along_axis(found, state[:, None], axis=-1)[:, 0]
            value = state.astype(units.dtype)
            if (columns.cards == 0).any():
                number = network.draw_numbers(outputs, choose)
                density = jnp.where(is_number[slot], network.log_numbers(outputs, number)[:, 0], density)
                value = jnp.where(is_number[slot], number[:, 0], value)
            units = units.at[:, slot].set(jnp.where(now.active, value, units[:, slot]))
            return (units, log_q + jnp.where(now.active, density, 0.0)), found if states else jnp.zeros(())

        given = jnp.broadcast_to(task.given, (rows, len(task.given)))
        seen = jnp.where(task.known[columns.variable], columns.encode(task.given), 0.0)
        first = jnp.broadcast_to(seen, (rows, len(columns.cards))), jnp.zeros(rows)
        (units, log_q), found = jax.lax.scan(step, first, task.plan)
        owners = np.repeat(np.arange(len(self.model.net)), self.model.layout.sizes)
        inferred = ~task.known & ~task.redrawn
        whole = jnp.where(inferred[owners], columns.decode(units), given)
        if not isinstance(self.model, BlackBox):
            whole = self.model.redraw(rest, whole, task.redrawn)
        log_states = jnp.moveaxis(found, 0, 1) if states else jnp.zeros((rows, 0))
        if not weigh:  # what is only a simulator has no density
            return Drawn(whole, jnp.zeros(rows), log_states)
        volume = jnp.where(inferred[columns.variable], columns.log_dets(units), 0.0).sum(axis=-1)
        log_p = jnp.where(task.scored, self.model.log_conditionals(whole), 0.0).sum(axis=-1)
        return Drawn(whole, log_p - log_q + volume, log_states)

    def list_drawn(self, task: EvidenceTask) -> Mapping[int, int]:
        """Return at which place of ``log_states`` each slot stands that a network draws."""
        active = np.asarray(task.plan.active)
        return {int(slot): place for place, slot in enumerate(np.asarray(task.plan.slots)[active].tolist())}


def _join(parts: Any, n: int) -> Any:
    return np.concatenate([np.asarray(part) for part in parts])[:n]
