"""The encoder of a guide that is trained for one observation: a masked linear map, without hidden units.

It draws many columns in one step though they depend on each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Drawn, Encoder, Latents, Observed, OfDrawn, Scored, Structure
from retrodict.encode.families.choice import choose_conditional
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Features, Scaling
from retrodict.encode.networks.layers import MaskedLinear
from retrodict.encode.networks.lines import Lines
from retrodict.encode.networks.network import Inputs, Network, Parameters, State
from retrodict.encode.networks.schedule import Index, take
from retrodict.encode.summaries import Summaries, Summarized, summarize
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask
from retrodict.guide.substitution import Matrix, substitute
from retrodict.plan.dependencies import Dependencies

# Steps are written out up to so many; where more are needed, drawing column by column in one loop costs less.
MOST_GROUPS = 16


class EvenLinear(MaskedLinear):
    """A masked map whose weights are what is kept, divided by the root of the number of inputs that an output has.

    An optimizer moves all that is kept by about as much in a step. A sum over many inputs would move, and vary, more
    than one over few.
    """

    def __init__(self, mask: Mask, key: Key[Array, ""], gain: float) -> None:
        super().__init__(mask, key, gain)

    @property
    def weights(self) -> Float[Array, "inputs outputs"]:
        """The weights of the map, zero off the mask."""
        return self.weight * self.mask / self._roots

    def __call__(self, values: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Apply the map to the last axis."""
        return values @ self.weights + self.bias

    def fill(self, lines: Iterable[Lines], parameters: int) -> EvenLinear:
        """Return the layer with these maps, where ``parameters`` outputs in a row belong to a column."""
        filled = super().fill(lines, parameters)
        return eqx.tree_at(lambda layer: (layer.weight, layer.bias), self, (filled.weight * self._roots, filled.bias))

    @property
    def _roots(self) -> Float[Array, " outputs"]:
        return jnp.sqrt(jnp.maximum(self.mask.sum(axis=0), 1))


class LinearNetwork(Network):
    """Every number is linear in the inputs that are parents of its column, at first zero.

    The first number of a column, its mean, depends on all of them; the others on all but other columns of the same
    site: a scale that follows every element before it adds much noise to training, and there is little to follow.
    While drawing, the state is the sum for every column over the inputs so far, to which each draw adds its own.
    """

    skip: EvenLinear
    layers: tuple[Any, ...]
    parameters: int = eqx.field(static=True)
    depth: int = eqx.field(static=True)

    @classmethod
    def of(cls, dependencies: Dependencies, parameters: int, sites: Mapping[Name, str]) -> LinearNetwork:
        """Return the network of some dependencies, for so many numbers a column; ``sites`` of latents by name."""
        wanted = np.repeat(dependencies.columns[:, None], parameters, axis=1)
        names = np.unique(np.array([sites[name] for name in dependencies.latents]), return_inverse=True)[1]
        owner = np.repeat(names, dependencies.features[len(dependencies.observed) :])
        wanted[:, 1:, -len(owner) :] &= (names[:, None] != owner)[:, None]
        skip = EvenLinear(wanted.reshape(-1, wanted.shape[-1]), jax.random.key(0), gain=0.0)
        return cls(skip=skip, layers=(), parameters=parameters, depth=dependencies.depth)

    def group(self, level: Integers) -> Integers:
        """Return a number for each column, such that all it depends on but its mean have smaller ones.

        Columns come after their parents by ``level``.
        """
        count = len(level)
        wanted: Any = np.asarray(self.skip.mask).reshape(-1, count, self.parameters)[-count:]
        means, others = wanted[..., 0].T, wanted[..., 1:].any(axis=-1).T
        found = np.zeros(count, dtype=np.int64)
        for column in np.argsort(level, kind="stable").tolist():
            after = np.concatenate([found[means[column]], found[others[column]] + 1])
            found[column] = after.max(initial=0)
        return found

    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all numbers at once."""
        return self.skip(inputs).reshape(len(inputs), -1, self.parameters)

    def start(self, lines: Sequence[Lines]) -> LinearNetwork:
        """Return the network whose parameters of some columns are these maps of the inputs."""
        return eqx.tree_at(lambda network: network.skip, self, self.fill(self.skip, lines))

    def fill(self, layer: EvenLinear, lines: Sequence[Lines]) -> EvenLinear:
        """Return a layer with these maps in it."""
        return layer.fill(lines, self.parameters)

    def list_parents(self, inputs: int) -> list[Integers]:
        """Return the inputs that the mean of each column has as parents."""
        return [np.flatnonzero(row) for row in np.asarray(self.skip.mask).T[:: self.parameters]]

    def plan(self) -> list[Any]:
        """Return nothing for each step: all is summed when an input becomes known."""
        return [()] * self.depth

    def begin(self, inputs: Inputs) -> State:
        """Return the sums over what is known of the inputs, which are zero elsewhere."""
        return State(self.skip(inputs), ())

    def advance(self, step: Any, columns: Index, state: State) -> tuple[State, Parameters]:
        """Return the numbers of the columns drawn in a step."""
        return state, take(state.inputs.reshape(len(state.inputs), -1, self.parameters), columns, axis=1)

    def write(self, places: Index, values: Inputs, state: State) -> State:
        """Return the sums with these inputs; places that stand for nothing add nothing."""
        weight = take(self.skip.weights, places)
        known = jnp.where(jnp.asarray(places) < len(self.skip.weight), values, 0.0)
        return state._replace(inputs=state.inputs + known @ weight)


class LinearEncoder(Encoder):
    r"""An encoder of a `LinearNetwork` whose steps are groups of columns, in units of one.

    Of what a column depends on in its group, only its mean does: :math:`r = L r + e`. The family draws e as it would
    draw r, and r is the solution of a unit triangular system, whose volume is one. So the structure is that of the
    network, and :math:`q(r) = q_e(r - L r)`. ``rank`` is the step in which each column could be drawn by itself.
    """

    network: LinearNetwork
    rank: tuple[int, ...] = eqx.field(static=True, default=())
    may_loop: ClassVar[bool] = False

    def log_factors(self, latents: Latents, observed: Observed) -> Latents:
        """Return log q of each column given its parents, in nats."""
        flat = latents.reshape(-1, latents.shape[-1])
        columns = jnp.concatenate([observed.reshape(-1, observed.shape[-1]), flat], axis=-1)
        shifts = flat @ self.find_effects(np.arange(flat.shape[-1])).T
        parameters = self.network(self.features(self._fixed_scaling, columns)).at[..., 0].add(-shifts)
        return self.conditional.log_prob(parameters, flat - shifts).reshape(latents.shape)

    def draw_columns(self, key: Key[Array, ""], columns: Index, parameters: OfDrawn) -> Scored:
        """Return values drawn of these columns, which are of one group."""
        shocks = self.conditional.at(columns).sample(key, parameters)
        values = self._accumulate(shocks, columns)
        return values, self._score(values, shocks, columns, parameters)

    def score_columns(self, values: Drawn, columns: Index, parameters: OfDrawn) -> Scored:
        """Return the same where these columns have these values."""
        shocks = values - values @ self.find_effects(columns).T
        return values, self._score(values, shocks, columns, parameters)

    def find_effects(self, columns: Index) -> Matrix:
        """Return how the mean of each of these columns (row) changes with each of those in its group."""
        skip, group = self.network.skip, np.array(self.structure.level)
        among = skip.weights[-len(group) :][columns][:, columns * self.network.parameters]
        return jnp.where(group[columns][:, None] == group[columns], among.T, 0.0)

    def _accumulate(self, shocks: Drawn, columns: Index) -> Drawn:
        """Return r of r = L r + e."""
        rank = np.array(self.rank)[columns]
        if (rank == rank[0]).all():
            return shocks  # none depends on another one
        order = np.argsort(rank, kind="stable")
        lower = self.find_effects(columns)[order][:, order]
        return substitute(lower, shocks.T[order])[np.argsort(order)].T


def build_linear(
    dependencies: Dependencies,
    conditional: str | Conditional,
    scaling: Scaling,
    summaries: Sequence[Summarized],
    sites: Mapping[Name, str],
) -> Encoder:
    """Return an encoder without hidden units, which begins as a standard normal; ``sites`` of latents by name."""
    seen = summarize(dependencies, summaries)
    family = choose_conditional(seen, scaling, conditional)
    features = Features.of(seen, Summaries.of(dependencies, summaries) if summaries else None)
    network = LinearNetwork.of(seen, family.n_parameters, sites)
    alone = Structure.of(seen)
    group = network.group(np.array(alone.level))
    if group.max() >= MOST_GROUPS:
        return Encoder(network, family, scaling, features, alone)
    together = Structure(tuple(group.tolist()), int(group.max()) + 1)
    network = replace(network, depth=together.depth)
    return LinearEncoder(network, family, scaling, features, together, rank=alone.level)
