"""The network of a guide that is trained for one observation: a masked linear map, without hidden units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.encoder import Encoder, Structure
from retrodict.encode.families.choice import choose_conditional
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Features, Scaling
from retrodict.encode.networks.layers import MaskedLinear
from retrodict.encode.networks.lines import Lines
from retrodict.encode.networks.network import Inputs, Network, Parameters, State
from retrodict.encode.networks.schedule import Index, take
from retrodict.encode.summaries import Summaries, Summarized, summarize
from retrodict.graph.rows import Integers
from retrodict.plan.dependencies import Dependencies


class LinearNetwork(Network):
    """Every number is linear in the inputs that are parents of its column, at first zero.

    The first number of a column, its mean, depends on all of them; the others on all but other columns of the same
    latent: a scale that follows every element before it adds much noise to training, and there is little to follow.
    While drawing, the state is the sum for every column over the inputs so far, to which each draw adds its own.
    """

    skip: MaskedLinear
    layers: tuple[Any, ...]
    parameters: int = eqx.field(static=True)
    depth: int = eqx.field(static=True)

    @classmethod
    def of(cls, dependencies: Dependencies, parameters: int) -> LinearNetwork:
        """Return the network of some dependencies, for so many numbers a column."""
        wanted = np.repeat(dependencies.columns[:, None], parameters, axis=1)
        names = np.unique(np.array([str(name) for name in dependencies.latents]), return_inverse=True)[1]
        owner = np.repeat(names, dependencies.features[len(dependencies.observed) :])
        wanted[:, 1:, -len(owner) :] &= (names[:, None] != owner)[:, None]
        skip = MaskedLinear(wanted.reshape(-1, wanted.shape[-1]), jax.random.key(0), gain=0.0)
        return cls(skip=skip, layers=(), parameters=parameters, depth=dependencies.depth)

    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all numbers at once."""
        return self.skip(inputs).reshape(len(inputs), -1, self.parameters)

    def start(self, lines: Sequence[Lines]) -> LinearNetwork:
        """Return the network whose parameters of some columns are these maps of the inputs."""
        return eqx.tree_at(lambda network: network.skip, self, self.fill(self.skip, lines))

    def fill(self, layer: MaskedLinear, lines: Sequence[Lines]) -> MaskedLinear:
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
        weight = take(self.skip.weight * self.skip.mask, places)
        known = jnp.where(jnp.asarray(places) < len(self.skip.weight), values, 0.0)
        return state._replace(inputs=state.inputs + known @ weight)


def build_linear(
    dependencies: Dependencies, conditional: str | Conditional, scaling: Scaling, summaries: Sequence[Summarized]
) -> Encoder:
    """Return an encoder without hidden units, which begins as a standard normal."""
    seen = summarize(dependencies, summaries)
    family = choose_conditional(seen, scaling, conditional)
    features = Features.of(seen, Summaries.of(dependencies, summaries) if summaries else None)
    network = LinearNetwork.of(seen, family.n_parameters)
    return Encoder(network, family, scaling, features, Structure.of(seen))
