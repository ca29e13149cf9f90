"""The encoder of a lifted inverse: draws and scores all latents, at whatever sizes its cells have."""

from __future__ import annotations

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.keys import split_key
from retrodict.encode.lifted.cells import Cells, CellVariable, SeenCells, Units, shift, spread
from retrodict.encode.lifted.context import ContextNetwork, Surroundings
from retrodict.encode.lifted.gated import Gated
from retrodict.encode.lifted.reading_plan import Direct, TargetPlan


class Readout(eqx.Module):
    """From all that one code of a latent is given to the parameters of its conditional.

    The last layer sees the inputs and a hidden layer of them; it can start at any line.
    """

    hidden: Gated
    last: Gated

    def __init__(self, inputs: int, parameters: int, width: int, hidden: int, key: Key[Array, ""]) -> None:
        first, last = split_key(key)
        self.hidden = Gated(inputs, width, hidden, first, still=False)
        self.last = Gated(inputs + width, parameters, hidden, last)

    def see(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch features"]:
        """Return what the last layer sees."""
        return jnp.concatenate([inputs, self.hidden(inputs)], axis=-1)

    def __call__(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch parameters"]:
        """Return the parameters."""
        return self.last(self.see(inputs))


class TargetNetwork(eqx.Module):
    """All that draws one latent: its context, a readout for each of its codes, and their conditional."""

    context: ContextNetwork
    readouts: tuple[Readout, ...]
    conditional: Conditional

    def __init__(self, plan: TargetPlan, around: Surroundings, conditional: Conditional, key: Key[Array, ""]) -> None:
        own = around.described[plan.name]
        keys = split_key(key, 1 + max(1, own.columns))
        self.context, self.conditional = ContextNetwork(plan, around, keys[0]), conditional
        inputs = self.context.size + sum(map(around.count_direct, plan.direct))
        before = [column * max(1, own.categories) for column in range(own.columns)]
        widths = around.widths
        self.readouts = tuple(
            Readout(inputs + more, conditional.n_parameters, widths.width, widths.hidden, own_key)
            for more, own_key in zip(before, keys[1:], strict=True)
        )


class LiftedEncoder(eqx.Module):
    r"""A density :math:`q(z \mid x) = \prod_v \prod_i q_v(v_i \mid \mathrm{Pa}(v_i))`, one network for each latent v.

    Weights are shared over the instances i. Cells may be larger than in training; instances that do not exist and
    observations that are missing change nothing.
    """

    targets: dict[str, TargetNetwork]
    units: dict[str, Units]
    around: Surroundings = eqx.field(static=True)

    @property
    def plans(self) -> Mapping[str, TargetPlan]:
        """What the network of each latent computes, in the order in which they are drawn."""
        return self.around.plans

    @property
    def described(self) -> Mapping[str, CellVariable]:
        """The variables of the template."""
        return self.around.described

    def see(self, cells: Cells) -> SeenCells:
        """Return what networks see of cells."""
        features = {name: self.see_codes(name, codes) for name, codes in cells.codes.items()}
        return SeenCells(features, cells.exists, cells.seen, cells.is_within)

    def see_codes(self, name: str, codes: Float[Array, "*batch columns"]) -> Float[Array, "*batch features"]:
        """Return what networks see of codes of a variable."""
        return self.units[name].see(codes, self.described[name])

    def find_context(self, name: str, seen: SeenCells) -> Float[Array, "rows ..."]:
        """Return the context of each instance of a latent."""
        return self.targets[name].context(seen, self.plans[name], self.around)

    def read_direct(self, name: str, direct: Direct, seen: SeenCells) -> Float[Array, "rows ..."]:
        """Return what the instances of a latent are given as it is."""
        own, other = self.described[name], self.described[direct.name]
        marks = seen.marks[direct.name][..., None]
        values = seen.features[direct.name] * marks
        if self.around.may_be_missing(direct):
            values = jnp.concatenate([values, marks], axis=-1)
        if direct.lag:
            values = shift(values, 1 + other.dims.index(self.around.time or ""), direct.lag)
        values = spread(values, other.dims, own.dims)
        if direct.at is not None:
            axis = 1 + own.dims.index(self.around.time or "")
            beyond = shift(seen.exists[name], axis, 1 if direct.at == 0 else -1)
            values = values * ~beyond[..., None]
        return jnp.broadcast_to(values, (*seen.exists[name].shape, values.shape[-1]))

    def find_inputs(self, name: str, seen: SeenCells) -> Float[Array, "rows ..."]:
        """Return all that the readouts of a latent are given, other codes of its own aside."""
        direct = [self.read_direct(name, each, seen) for each in self.plans[name].direct]
        return jnp.concatenate([self.find_context(name, seen), *direct], axis=-1)

    def add_codes(self, name: str, inputs: Array, codes: Array, column: int) -> Array:
        """Return the inputs of the readout of a code, which sees those before it."""
        own = self.described[name]
        before = self.see_codes(name, codes)[..., : column * max(1, own.categories)]
        return jnp.concatenate([inputs, before], axis=-1) if column else inputs

    def score_codes(self, name: str, inputs: Array, codes: Array) -> Float[Array, "*batch"]:
        """Return log q of codes of a latent given the inputs of its readouts, in nats."""
        target, units = self.targets[name], self.units[name]
        parameters = [
            readout(self.add_codes(name, inputs, codes, column)) for column, readout in enumerate(target.readouts)
        ]
        standard = units.standardize(codes)
        density = target.conditional.log_prob(jnp.stack(parameters, axis=-2), standard)
        return (density - jnp.log(units.fixed[1])).sum(axis=-1)

    def log_factors(self, cells: Cells) -> dict[str, Float[Array, "rows ..."]]:
        """Return log q of the codes of each instance of each latent given its parents, zero where there is none."""
        seen = self.see(cells)
        found = {}
        for name in self.plans:
            scores = self.score_codes(name, self.find_inputs(name, seen), cells.codes[name])
            found[name] = jnp.where(cells.exists[name], scores, 0.0)
        return found
