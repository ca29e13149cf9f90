"""Templates in plate notation: plates as boxes, time as a slice with arrows into the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from retrodict.graph.scenes import count
from retrodict.lift.templates.template_checks import Described
from retrodict.lift.templates.template_relations import Relation, Repeated
from retrodict.pictures.picture import Picture
from retrodict.pictures.plates import Arrow, PlateNode, PlateScene, place_plates
from retrodict.pictures.scene import BARREN, LATENT, OBSERVED

NEXT = "next"


class DrawnTemplate(Described, Protocol):
    """What is drawn of a template."""

    @property
    def dims(self) -> tuple[str, ...]:
        """All dims."""
        ...

    @property
    def plates(self) -> tuple[str, ...]:
        """The dims that are not time."""
        ...

    @property
    def barren(self) -> tuple[str, ...]:
        """Latents without an observed descendant."""
        ...


@dataclass(frozen=True)
class TimeSlice:
    """A template as nodes: each variable once, and beside the slice of time what its arrows lead to."""

    template: DrawnTemplate

    def find(self, name: str) -> Repeated:
        """Return a variable by its name."""
        return next(variable for variable in self.template.variables if variable.name == name)

    def kind(self, name: str) -> int:
        """Return what a variable is."""
        if name in self.template.observed:
            return OBSERVED
        return BARREN if name in self.template.barren else LATENT

    def node(self, name: str) -> PlateNode:
        """Return a variable within the slice."""
        variable = self.find(name)
        return PlateNode(name, (str(variable),), self.kind(name), tuple(sorted(variable.dims)))

    def neighbor(self, name: str, offset: int) -> PlateNode:
        """Return a variable at another time, drawn beside the slice."""
        variable, time = self.find(name), self.template.time or ""
        marks = [f"{dim}{offset:+d}" if dim == time else dim for dim in variable.dims]
        plates = (*sorted(dim for dim in variable.dims if dim != time), NEXT)
        return PlateNode(f"{name}{offset:+d}", (f"{name}[{','.join(marks)}]",), self.kind(name), plates, name)


def draw_template(template: DrawnTemplate) -> Picture:
    """Return a template in plate notation."""
    slices = TimeSlice(template)
    nodes = {variable.name: slices.node(variable.name) for variable in template.variables}
    arrows = []
    for relation in template.relations:
        target = relation.child
        if relation.lag:
            later = slices.neighbor(relation.child, relation.lag)
            target = later.key
            nodes[target] = later
        arrows.append(Arrow(relation.parent, target, _describe(relation, template)))
    seen = len(template.observed)
    title = f"The template: {len(template.variables) - seen} latent, {seen} observed" + _count_plates(template)
    return draw_nodes(template, nodes, arrows, title, upward=False)


def _count_plates(template: DrawnTemplate) -> str:
    plates = f", {count('plate', len(template.plates))}" if template.plates else ""
    return plates + (f", time {template.time}" if template.time else "")


def _describe(relation: Relation, template: DrawnTemplate) -> str:
    """Return what an arrow says, if not that indices are the same."""
    child = TimeSlice(template).find(relation.child).dims
    words = [f"every {dim}" for dim in relation.every if dim in child or dim == template.time]
    words += [f"up to {dim}" for dim in relation.up_to]
    ends = {0: "first", -1: "last"}
    if relation.fixed is not None:
        words.append(f"of the {ends[relation.fixed]} {template.time}")
    if relation.only is not None:
        words.append(f"at the {ends[relation.only]} {template.time} only")
    return ", ".join(words)


def draw_nodes(
    template: DrawnTemplate, nodes: Mapping[str, PlateNode], arrows: Iterable[Arrow], title: str, *, upward: bool
) -> Picture:
    """Return nodes and arrows with a frame for each dim, that of time dashed."""
    frames = {dim: (f"{dim}: a step of time" if dim == template.time else dim) for dim in template.dims}
    dashed = (template.time,) if template.time else ()
    scene = PlateScene(tuple(nodes.values()), tuple(arrows), frames, dashed, title, upward)
    return Picture((place_plates(scene),))
