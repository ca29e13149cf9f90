"""The paper's encoder: one masked network for all latents, which share its units where their parents nest."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.conditionals import Conditional, Normal
from retrodict.encode.encoder import Encoder, Scaling, count_levels, level_of_columns
from retrodict.encode.layers import MaskedLinear
from retrodict.masks import Dependencies, UnitGroups


class SharedEncoder(Encoder):
    r"""A masked ReLU network from all columns to the parameters of every conditional.

    Its Jacobian is zero exactly off the inverse. On a fully connected inverse it is the standard MADE.
    ``skip`` adds a masked linear map straight from the parents, so that linear answers are learnt at once.

    Raises `WidthError` when a hidden layer has fewer units than there are different parent sets.
    Source: Webb et al. 2017, section 3 (minimal MADE); Germain et al. 2015.

    >>> from retrodict import invert, zoo
    >>> dependencies = Dependencies.of(invert(zoo.binary_tree(depth=3)))
    >>> encoder = SharedEncoder(dependencies, jax.random.key(0), widths=[16, 16])
    >>> encoder.log_prob(jnp.zeros((5, 3)), jnp.zeros((5, 4))).shape
    (5,)
    """

    layers: tuple[MaskedLinear, ...]
    skip: MaskedLinear | None
    conditional: Conditional
    scaling: Scaling
    level: Int[Array, " latents"]
    depth: int = eqx.field(static=True)

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
        each = self.conditional.n_parameters
        *hidden, last = UnitGroups.of(dependencies, widths).masks
        keys = jax.random.split(key, len(hidden) + 2)
        outputs = np.repeat(last, each, axis=0)
        self.layers = (
            *(MaskedLinear(mask, k) for mask, k in zip(hidden, keys, strict=False)),
            MaskedLinear(outputs, keys[-2], gain=0.01),
        )
        self.skip = MaskedLinear(np.repeat(dependencies.columns, each, axis=0), keys[-1], gain=0.01) if skip else None
        self.scaling = scaling or Scaling.none(int(dependencies.sizes.sum()))
        self.level = level_of_columns(dependencies)
        self.depth = count_levels(dependencies)

    def parameters(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch latents parameters"]:
        """Return the parameters of every conditional, from standardised numbers."""
        inputs = jnp.concatenate([observed, latents], axis=-1)
        units = inputs
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units))
        outputs = self.layers[-1](units)
        if self.skip is not None:
            outputs = outputs + self.skip(inputs)
        return outputs.reshape(*outputs.shape[:-1], latents.shape[-1], -1)
