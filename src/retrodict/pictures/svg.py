"""Shapes as SVG: plain elements with their colors, no scripts and no style sheets, every text escaped."""

from __future__ import annotations

import re
from html import escape

from retrodict.pictures.shapes import PAPER, Shape, Sheet, Text

FONTS = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
# What XML 1.0 has no way to write: control characters, halves of surrogate pairs, two non-characters.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_svg(sheet: Sheet) -> str:
    """Return a sheet as an SVG document."""
    width, height = f"{sheet.width:.0f}", f"{sheet.height:.0f}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" font-family="{FONTS}">',
        f"<title>{clean(sheet.title)}</title>",
        f'<rect width="{width}" height="{height}" fill="{PAPER}" rx="6"/>',
    ]
    lines += [_write_text(item) if isinstance(item, Text) else _write_shape(item) for item in sheet.items]
    return "\n".join([*lines, "</svg>"]) + "\n"


def clean(text: str) -> str:
    r"""Return text as XML can carry it, between tags and in attributes.

    >>> clean('<b> "x" & \x00')
    '&lt;b&gt; &quot;x&quot; &amp; �'
    """
    return escape(UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def _write_text(item: Text) -> str:
    anchor = ' text-anchor="middle"' if item.middle else ""
    weight = ' font-weight="bold"' if item.bold else ""
    return (
        f'<text x="{item.x:.1f}" y="{item.y:.1f}" font-size="{item.size:g}" fill="{item.color}"{anchor}{weight}>'
        f"{clean(item.text)}</text>"
    )


def _write_shape(shape: Shape) -> str:
    style = f'fill="{shape.fill or "none"}"'
    if shape.stroke:
        style += f' stroke="{shape.stroke}" stroke-width="{shape.width:.2f}"'
    if shape.dashed:
        style += ' stroke-dasharray="5 3"'
    if shape.opacity < 1:
        style += f' opacity="{shape.opacity:g}"'
    if shape.role:
        style += f' class="{shape.role}"'
    if shape.rounded:
        (x0, y0), (x1, y1) = shape.points
        place = f'x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" rx="{shape.rounded:.1f}"'
        return _close("rect", f"{place} {style}", shape.tooltip)
    return _close("path", f'd="{write_path(shape.points, curved=shape.curved)}" {style}', shape.tooltip)


def write_path(points: tuple[tuple[float, float], ...], *, curved: bool) -> str:
    """Return points in SVG's path language."""
    first, *rest = (f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{first}{'C' if curved else 'L'}{' '.join(rest)}"


def _close(tag: str, attributes: str, tooltip: str) -> str:
    return f"<{tag} {attributes}><title>{clean(tooltip)}</title></{tag}>" if tooltip else f"<{tag} {attributes}/>"
