"""A generative model with parameters and the encoder of its latents, which are learned together."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

import equinox as eqx
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder
from retrodict.errors import OptionError


class Generator(eqx.Module):
    r"""A generative model :math:`p(z, x)` whose floating-point arrays are parameters (abstract).

    Latents and observed values are the columns that an `Encoder` of the model has. To subclass:

    - ``log_joint`` scores rows, and can be differentiated by parameters and by latents that are real numbers;
    - ``draw`` simulates rows;
    - ``relax`` returns the model with relaxed discrete latents, if it has any.
    """

    @abstractmethod
    def log_joint(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch"]:
        """Return log p(z, x) in nats, as a density of the columns."""

    @abstractmethod
    def draw(self, key: Key[Array, ""], n: int) -> tuple[Float[Array, "n latents"], Float[Array, "n observed"]]:
        """Return joint draws."""

    def relax(self, temperature: Float[Array, ""] | float) -> Generator:
        """Return the model in which each binary latent is a binary Concrete variable, given by its logit.

        Raises `OptionError` for models that have no binary latents.
        """
        raise OptionError("the model has no binary latents that can be relaxed", remedy="Leave the relaxation out.")


G_co = TypeVar("G_co", bound=Generator, covariant=True)


class Autoencoder(eqx.Module, Generic[G_co]):
    """A generative model and an encoder, trained together."""

    generator: G_co
    encoder: Encoder


Pair = Autoencoder[Generator]
