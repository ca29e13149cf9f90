"""What a report says, as plain values: the model, its inverse under each order, the guide, verdicts and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrodict.certificate.certify import Certificate, certify
from retrodict.errors import OptionError, SizeError
from retrodict.exact.comparing import list_closed
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.scenes import count
from retrodict.invert import invert
from retrodict.invert.asked.drawing_order import find_drawing_order
from retrodict.invert.orders import ORDERS
from retrodict.pictures.condense import condense
from retrodict.pictures.drawing import Curve, PlacedDiagram, draw
from retrodict.pictures.scene import Scene
from retrodict.pictures.shapes import CROWDED, paint_curve
from retrodict.pictures.svg import write_path
from retrodict.plan.cost import predict_cost

# The most edges of all inverses together (about six letters each) and the most variables on a page.
MOST_EDGES, MOST_VARIABLES = 1_500_000, 50_000
# Beyond this many edges, comparing parent sets with each other for the cost of a step takes long.
MOST_COSTED = 100_000
# The most missing or removable edges of a guide that are listed; all are counted.
MOST_VERDICTS = 100_000
# The most variables of a model that can be asked any other question on its page.
MOST_ASKED = 60

Values = dict[str, Any]


def gather(
    net_or_model: BayesNet | HasStructure, title: str, guide: Certificate | None = None, budget: float = 1.0
) -> Values:
    """Return all that the page of a model shows; ``guide`` is the verdict on somebody's own.

    ``budget`` is that of `invert`. Orders that would make the page too large are left out and named in ``omitted``.
    Raises `SizeError` when not even one fits.
    """
    net = structure_of(net_or_model)
    if len(net) > MOST_VARIABLES:
        raise SizeError(
            f"a report of {len(net):,} variables is more than a page can hold, {MOST_VARIABLES:,}",
            remedy="Report a smaller model of the same kind.",
        )
    if net.hidden:
        raise OptionError(
            "a report shows a model with all of its latents, and {names} {are} hidden in this structure",
            net.hidden,
            remedy="Give net.observing(net.observed), or draw the inverse alone: rd.invert(net).plot().",
        )
    views, omitted = _list_views(net, guide, budget)
    closed = list_closed(net_or_model)
    return {
        "title": title,
        "summary": f"{count('latent variable', len(net.latents))}, {len(net.observed):,} observed, "
        f"{count('edge', net.n_edges)}",
        "names": list(map(str, net.names)),
        "observed": net.observed_index.tolist(),
        "latents": net.latent_index.tolist(),
        "place": net.place.tolist(),
        "parents": net.parent_rows.to_lists(),
        "drawing": describe_scene(net.describe_scene()),
        "views": views,
        "first": next((i for i, view in enumerate(views) if view["title"].startswith("auto")), 0),
        "omitted": omitted,
        "order": list(find_drawing_order(net)) if len(net) <= MOST_ASKED else [],
        "closed": {str(net.index(name)): kind for name, kind in closed.items()},
    }


def _list_views(net: BayesNet, guide: Certificate | None, budget: float) -> tuple[list[Values], list[str]]:
    made = [("guide", guide.inverse)] if guide is not None else []
    made += [(order, invert(net, order, budget=budget)) for order in ("auto", *ORDERS)]
    views, omitted, room = [], [], MOST_EDGES
    for order, inverse in made:
        if inverse.n_edges > room:
            omitted.append(order)
            continue
        room -= inverse.n_edges
        verdict = guide if guide is not None and order == "guide" else certify(inverse)
        views.append(_gather_view(order, verdict))
    if not views:
        raise SizeError(
            f"every inverse has more edges than a page can hold, {MOST_EDGES:,}",
            remedy="Report a smaller model of the same kind.",
        )
    return views, omitted


def _gather_view(order: str, certificate: Certificate) -> Values:
    inverse = certificate.inverse
    latents = inverse.net.latent_index
    missing, removable = certificate.differences.list_missing(), certificate.differences.list_removable()
    title = order if order != "guide" else "template" if inverse.strategy == "lifted" else "your guide"
    return {
        "title": title if inverse.strategy == order else f"{title} ({inverse.strategy})",
        "isGuide": order == "guide",
        "sampling": latents[inverse.elimination[::-1]].tolist(),
        "parents": [inverse.parent_index(place).tolist() for place in range(len(latents))],
        "steps": inverse.depths.tolist(),
        "barren": latents[inverse.is_generative].tolist(),
        "edges": inverse.n_edges,
        "depth": inverse.depth,
        "width": inverse.width,
        "cost": predict_cost(inverse, batch=1) if inverse.n_edges <= MOST_COSTED else None,
        "missing": [list(edge) for edge in missing[:MOST_VERDICTS]],
        "missingCount": certificate.n_missing,
        "removable": [list(edge) for edge in removable[:MOST_VERDICTS]],
        "removableCount": certificate.n_removable,
        "verdict": _judge(certificate),
        "sentence": _explain(certificate),
        "drawing": describe_scene(inverse.describe_scene(missing, removable)),
    }


def _judge(certificate: Certificate) -> str:
    faithful = "faithful" if certificate.faithful else f"unfaithful: {certificate.n_missing:,} missing"
    return faithful + (", minimal" if certificate.minimal else f", {certificate.n_removable:,} removable")


def _explain(certificate: Certificate) -> str:
    """Return the verdict in a sentence or two."""
    if certificate.faithful:
        first = "Faithful: the inverse states no independence that the model does not imply."
    else:
        first = (
            f"Unfaithful: the inverse lacks {count('edge', certificate.n_missing)} that the posterior needs. "
            "No training of an encoder of this structure makes up for that."
        )
    if max(certificate.n_missing, certificate.n_removable) > MOST_VERDICTS:
        first += f" This page lists {MOST_VERDICTS:,} of each at most."
    if certificate.minimal:
        return f"{first} {'Minimal: no edge can be dropped.' if certificate.faithful else 'No edge of it is useless.'}"
    return f"{first} {count('edge', certificate.n_removable)} of it can be dropped, each by itself."


def describe_scene(scene: Scene) -> Values:
    """Return a scene, grouped and placed, as plain values: boxes with their members, curves in SVG's path language."""
    drawing = draw(condense(scene))
    return {
        "width": round(drawing.width),
        "height": round(drawing.height),
        "title": drawing.title,
        "note": drawing.note,
        "boxes": [_describe_box(drawing, number) for number in range(len(drawing.boxes))],
        "curves": [_describe_curve(curve, len(drawing.curves) > CROWDED) for curve in drawing.curves],
    }


def _describe_box(drawing: PlacedDiagram, number: int) -> Values:
    placed = drawing.boxes[number]
    return {
        "x": round(placed.x, 1),
        "y": round(placed.y, 1),
        "width": round(placed.box.width, 1),
        "height": round(placed.box.height, 1),
        "kind": placed.box.kind,
        "lines": list(placed.box.lines),
        "members": list(placed.box.members),
    }


def _describe_curve(curve: Curve, crowded: bool) -> Values:
    *_, line, head = paint_curve(curve, crowded=crowded)
    link = curve.link
    return {
        "source": link.source,
        "target": link.target,
        "mark": link.mark,
        "count": link.count,
        "width": round(line.width, 2),
        "line": write_path(line.points, curved=True),
        "head": write_path(head.points, curved=False),
    }


def list_omitted(omitted: Sequence[str]) -> str:
    """Return a sentence on what was left out; empty when nothing was."""
    return f" Left out, because the page would be too large: {', '.join(omitted)}." if omitted else ""
