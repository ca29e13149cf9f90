"""Lifted inverses in plate notation: from parents to latents, each arrow with the indices that it means."""

from __future__ import annotations

from retrodict.graph.scenes import count
from retrodict.lift.lifted_structure import LiftedStructure
from retrodict.lift.patterns.pattern import OWN, Pattern, RunEnd
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_picture import TimeSlice, draw_nodes
from retrodict.pictures.picture import Picture
from retrodict.pictures.plates import Arrow


def draw_lifted(lifted: LiftedStructure) -> Picture:
    """Return a lifted inverse in plate notation, data at the bottom; arrows say which indices are meant."""
    template, slices = lifted.template, TimeSlice(lifted.template)
    nodes = {variable.name: slices.node(variable.name) for variable in template.variables}
    arrows = []
    for name, patterns in lifted.patterns.items():
        for pattern in patterns:
            offset = _find_offset(pattern)
            source = pattern.name
            if offset:
                node = slices.neighbor(pattern.name, offset)
                source = node.key
                nodes[source] = node
            arrows.append(Arrow(source, name, "" if offset else _write_marks(pattern, template)))
    for name in template.barren:
        arrows += [Arrow(row.parent, name, "model") for row in template.list_relations_into(name)]
    edges = sum(map(len, lifted.patterns.values()))
    title = f"{lifted.strategy}: {count('latent', len(lifted.patterns))}, {count('pattern', edges)}, {lifted.schedule}"
    return draw_nodes(template, nodes, arrows, title, upward=True)


def _find_offset(pattern: Pattern) -> int:
    """Return how far from the own time a single parent lies, 0 where it is no single one."""
    if pattern.run is None or any(signs != OWN for _, signs in pattern.cells):
        return 0
    low, high = pattern.run
    return low.offset if low == high and low.base == "t" else 0


def _write_marks(pattern: Pattern, template: Template) -> str:
    """Return which indices are meant, along the dims where that is not the same index or all of a free plate."""
    dims = [dim for dim, signs in pattern.cells if signs != OWN]
    if pattern.run is not None and pattern.run != (RunEnd("t"), RunEnd("t")) and template.time:
        dims.append(template.time)
    marks = pattern.write(template[pattern.name].dims, template.time).partition("[")[2].rstrip("]").split(",")
    named = dict(zip(template[pattern.name].dims, marks, strict=False))
    return ", ".join(named[dim] if named[dim] != "*" else f"every {dim}" for dim in named if dim in dims)
