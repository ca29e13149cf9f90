"""The paper's encoder: one masked network for all latents, which share its units where their parents nest."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.encode.conditionals import Conditional, Normal
from retrodict.encode.encoder import Encoder, Scaling, Structure
from retrodict.encode.network import Network, build_network
from retrodict.masks import Dependencies, UnitGroups


class SharedEncoder(Encoder):
    r"""A masked ReLU network from all columns to the parameters of every conditional.

    Its Jacobian is zero exactly off the inverse. On a fully connected inverse it is the standard MADE.
    ``skip`` adds a masked linear map straight from the parents, so that linear answers are learnt at once.
    Where most blocks of the masks are empty, only the others are stored and computed.

    Raises `WidthError` when a hidden layer has fewer units than there are different parent sets.
    Source: Webb et al. 2017, section 3 (minimal MADE); Germain et al. 2015.

    >>> import jax
    >>> from retrodict import invert, zoo
    >>> dependencies = Dependencies.of(invert(zoo.binary_tree(depth=3)))
    >>> encoder = SharedEncoder(dependencies, jax.random.key(0), widths=[16, 16])
    >>> encoder.log_prob(jnp.zeros((5, 3)), jnp.zeros((5, 4))).shape
    (5,)
    """

    network: Network
    conditional: Conditional
    scaling: Scaling
    structure: Structure = eqx.field(static=True)

    def __init__(
        self,
        dependencies: Dependencies,
        key: Key[Array, ""],
        widths: Sequence[int],
        *,
        conditional: Conditional | None = None,
        scaling: Scaling | None = None,
        skip: bool = False,
    ) -> None:
        self.conditional = conditional or Normal()
        groups = UnitGroups.of(dependencies, widths)
        self.network = build_network(groups, self.conditional.n_parameters, key, skip=skip)
        self.scaling = scaling or Scaling.none(int(dependencies.sizes.sum()))
        self.structure = Structure.of(dependencies)

    def parameters(
        self, latents: Float[Array, "rows latents"], observed: Float[Array, "rows observed"]
    ) -> Float[Array, "rows latents parameters"]:
        """Return the parameters of every conditional, from standardised numbers."""
        return self.network(jnp.concatenate([observed, latents], axis=-1))

    def begin(self, rows: int) -> tuple[Array, ...]:
        """Return the hidden units, none computed yet."""
        return self.network.begin(rows)

    def advance(
        self,
        step: int,
        hidden: tuple[Array, ...],
        latents: Float[Array, "rows latents"],
        observed: Float[Array, "rows observed"],
    ) -> tuple[tuple[Array, ...], Float[Array, "rows drawn parameters"]]:
        """Return the hidden units after a step, and the parameters of the columns drawn in it."""
        return self.network.advance(step, hidden, jnp.concatenate([observed, latents], axis=-1))
