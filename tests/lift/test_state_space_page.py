"""The table of state-space models in docs/templates.md: what is derived, and what structures in use lack."""

from __future__ import annotations

import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.lift.small_inverse import SmallInverse
from retrodict.lift.unknown_components import list_bits, to_bits
from tests.processes import ROOT

PAGE = ROOT / "docs" / "templates.md"
MODELS = ["ssm", "ssm-autoregressive", "two-layers-plain", "two-layers", "three-layers-plain", "three-layers"]
USED = ["mean field", "past only", "DKS by layers"]


def state_guide(template: rd.Template, kind: str) -> dict[str, list[str]]:
    """What people write: each layer, from the top, its own past and the layer above, beside data."""
    seen = {"mean field": "x[*]", "past only": "x[0..t]", "DKS by layers": "x[t..T-1]"}[kind]
    remembers = {relation.child for relation in template.relations if relation.child == relation.parent}
    guide, above = {}, ""
    for name in template.latents:
        own = [f"{name}[t-1]"] if name in remembers else []
        guide[name] = [seen] if kind == "mean field" else [*([f"{above}[t]"] if above else []), *own, seen]
        above = name
    return guide


def find_lacks(template: rd.Template, kind: str) -> list[str]:
    """Return for each layer the patterns that a guide lacks in the middle of a long series, drawn as it says."""
    order = f"(up t: ({'; '.join(template.latents)}))"
    verdict = rd.lint(template, state_guide(template, kind), order=order)
    small = SmallInverse(template, rd.Schedule.read(order), verdict.margins)
    rows, grounding = [], small.small.grounding
    for name in template.latents:
        child = grounding.names[grounding.find(name, small.centre)]
        number = {instance: i for i, instance in enumerate(grounding.names)}
        lacks = [number[str(edge.parent)] for edge in verdict.missing if edge.child == child]
        patterns, _ = small.reader_of(name, small.centre).read(list_bits(to_bits(lacks)))
        dims = {variable.name: variable.dims for variable in template.variables}
        if patterns:
            rows.append(f"{name}: {' '.join(p.write(dims[p.name], template.time) for p in patterns)}")
    return rows


def write_table() -> str:
    lines = [f"| model | its inverse, certified minimal | {' | '.join(f'{used} lacks' for used in USED)} |"]
    lines.append("|" + "---|" * (2 + len(USED)))
    for name in MODELS:
        template = zoo.template(name)
        inverse = rd.invert(template)
        assert rd.certify(inverse).minimal
        cells = ["<br>".join(f"`{row}`" for row in inverse.list_rows())]
        cells += ["<br>".join(f"`{row}`" for row in find_lacks(template, used)) or "nothing" for used in USED]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_page_has_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.partition("<!-- state-space -->\n")[2].partition("\n<!-- end -->")[0] == write_table()


def test_krishnans_structure_comes_out() -> None:
    """Krishnan, Shalit & Sontag 2017: z[t] of z[t-1] and a backward recursion over x[t..T-1], one pass."""
    inverse = rd.invert(zoo.template("ssm"))
    assert inverse.list_rows() == ["z[t] <- z[t-1] x[t..T-1]"]
    assert inverse.roles["z"].one_pass
    assert find_lacks(zoo.template("ssm"), "DKS by layers") == []


@pytest.mark.parametrize("name", ["template_units", "lifted_units"])
def test_the_figures_of_the_page(name: str) -> None:
    template = zoo.template("units-of-series")
    picture = template.plot() if name.startswith("template") else rd.invert(template).plot()
    assert (ROOT / "docs" / "figures" / f"{name}.svg").read_text(encoding="utf-8") == picture.to_svg()
