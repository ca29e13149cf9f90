"""What other modules of this folder know of a lifted inverse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from retrodict.graph.inverse import Inverse
from retrodict.lift.patterns.pattern import Pattern, RunEnd
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.templates.template import Template


class LiftedStructure(Protocol):
    """What is read of a lifted inverse: `LiftedInverse` describes it."""

    @property
    def template(self) -> Template:
        """The template."""
        ...

    @property
    def schedule(self) -> Schedule:
        """The order in which latents are drawn."""
        ...

    @property
    def patterns(self) -> Mapping[str, tuple[Pattern, ...]]:
        """The parents of each latent."""
        ...

    @property
    def exceptions(self) -> Mapping[str, tuple[tuple[RunEnd, tuple[Pattern, ...]], ...]]:
        """What single times need beside."""
        ...

    @property
    def strategy(self) -> str:
        """How the patterns were found."""
        ...

    @property
    def regular(self) -> Mapping[str, bool]:
        """Whether the parents of each latent skip no times."""
        ...

    def at(self, sizes: Mapping[str, int]) -> Inverse:
        """Return the inverse at given sizes."""
        ...
