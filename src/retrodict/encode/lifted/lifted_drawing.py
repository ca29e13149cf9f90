"""Drawing of all latents of a template: stages one after another, series step by step, everything else at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.encode.lifted.cells import Cells, SeenCells, spread
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder
from retrodict.encode.lifted.reading_plan import Direct
from retrodict.errors import OptionError
from retrodict.lift.schedules.loop_nest import Item, Schedule

Codes = dict[str, Array]
# How the loops go that encoders draw: all at once, or along time.
DRAWABLE = ("each", "up", "down")


@dataclass(frozen=True)
class Stage:
    """Latents drawn together: one, all of its instances at once, or a series of several, ``up`` or ``down`` time."""

    names: tuple[str, ...]
    how: str = "each"


def list_stages(schedule: Schedule, without: Collection[str] = ()) -> tuple[Stage, ...]:
    """Return the stages of a schedule, ``without`` some latents; raise `OptionError` for loops in turn or in halves.

    >>> list_stages(Schedule.read("(phi; each j: (psi; up t: (z)))"))
    (Stage(names=('phi',), how='each'), Stage(names=('psi',), how='each'), Stage(names=('z',), how='up'))
    """
    return tuple(_walk(_leave_out(schedule.items, without)))


def is_drawable(schedule: Schedule, without: Collection[str] = ()) -> bool:
    """Return whether a schedule, ``without`` some latents, has no loops in turn or in halves.

    >>> is_drawable(Schedule.read("(a; turn j: (b))")), is_drawable(Schedule.read("(a; turn j: (b))"), ["b"])
    (False, True)
    """
    loops = [loop for name, around in schedule.loops.items() if name not in without for loop in around]
    return all(loop.how in DRAWABLE for loop in loops)


def _leave_out(items: tuple[Item, ...], without: Collection[str]) -> tuple[Item, ...]:
    """Return items without some latents, and without loops that held nothing else."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, str):
            found += [] if item in without else [item]
        elif body := _leave_out(item.body, without):
            found.append(replace(item, body=body))
    return tuple(found)


def _walk(items: tuple[Item, ...]) -> Iterator[Stage]:
    for item in items:
        if isinstance(item, str):
            yield Stage((item,))
        elif item.how == "each":
            yield from _walk(item.body)
        elif item.how in DRAWABLE:
            yield Stage(tuple(name for stage in _walk(item.body) for name in stage.names), item.how)
        else:
            raise OptionError(
                f"the encoders of templates do not draw {item!r} yet",
                remedy="Give a schedule of loops each, up and down, if the template has one.",
            )


def draw_latents(
    encoder: LiftedEncoder, key: Key[Array, ""], cells: Cells, stages: tuple[Stage, ...]
) -> dict[str, Float[Array, "rows ..."]]:
    """Return codes of all latents, one draw for each row of cells; what instances do not exist get is arbitrary."""
    drawn: Codes = {}
    for number, stage in enumerate(stages):
        own = jax.random.fold_in(key, number)
        if stage.how == "each":
            found = {stage.names[0]: _draw_at_once(encoder, own, stage.names[0], encoder.see(cells))}
        else:
            found = _Series(encoder, stage, encoder.see(cells)).draw(own)
        for name, codes in found.items():
            cells = cells.knowing(name, codes)
            drawn[name] = codes
    return drawn


def draw_codes(encoder: LiftedEncoder, key: Key[Array, ""], name: str, inputs: Array) -> Array:
    """Return one draw of a latent for each row of inputs of its readouts, code by code."""
    target, units = encoder.targets[name], encoder.units[name]
    columns = len(target.readouts)
    codes = jnp.zeros((*inputs.shape[:-1], columns), inputs.dtype)
    for column, readout in enumerate(target.readouts):
        parameters = readout(encoder.add_codes(name, inputs, codes, column))
        padded = jnp.broadcast_to(parameters[..., None, :], (*codes.shape, parameters.shape[-1]))
        standard = target.conditional.sample(jax.random.fold_in(key, column), padded)[..., column]
        codes = codes.at[..., column].set(standard * units.spread[column] + units.center[column])
    return codes


def _draw_at_once(encoder: LiftedEncoder, key: Key[Array, ""], name: str, seen: SeenCells) -> Array:
    return draw_codes(encoder, key, name, encoder.find_inputs(name, seen))


@dataclass(frozen=True, eq=False)
class _Series:
    """Latents that are drawn step by step along time; what lies outside is read for all steps beforehand."""

    encoder: LiftedEncoder
    stage: Stage
    seen: SeenCells

    def _axis(self, name: str) -> int:
        return 1 + self.encoder.described[name].dims.index(self.encoder.around.time or "")

    def _is_inside(self, direct: Direct) -> bool:
        return direct.name in self.stage.names

    @property
    def _memory(self) -> int:
        """How many steps are remembered."""
        plans = self.encoder.plans
        lags = [abs(d.lag) for name in self.stage.names for d in plans[name].direct if self._is_inside(d)]
        return max(lags, default=0)

    def draw(self, key: Key[Array, ""]) -> Codes:
        """Return codes of all latents of the series."""
        outside = {name: self._read_outside(name) for name in self.stage.names}
        exists = {name: jnp.moveaxis(self.seen.exists[name], self._axis(name), 0) for name in self.stage.names}
        steps = len(exists[self.stage.names[0]])
        past = {name: self._make_past(name, exists[name]) for name in self.stage.names}

        def advance(past: Any, now: Any) -> tuple[Any, Codes]:
            step, inputs, here = now
            return self._advance(jax.random.fold_in(key, step), past, inputs, here)

        backward = self.stage.how == "down"
        _, codes = jax.lax.scan(advance, past, (jnp.arange(steps), outside, exists), reverse=backward)
        return {name: jnp.moveaxis(codes[name], 0, self._axis(name)) for name in self.stage.names}

    def _read_outside(self, name: str) -> list[Array]:
        """Return the context and what is read directly from outside of the series, time first."""
        plan = self.encoder.plans[name]
        direct = [self.encoder.read_direct(name, d, self.seen) for d in plan.direct if not self._is_inside(d)]
        parts = [self.encoder.find_context(name, self.seen), *direct]
        return [jnp.moveaxis(part, self._axis(name), 0) for part in parts]

    def _make_past(self, name: str, exists: Array) -> list[tuple[Array, Array]]:
        """Return features and marks of the steps before the first, of which there are none."""
        size = self.encoder.described[name].features
        nothing = jnp.zeros((*exists.shape[1:], size)), jnp.zeros((*exists.shape[1:], 1), bool)
        return [nothing] * self._memory

    def _advance(self, key: Key[Array, ""], past: Any, inputs: dict[str, list[Array]], here: Any) -> tuple[Any, Codes]:
        """Draw one step: latents one after another, each seeing those before it and the steps before."""
        now: dict[str, tuple[Array, Array]] = {}
        codes: Codes = {}
        for number, name in enumerate(self.stage.names):
            whole = self._join(name, inputs[name], past, now)
            codes[name] = draw_codes(self.encoder, jax.random.fold_in(key, number), name, whole)
            now[name] = self.encoder.see_codes(name, codes[name]), here[name][..., None]
        kept = {name: [now[name], *past[name]][: self._memory] for name in self.stage.names}
        return kept, codes

    def _join(self, name: str, outside: list[Array], past: Any, now: Any) -> Array:
        """Return the inputs of the readouts of a latent at one step, in the order of its plan."""
        context, *others = outside
        parts, given = [context], iter(others)
        for direct in self.encoder.plans[name].direct:
            parts.append(self._recall(name, direct, past, now) if self._is_inside(direct) else next(given))
        return jnp.concatenate([jnp.broadcast_to(p, (*context.shape[:-1], p.shape[-1])) for p in parts], axis=-1)

    def _recall(self, name: str, direct: Direct, past: Any, now: Any) -> Array:
        features, marks = past[direct.name][abs(direct.lag) - 1] if direct.lag else now[direct.name]
        values = features * marks
        if self.encoder.around.may_be_missing(direct):
            values = jnp.concatenate([values, marks], axis=-1)
        own, other = (
            tuple(d for d in self.encoder.described[n].dims if d != self.encoder.around.time)
            for n in (name, direct.name)
        )
        return spread(values, other, own)
