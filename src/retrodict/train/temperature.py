"""Learning with relaxed binary latents: both networks relaxed, at a temperature that falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.binary_concrete import relax_encoder
from retrodict.errors import OptionError
from retrodict.train.autoencoder import Autoencoder, Pair
from retrodict.train.source import Source, Step


def relax(pair: Pair, temperature: Float[Array, ""] | float) -> Pair:
    """Return the pair in which each binary latent is a binary Concrete variable, given by its logit.

    All objectives work on it, and their gradients are those of the same weights. Its bounds are those of the relaxed
    model; the discrete one is evaluated with the pair itself.

    Raises `OptionError` where a network has no binary latents, or discrete ones that are not.
    Source: Maddison et al. 2016, section 4; Jang et al. 2016, section 3.
    """
    return Autoencoder(pair.generator.relax(temperature), relax_encoder(pair.encoder, temperature))


@dataclass(frozen=True)
class Temperature:
    r"""A temperature that falls with training, :math:`\tau(t) = \max(\tau_\infty, \tau_0 e^{-r t})`.

    Arguments:
        start: the first temperature. Default 0.5.
        end: the least temperature. Default 0.5.
        decay: the rate r by which the temperature falls; t counts epochs in `fit_model`. Default 0: it is constant.

    Raises: `OptionError` for temperatures that are not positive, an end above the start, or a negative decay.

    Source: Jang et al. 2016, section 4.

    >>> Temperature(1.0, 0.5, decay=0.1).at(0).item(), Temperature(1.0, 0.5, decay=0.1).at(100).item()
    (1.0, 0.5)
    """

    start: float = 0.5
    end: float = 0.5
    decay: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.end <= self.start < float("inf"):
            raise OptionError(
                f"a temperature cannot fall from {self.start} to {self.end}",
                remedy="Give start >= end > 0, both finite.",
            )
        if not 0 <= self.decay < float("inf"):
            raise OptionError(f"decay={self.decay} is not a rate of decay", remedy="It must be 0 or more, and finite.")

    @classmethod
    def of(cls, given: float | Temperature | None) -> Temperature | None:
        """Return a number as a constant temperature, and all else as it is.

        >>> Temperature.of(0.5)
        Temperature(start=0.5, end=0.5, decay=0.0)
        """
        return cls(given, given) if isinstance(given, float | int) else given

    def at(self, time: Int[Array, ""] | Float[Array, ""] | float | int) -> Float[Array, ""]:
        """Return the temperature at a step or epoch, which may be traced."""
        return jnp.maximum(self.end, self.start * jnp.exp(-self.decay * jnp.asarray(time, jnp.float32)))


class Heated(NamedTuple):
    """Rows of a minibatch, and the temperature at which binary latents are relaxed for them; None: they are not."""

    rows: Float[Array, "rows observed"]
    temperature: Float[Array, ""] | None


class Tempered(Source[Heated]):
    """Rows of a source, each with the temperature of its epoch, which is ``every`` steps long."""

    source: Source[Any]
    every: int = eqx.field(static=True)
    temperature: Temperature | None = eqx.field(static=True, default=None)

    def __call__(self, key: Key[Array, ""], step: Step) -> Heated:
        """Return the rows of a step and their temperature."""
        falling = self.temperature
        return Heated(self.source(key, step), None if falling is None else falling.at(step // self.every))

    def share(self, key: Key[Array, ""], step: Step, steps: int) -> Tempered:
        """Return the source with what its rows share."""
        return Tempered(self.source.share(key, step, steps), self.every, self.temperature)
