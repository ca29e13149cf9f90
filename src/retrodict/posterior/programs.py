"""The compiled programs behind a posterior: its factors and the model side by side, on columns of all variables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from time import monotonic
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.peaks.peak_encoder import Sight
from retrodict.encode.space import Space
from retrodict.graph.frozen import Portable
from retrodict.models.model import Model
from retrodict.plan.layout import Floats
from retrodict.posterior.factors import Factor, NeuralFactor, add_up, draw_factors, find_variables, score_factors
from retrodict.train.compiled import Programs

# The most programs that are kept compiled: functions of this module, each for several kinds of factors.
MOST_PROGRAMS = 32

Factors = tuple[Factor, ...]
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Weighed(NamedTuple):
    """Draws of all latents with log weights, ``log p(z, x) - log q(z | x)`` in nats."""

    latents: jax.Array
    log_weights: jax.Array


TRIED = "Peaks were looked for from {} of {} starts until the time was over: there may be a higher one."
# Another peak counts if it lies so many units from the first, in its own units and in those of the first, and has this
# share of the mass.
APART, SHARE = 8.0, 0.01
OTHER = "Another peak has about {:.0%} of the mass of the first, and draws may lack it: see answer.draws."


def run_compiled(method: Callable[[Compiled, *Arguments], Result]) -> Callable[[Compiled, *Arguments], Result]:
    """Return a method that is compiled once for arguments of the same shapes."""

    @wraps(method)
    def run(self: Compiled, *arguments: *Arguments) -> Result:
        found: Result = self.programs.run(method, self, *arguments)
        return found

    return run


@dataclass(frozen=True, eq=False, repr=False)
class Compiled(Portable):
    """A model on the columns of a space, and the programs that are compiled for both, which are freed with it.

    Factors are arguments, so that parameters of encoders are inputs of the programs; model and space are constants.
    """

    model: Model
    space: Space

    def __repr__(self) -> str:
        return f"Compiled({self.space!r})"

    @cached_property
    def programs(self) -> Programs:
        """What is compiled."""
        return Programs(most=MOST_PROGRAMS)

    @run_compiled
    def simulate(self, key: jax.Array, n: int) -> jax.Array:
        """Return joint draws of the model as columns, in 32 bits, whatever JAX is set to."""
        return self.model.draw(key, n).astype(jnp.float32)

    def simulate_codes(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """Return joint draws of the model as an encoder sees them: codes of latents and of observed variables."""
        columns = self.model.draw(key, n).astype(jnp.float32)
        return self.space.encode_latents(columns), self.space.encode_observed(columns)

    def look(self, factors: Factors, observations: Floats) -> Factors:
        """Return factors whose encoders have seen the one observation that there is, as every block would anew."""
        if len(observations) != 1:
            return factors
        return tuple(
            eqx.tree_at(lambda own: own.encoder.viewer, factor, self._look(factor, observations[0]))
            if isinstance(factor, NeuralFactor) and factor.looks
            else factor
            for factor in factors
        )

    def look_around(self, factors: Factors, observations: Floats, deadline: float) -> tuple[Factors, str, str]:
        """Look at the one observation from all starts while time suffices, and keep the peak with the most mass.

        The highest start comes first: it is the one from which `look` climbs. One climb alone ends at a lower peak now
        and then, such as that of a chain one of whose states is never visited.

        Returns the factors, a reason to doubt them where the time did not suffice, and a note on another peak.
        """
        doubt, note, found = "", "", list(factors)
        for number, factor in enumerate(factors):
            if len(observations) == 1 and isinstance(factor, NeuralFactor) and factor.looks:
                found[number], doubt, note = self._look_around(factor, observations[0], deadline)
        return tuple(found), doubt, note

    def _look_around(self, factor: NeuralFactor, observation: Floats, deadline: float) -> tuple[NeuralFactor, str, str]:
        row = jax.device_put(np.asarray(observation, np.float32))
        scores = np.asarray(self.programs.run(_score_starts, self, factor, row))
        starts, found = np.asarray(factor.encoder.viewer.starts), []  # type: ignore[union-attr]
        for place in np.argsort(-scores, kind="stable"):
            mass, looked = self.programs.run(_look_from, self, factor, row, jax.device_put(starts[place]))
            found.append((-np.inf if np.isnan(mass) else float(mass), looked))
            if monotonic() > deadline:
                break
        most, looked = max(found, key=lambda one: one[0])
        other = max((np.exp(mass - most) for mass, seen in found if _are_apart(looked.sight, seen.sight)), default=0.0)
        doubt = TRIED.format(len(found), len(starts)) if len(found) < len(starts) else ""
        note = OTHER.format(other) if other > SHARE else ""
        return eqx.tree_at(lambda own: own.encoder.viewer, factor, looked), doubt, note

    def _look(self, factor: NeuralFactor, observation: Floats) -> Any:
        return self.programs.run(_look, self, factor, jax.device_put(np.asarray(observation, np.float32)))

    @run_compiled
    def draw(self, factors: Factors, key: jax.Array, observed: jax.Array) -> jax.Array:
        """Return one draw of all latents for each row of observed values."""
        latents: jax.Array = self.space.split(draw_factors(factors, key, self.space.place(observed))[0])[0]
        return latents

    @run_compiled
    def score(self, factors: Factors, latents: jax.Array, observed: jax.Array) -> jax.Array:
        """Return log q of rows of all latents, in nats."""
        return score_factors(factors, self.space.join(latents, observed))

    @run_compiled
    def score_jointly(self, latents: jax.Array, observed: jax.Array) -> jax.Array:
        """Return log p(z, x) of rows of all latents and observed values, in nats."""
        return self.model.log_conditionals(self.space.join(latents, observed)).sum(axis=-1)

    @run_compiled
    def weigh(self, factors: Factors, key: jax.Array, observed: jax.Array) -> Weighed:
        """Return one draw for each row of observed values, with its weight, without the densities that cancel.

        What the model rules out weighs nothing, however it bounds its densities. Nor does a draw that 32 bits cannot
        hold: one that overflowed on its way from codes to values, or was rounded onto an end of its support.
        """
        columns, densities = draw_factors(factors, key, self.space.place(observed))
        cancelled = [name for factor in factors if factor.cancels for name in factor.variables]
        kept = np.setdiff1d(np.arange(len(self.space.net)), find_variables(self.space.net, cancelled))
        log_joint = self.model.log_conditionals(columns)[..., kept].sum(axis=-1)
        log_density = add_up((density for density in densities if density is not None), columns)
        log_weights = log_joint - log_density
        lost = ~(log_weights < jnp.inf) & ~self.space.holds(columns)
        log_weights = jnp.where(self.model.rules_out(columns) | lost, -jnp.inf, log_weights)
        return Weighed(self.space.split(columns)[0], log_weights)


def _are_apart(one: Sight, other: Sight) -> bool:
    """Return whether two peaks are two, and not one that was reached in two ways."""
    steps = one.standardize(other.top), other.standardize(one.top)
    return all(bool(np.abs(np.asarray(step)).max() > APART) for step in steps)


def _score_starts(compiled: Compiled, factor: NeuralFactor, row: jax.Array) -> jax.Array:
    return factor.score_starts(compiled.space.place(row[None])[0])


def _look_from(compiled: Compiled, factor: NeuralFactor, row: jax.Array, start: jax.Array) -> tuple[jax.Array, Any]:
    return factor.look_from(compiled.space.place(row[None])[0], start)


def _look(compiled: Compiled, factor: NeuralFactor, row: jax.Array) -> Any:
    return factor.look(compiled.space.place(row[None])[0])
