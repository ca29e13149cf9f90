"""What networks for any evidence see of a model: a slot for each number that stands for a value, in its own units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.codes import Codes
from retrodict.errors import OptionError, SimulationError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.frozen import Portable
from retrodict.graph.rows import Integers, Mask, cumulate
from retrodict.models.model import Model
from retrodict.plan.layout import Floats
from retrodict.plan.moving import is_moving
from retrodict.plan.supports import SUMMED, count_codes, is_categorical, is_count

# Of what simulations say how wide a slot is.
SMALLEST_SPREAD = 1e-6
# In place of the category that an input indicates.
NUMBER, BIT = -1, -2


@dataclass(frozen=True, eq=False, repr=False)
class EvidenceColumns(Portable):
    """Slots: one for each code of each variable, in topological order, categories by their number.

    Numbers are standardized by ``mean`` and ``spread``. Inputs of networks are indicators of categories, and numbers.
    ``inferable`` marks the variables that can be drawn by a conditional of their own; counts, and numbers whose
    supports end where others say, are only given, or drawn by the model itself.
    """

    net: BayesNet
    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, model: Model, columns: Floats) -> EvidenceColumns:
        """Return the slots of a model, in units of simulations."""
        plain = cls(model.net, *np.array([[0.0], [1.0]], np.float32).repeat(cls._count(model.net), axis=1))
        units = np.asarray(plain.encode(jnp.asarray(columns)), np.float64)
        usable = units[np.isfinite(units).all(axis=1)]
        if len(usable) < 2:
            raise SimulationError("nearly all simulations fail", remedy="Check the program with model.simulate().")
        spread = np.maximum(usable.std(axis=0), SMALLEST_SPREAD)
        is_number = plain.cards == 0
        mean, spread = np.where(is_number, usable.mean(axis=0), 0.0), np.where(is_number, spread, 1.0)
        return cls(model.net, mean.astype(np.float32), spread.astype(np.float32))

    @staticmethod
    def _count(net: BayesNet) -> int:
        return sum(map(count_slots, describe(net)))

    # -- slots ---------------------------------------------------------------------------------------

    @cached_property
    def variable(self) -> Integers:
        """The variable of each slot."""
        return np.repeat(np.arange(len(self.net)), list(map(count_slots, describe(self.net))))

    @cached_property
    def cards(self) -> Integers:
        """The number of categories of each slot, 0 for a number."""
        return np.concatenate([[v.categories if is_categorical(v) else 0] * count_slots(v) for v in describe(self.net)])

    @cached_property
    def inferable(self) -> Mask:
        """Mark the variables that networks can draw."""
        return np.array([_is_inferable(v) for v in describe(self.net)])

    @cached_property
    def owner(self) -> Integers:
        """The slot of each input."""
        return np.repeat(np.arange(len(self.cards)), np.maximum(self.cards, 1))

    @cached_property
    def state(self) -> Integers:
        """The category that each input indicates, -1 for a number."""
        return np.concatenate([np.arange(k) if k else np.array([NUMBER]) for k in self.cards.tolist()])

    @cached_property
    def own(self) -> Integers:
        """The inputs of each slot itself, shape ``(slots, most)``, the first one again where there are fewer."""
        first = np.searchsorted(self.owner, np.arange(len(self.cards)))
        places = np.arange(max(1, int(self.cards.max())))
        return first[:, None] + np.where(places < np.maximum(self.cards, 1)[:, None], places, 0)

    @cached_property
    def _first(self) -> Integers:
        """The first input of each slot, and the number of inputs at the end."""
        return cumulate(np.maximum(self.cards, 1))

    def list_inputs(self, slots: Integers) -> Integers:
        """Return all inputs of these slots, one slot after another."""
        if not len(slots):
            return np.zeros(0, dtype=np.int64)
        return np.concatenate([np.arange(self._first[slot], self._first[slot + 1]) for slot in slots.tolist()])

    # -- values --------------------------------------------------------------------------------------

    @cached_property
    def codes(self) -> Codes:
        """The codes of all variables; of what cannot be inferred, the values."""
        own = [v if _is_inferable(v) else Variable(v.name, size=v.size) for v in describe(self.net)]
        return Codes.of(own)

    def encode(self, columns: jax.Array) -> jax.Array:
        """Return slots of model columns."""
        return (self.codes.encode(columns) - self.mean) / self.spread

    def decode(self, units: jax.Array) -> jax.Array:
        """Return model columns of slots."""
        return self.codes.decode(units * self.spread + self.mean)

    def log_dets(self, units: jax.Array) -> jax.Array:
        """Return the log of the volume that a unit of each slot becomes, in nats."""
        return self.codes.log_dets(units * self.spread + self.mean) + np.where(self.cards == 0, np.log(self.spread), 0)

    def show(self, units: jax.Array) -> jax.Array:
        """Return the inputs of networks, shape ``(..., inputs)``."""
        return self.show_some(units, jnp.arange(len(self.owner)))

    def show_some(self, units: jax.Array, inputs: jax.Array) -> jax.Array:
        """Return some inputs; those past the last are bits, one for each slot, which are 1 where they are seen."""
        slots = jnp.asarray(np.append(self.owner, np.arange(len(self.cards))))[inputs]
        states = jnp.asarray(np.append(self.state, np.full(len(self.cards), BIT)))[inputs]
        values = units[..., slots]
        indicators = jnp.where(states == BIT, 1.0, values == states)
        return jnp.where(states == NUMBER, values, indicators).astype(jnp.float32)


def require_inferable(columns: EvidenceColumns, inferred: Mask) -> None:
    """Raise `OptionError` for counts and moving supports that some set of evidence tells of and does not give.

    ``inferred`` marks variables, a row for each set.
    """
    wrong = np.flatnonzero((inferred & ~columns.inferable).any(axis=0))
    if len(wrong):
        raise OptionError(
            "no conditional for any evidence draws {names}, which hold counts, or end where other variables say",
            columns.net.to_names(wrong),
            remedy="Give them, or give nothing below them; evidence= may list such sets.",
        )


def describe(net: BayesNet) -> list[Variable]:
    """Return the descriptions of all variables."""
    return [net.variable(name) for name in net.names]


def count_slots(variable: Variable) -> int:
    """Return the number of slots of a variable."""
    return count_codes(variable) if _is_inferable(variable) else variable.size


def _is_inferable(variable: Variable) -> bool:
    return not (is_count(variable) or is_moving(variable) or variable.support in SUMMED)
