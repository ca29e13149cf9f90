"""A model of which only the structure is known: its values come from a table, or from a program that is no JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NoReturn

import jax

from retrodict.errors import DensityError, SimulationError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Mask
from retrodict.models.model import Model


@dataclass(frozen=True, eq=False, repr=False)
class BlackBox(Model):
    """A structure whose simulations are made elsewhere and stored: it has no density, and JAX cannot draw from it.

    An encoder learns all of its latents, the barren ones too, from the runs that `amortize` is given.

    >>> BlackBox(BayesNet({"z": [], "x": ["z"]}, observed=["x"]))
    BlackBox(1 latent, 1 observed)
    """

    net: BayesNet
    assumed: ClassVar[bool] = True
    # Whether JAX can draw from it.
    simulated: ClassVar[bool] = False

    def __repr__(self) -> str:
        latents = len(self.net.latents)
        return f"{type(self).__name__}({latents} latent{'s' * (latents != 1)}, {len(self.net.observed)} observed)"

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """Raise `SimulationError`: only what runs outside of JAX can simulate."""
        raise SimulationError(
            f"the {type(self).__name__} cannot be simulated by JAX",
            remedy="Give amortize(..., simulations=) its stored runs, or calibration(simulations=) others that "
            "training has not seen.",
        )

    def log_conditionals(self, columns: jax.Array) -> jax.Array:
        """Raise `DensityError`: a table has no density."""
        self._refuse_density()

    def redraw(self, key: jax.Array, columns: jax.Array, which: Mask | jax.Array) -> jax.Array:
        """Raise `DensityError`: a table has no conditionals."""
        self._refuse_density()

    def _refuse_density(self) -> NoReturn:
        raise DensityError(
            "weights need the density p(z, x) of the model, and of {names} only simulations are known",
            self.net.names,
            remedy="Take draws of the encoder as they are (sample, answer) and judge them by calibration(), or give "
            "amortize a Model with a density, such as rd.from_numpyro(program).",
        )
