"""Where a guide stands: location and scale of each code, and conditionals that keep near them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder
from retrodict.encode.families.conditionals import LINEAR, Columns, Normal, Parameters, temper
from retrodict.encode.networks.block_linear import BlockLinear
from retrodict.encode.start.ridge import Affine, Cases
from retrodict.guide.linear_encoder import LinearNetwork

# The log-scale of a code departs from its own by at most so much, whatever the code's parents are.
SWAY = 3.0
# A sinh-arcsinh leans by at most so much, and so much is the most that the logarithm of its tails is.
LEAN = 0.8
# The numbers that families compute first.
LOCATION_AND_SCALE = 2


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


class Leaning(Steady):
    r"""Normals that lean and whose tails grow or shrink, as a sinh-arcsinh makes them: :math:`m + e^s g(e)`.

    With t = arsinh(e) + a, :math:`g(e) = (\sinh \delta t - \sinh \delta a) / (\delta \cosh \delta a)` for e of N(0, 1).

    Since g(0) = 0 and g'(0) = 1, what bends it neither moves nor widens the middle. It is the identity at first.

    Source: Jones & Pewsey 2009.

    >>> family, bent = Leaning(), jnp.array([[0.0, 0.0, 1.0, 0.5]])
    >>> grid = jnp.linspace(-60.0, 90.0, 30001)[:, None]
    >>> round(float(jnp.exp(family.log_prob(bent, grid)).sum() * 0.005), 3)
    1.0
    """

    n_parameters: int = eqx.field(static=True, default=4)

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density of each number, in nats."""
        log_scale = self.log_scale(parameters)
        lean, tail = self._read_shape(parameters)
        bent = (values - parameters[..., 0]) * jnp.exp(-log_scale)
        turned = jnp.arcsinh(bent * tail * jnp.cosh(tail * lean) + jnp.sinh(tail * lean))
        noise = jnp.sinh(turned / tail - lean)
        log_slope = _log_cosh(turned) - _log_cosh(tail * lean) - 0.5 * jnp.log1p(noise**2)
        return -0.5 * (noise**2 + jnp.log(2 * jnp.pi)) - log_slope - log_scale

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one draw of each number."""
        lean, tail = self._read_shape(parameters)
        noise = jax.random.normal(key, parameters.shape[:-1], parameters.dtype)
        raised = jnp.sinh(tail * (jnp.arcsinh(noise) + lean)) - jnp.sinh(tail * lean)
        return parameters[..., 0] + jnp.exp(self.log_scale(parameters)) * raised / (tail * jnp.cosh(tail * lean))

    def start(self, cases: Cases) -> Affine:
        """Return the normal about the linear predictor."""
        normal = super().start(cases)
        return Affine(np.pad(normal.slopes, [(0, 0), (0, 0), (0, 2)]), np.pad(normal.intercepts, [(0, 0), (0, 2)]))

    def _read_shape(self, parameters: Parameters) -> tuple[Columns, Columns]:
        """Return lean and tail: half as fast as they are computed, since they matter less than a location does."""
        lean, log_tail = (LEAN * jnp.tanh(parameters[..., place] / (2 * LEAN)) for place in (2, 3))
        return lean, jnp.exp(log_tail)


def _log_cosh(value: Columns) -> Columns:
    return jnp.logaddexp(value, -value) - math.log(2)


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
    """Return the trained encoder with the last biases of the other where they give location and scale of a code.

    These are its `Standing`; how a family of more numbers bends its densities is left as it is trained.
    """
    pairs = zip(_list_last_biases(encoder), _list_last_biases(trained), strict=True)
    count = encoder.network.parameters
    fixed = [jnp.where(np.arange(first.shape[-1]) % count < LOCATION_AND_SCALE, first, own) for first, own in pairs]
    return eqx.tree_at(_list_last_biases, trained, fixed)


def _list_last(encoder: Encoder) -> list[Any]:
    """Return the layers whose sum is what the network gives."""
    network = encoder.network
    return [network.skip] if isinstance(network, LinearNetwork) else [network.layers[-1], network.skip]


def _list_last_biases(encoder: Encoder) -> list[Any]:
    return [layer.bias for layer in _list_last(encoder)]


def _list_last_arrays(encoder: Encoder) -> list[Any]:
    weights = [layer.weights if isinstance(layer, BlockLinear) else layer.weight for layer in _list_last(encoder)]
    return [*weights, *_list_last_biases(encoder)]
