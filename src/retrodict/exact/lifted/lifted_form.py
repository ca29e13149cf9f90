"""What a closed form of latents of a template is, at whatever sizes: drawn and scored on cells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from retrodict.exact.lifted.block_levels import BlockMember
from retrodict.exact.lifted.element_densities import ElementDensities
from retrodict.exact.lifted.tiles import Tiles, Values

Drawn = tuple[dict[str, jax.Array], jax.Array]


class TemplateCells(NamedTuple):
    """Values of a template, ``(rows, *dims, numbers)``, and which families count, ``(rows, *dims)``.

    Dims stand in the order of the template, rows may be one for all. ``exists`` marks the instances that there are,
    ``counted`` families whose child is known, or is a latent of the block.
    """

    values: Mapping[str, Any]
    exists: Mapping[str, Any]
    counted: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class LiftedForm(ABC):
    r"""The full conditional :math:`p(z_V \mid \text{all others})` of some latents V of a template (abstract).

    To subclass: ``kind`` is what the form is called. ``measure`` finds what densities of families say, in the precision
    of the program; ``draw`` and ``score`` take that, and cells of `Tiles`, in double precision. JAX compiles them.
    """

    kind: ClassVar[str]

    densities: ElementDensities
    families: Mapping[str, tuple[BlockMember, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The latents that have the form, in the order of the template."""
        inside = {member.name for members in self.families.values() for member in members}
        return tuple(v.name for v in self.densities.source.template.variables if v.name in inside)

    @abstractmethod
    def measure(self, tiles: Tiles, values: Values) -> Any:
        """Return arrays that say what each family is as a function of the latents, given values of all others."""

    @abstractmethod
    def draw(self, key: jax.Array, tiles: Tiles, measured: Any, cells: TemplateCells, rows: int) -> Drawn:
        """Return draws of each latent, and the log density of all of them in nats: one for each of so many rows.

        What was measured has as many rows, or one for all of them.
        """

    @abstractmethod
    def score(self, tiles: Tiles, measured: Any, cells: TemplateCells) -> jax.Array:
        """Return the log density of the values of the latents given all others, in nats."""

    @abstractmethod
    def count_numbers(self, tiles: Tiles) -> int:
        """Return how many numbers one row takes, about."""


def score_families(tiles: Tiles, cells: TemplateCells) -> dict[str, jax.Array]:
    """Return the log densities of all families, ``(rows, *dims)``, zero where they do not count, in nats."""
    rows = tiles.fill(cells.values, jnp.asarray(tiles.densities.filler))
    terms = jax.vmap(jax.vmap(tiles.densities))(rows)
    names = [name for name in tiles.densities.source.names if name in cells.counted]
    return {name: jnp.where(cells.counted[name], tiles.take(terms, name), 0.0) for name in names}
