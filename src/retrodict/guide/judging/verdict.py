"""The properties of a NumPyro guide, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from retrodict.certificate.certify import Certificate, Edge, MissingEdge
from retrodict.graph.names import Name


class WrongSupport(NamedTuple):
    """A site that guide and program draw on different supports, which are named (and bounded where they are)."""

    site: str
    program: str
    guide: str


class WrongShape(NamedTuple):
    """A site that guide and program draw with different shapes."""

    site: str
    program: tuple[int, ...]
    guide: tuple[int, ...]


@dataclass(frozen=True)
class GuideReading:
    """What a guide does, and what is wrong with its sites; `GuideVerdict` describes the fields."""

    parents: Mapping[Name, tuple[Name, ...]]
    missing_sites: tuple[str, ...]
    extra_sites: tuple[str, ...]
    wrong_supports: tuple[WrongSupport, ...]
    wrong_shapes: tuple[WrongShape, ...]
    is_amortized: bool


@dataclass(frozen=True, eq=False, repr=False)
class GuideVerdict(GuideReading):
    """The verdict on a NumPyro guide: true when it is faithful and its sites are those of the program.

    A latent that the guide does not draw counts as drawn last by the program, from its prior, as NumPyro does. If no
    site of the guide depends on data, its parameters are fitted to the data, and every site counts as depending on all
    of them.

    Arguments:
        parents: the variables that each latent of the guide depends on, ``{latent: names}``.
        missing_sites: latents of the program that the guide does not draw.
        extra_sites: sites of the guide that are neither latents of the program nor marked as auxiliary.
        wrong_supports: sites that guide and program draw on different supports.
        wrong_shapes: sites that guide and program draw with different shapes.
        is_amortized: whether any site of the guide depends on data.
        certificate: the verdict on the dependencies.
    """

    certificate: Certificate

    def __bool__(self) -> bool:
        return self.faithful and not self.faults

    def __repr__(self) -> str:
        return f"GuideVerdict({self.certificate.n_missing} edges missing, {len(self.faults)} faults of sites)"

    def __str__(self) -> str:
        lines = [f"{edge.child} lacks {edge.parent}: {edge.drawing}" for edge in self.missing]
        return "\n".join([*lines, *self.faults]) or "faithful, and its sites are those of the program"

    @property
    def faithful(self) -> bool:
        """Whether the guide states no independence that the program does not imply."""
        return self.certificate.faithful

    @property
    def missing(self) -> tuple[MissingEdge, ...]:
        """Dependencies that the guide lacks, each with the open path that proves it."""
        return self.certificate.missing

    @property
    def removable(self) -> tuple[Edge, ...]:
        """Dependencies that the guide could do without."""
        return self.certificate.removable

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with sites, one line each."""
        return (
            *(f"{name} is not drawn: NumPyro takes its prior" for name in self.missing_sites),
            *(f"{name} is not a latent of the program: NumPyro ignores it" for name in self.extra_sites),
            *(f"{s.site} is drawn on {s.guide}, but lies on {s.program}" for s in self.wrong_supports),
            *(f"{s.site} is drawn with shape {s.guide}, but has {s.program}" for s in self.wrong_shapes),
        )
