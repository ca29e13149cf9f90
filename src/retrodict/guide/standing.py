"""Where a guide stands: location and scale of each code, and conditionals that keep near them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from retrodict.encode.encoder import Encoder
from retrodict.encode.families.conditionals import LINEAR, Columns, Normal, Parameters, temper
from retrodict.encode.networks.block_linear import BlockLinear
from retrodict.guide.linear_network import LinearNetwork

# The log-scale of a code departs from its own by at most so much, whatever the code's parents are.
SWAY = 3.0


class Steady(Normal):
    r"""The normal family, :math:`N(m, e^{2s})`, with s between -3 and 3.

    A scale that depends on draws must not run away with them: where one step of training makes draws wide, the
    scales that hang on them would be wider still.

    >>> float(Steady().log_scale(jnp.array([0.0, 1e6])))
    3.0
    """

    def log_scale(self, parameters: Parameters) -> Columns:
        """Return the logarithm of the standard deviation."""
        return SWAY * jnp.tanh(parameters[..., 1] / SWAY)


class Standing(NamedTuple):
    r"""Location m and scale s of each code c: the encoder draws :math:`r = (c - m) / s`, and reads its parents so.

    So what an encoder reads of a latent is in the units of what the guide itself draws, at any time of training.
    """

    location: Float[Array, " codes"]
    scale: Float[Array, " codes"]

    @classmethod
    def of(cls, location: Float[Array, " codes"], raw: Float[Array, " codes"]) -> Standing:
        """Return where codes stand for a log-scale that may be any number (`temper`)."""
        return cls(location, jnp.exp(temper(raw)))

    def at(self, codes: slice) -> Standing:
        """Return where some codes stand."""
        return Standing(self.location[codes], self.scale[codes])

    def put(self, standard: Array) -> Array:
        """Return the codes for what an encoder draws."""
        return self.location + self.scale * standard

    def standardize(self, codes: Array) -> Array:
        """Return what an encoder draws for these codes."""
        return (codes - self.location) / self.scale

    @property
    def log_scale(self) -> Array:
        """The log of the volume that a unit of what an encoder draws becomes, code by code."""
        return jnp.log(self.scale)


def untemper(log_scale: float) -> float:
    """Return the number that is tempered to a log-scale, which must be above -10.

    >>> round(float(temper(jnp.asarray(untemper(-2.3)))), 4)
    -2.3
    """
    return LINEAR * (math.atanh(min(log_scale, 0.0) / LINEAR) + math.sinh(max(log_scale, 0.0) / LINEAR))


def begin_at_rest(encoder: Encoder) -> Encoder:
    """Return an encoder whose conditionals are standard normal, whatever the parents are.

    Its last layer and its linear map begin at zero.
    """
    return eqx.tree_at(_list_last_arrays, encoder, jax.tree.map(jnp.zeros_like, _list_last_arrays(encoder)))


def fix_biases(encoder: Encoder, trained: Encoder) -> Encoder:
    """Return the trained encoder with the last biases of the other: location and scale of a code are its `Standing`."""
    return eqx.tree_at(_list_last_biases, trained, _list_last_biases(encoder))


def _list_last(encoder: Encoder) -> list[Any]:
    """Return the layers whose sum is what the network gives."""
    network = encoder.network
    return [network.skip] if isinstance(network, LinearNetwork) else [network.layers[-1], network.skip]


def _list_last_biases(encoder: Encoder) -> list[Any]:
    return [layer.bias for layer in _list_last(encoder)]


def _list_last_arrays(encoder: Encoder) -> list[Any]:
    weights = [layer.weights if isinstance(layer, BlockLinear) else layer.weight for layer in _list_last(encoder)]
    return [*weights, *_list_last_biases(encoder)]
