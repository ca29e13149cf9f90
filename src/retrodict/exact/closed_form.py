"""What a closed form of some latents is: their exact density given all others, drawn and scored on model columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import jax

from retrodict.graph.names import Name


class ClosedForm(ABC):
    r"""The full conditional :math:`p(z_V \mid \text{all others})` of some latents V, exact (abstract).

    To subclass: ``variables`` and ``parents`` name what is drawn and what it depends on, ``draw`` and ``score`` take
    and give model columns, with any leading axes, and can be compiled by JAX; ``width`` is how many numbers one row
    takes at most in one place; ``kind`` is what the form is called in tables; ``smooth`` says that a draw can be
    differentiated by what it depends on, as that of a Gaussian can.
    """

    kind: ClassVar[str]
    smooth: ClassVar[bool] = False

    @property
    @abstractmethod
    def variables(self) -> tuple[Name, ...]:
        """The latents that have the form, in topological order."""

    @property
    @abstractmethod
    def parents(self) -> tuple[Name, ...]:
        """The other variables on which it depends, in topological order."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers one row takes at most in one place."""

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and the latents, in values that JSON can hold."""
        return {"kind": self.kind, "latents": list(map(str, self.variables))}

    @abstractmethod
    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the columns with the variables drawn, one draw a row, and the log density of each draw in nats."""

    @abstractmethod
    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the variables given the others, in nats."""
