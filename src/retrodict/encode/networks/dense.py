"""The paper's encoder: one masked network for all latents, which share its units where their parents nest."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder, Structure
from retrodict.encode.families.choice import choose_conditional
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Features, Scaling
from retrodict.encode.networks.network import Network, State, build_network
from retrodict.encode.networks.schedule import Index
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.groups import UnitGroups


class SharedEncoder(Encoder):
    r"""A masked ReLU network from all columns to the parameters of every conditional.

    Its Jacobian is zero exactly off the inverse. On a fully connected inverse it is the standard MADE.
    ``skip`` adds a masked linear map straight from the parents, so that linear answers are learned at once.
    Where most blocks of the masks are empty, only the others are stored and computed.

    Raises `WidthError` when a hidden layer has fewer units than there are different parent sets.
    Source: Webb et al. 2017, section 3 (minimal MADE); Germain et al. 2015.

    >>> import jax.numpy as jnp
    >>> from retrodict import invert, zoo
    >>> dependencies = Dependencies.of(invert(zoo.binary_tree(depth=3)))
    >>> encoder = SharedEncoder(dependencies, jax.random.key(0), widths=[16, 16])
    >>> eqx.filter_jit(encoder.log_prob)(jnp.zeros((5, 3)), jnp.zeros((5, 4))).shape
    (5,)
    """

    network: Network
    conditional: Conditional
    scaling: Scaling
    features: Features
    structure: Structure = eqx.field(static=True)

    def __init__(
        self,
        dependencies: Dependencies,
        key: Key[Array, ""],
        widths: Sequence[int],
        *,
        conditional: str | Conditional = "normal",
        scaling: Scaling | None = None,
        skip: bool = False,
    ) -> None:
        self.conditional = choose_conditional(dependencies, scaling, conditional)
        groups = UnitGroups.of(dependencies, widths)
        self.network = build_network(groups, self.conditional.n_parameters, key, skip=skip)
        self.scaling = scaling or Scaling.none(int(dependencies.sizes.sum()))
        self.features = Features.of(dependencies)
        self.structure = Structure.of(dependencies)

    @property
    def width(self) -> int:
        """The number of units of the widest layer."""
        biases = jax.tree.leaves(self.network, is_leaf=lambda node: hasattr(node, "bias"))
        return max(layer.bias.size for layer in biases if hasattr(layer, "bias"))

    def parameters(self, inputs: Float[Array, "rows inputs"]) -> Float[Array, "rows columns parameters"]:
        """Return the parameters of every conditional."""
        return self.network(inputs)

    def plan(self) -> list[Any]:
        """Return for each step what is computed in it."""
        return self.network.plan()

    def begin(self, inputs: Float[Array, "rows inputs"]) -> State:
        """Return the state in which only these inputs are known."""
        return self.network.begin(inputs)

    def advance(self, step: Any, columns: Index, state: State) -> tuple[State, Float[Array, "rows drawn parameters"]]:
        """Return the state after a step, and the parameters of the columns drawn in it."""
        return self.network.advance(step, columns, state)

    def write(self, places: Index, values: Float[Array, "rows inputs"], state: State) -> State:
        """Return the state in which these inputs have these values."""
        return self.network.write(places, values, state)
