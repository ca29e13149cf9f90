"""Templates: what a text means, at given sizes; and what is refused, in one sentence."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.errors import (
    CycleError,
    GraphError,
    GuideError,
    OptionError,
    OrderError,
    SizeError,
    UnknownVariableError,
)
from tests.lift.random_templates import Kind, draw_template

GROUPS = rd.Template("mu; theta[j] | mu; y[j,n] | theta[j]", observed=["y"])
SERIES = rd.Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])


def test_a_template_at_sizes() -> None:
    assert GROUPS.at({"j": 2, "n": 1}).to_dict() == {
        "parents": {"mu": [], "theta[0]": ["mu"], "theta[1]": ["mu"], "y[0,0]": ["theta[0]"], "y[1,0]": ["theta[1]"]},
        "observed": ["y[0,0]", "y[1,0]"],
    }


@pytest.mark.parametrize(
    ("text", "name", "parents"),
    [
        ("z[t] | z[t-1]; x[t] | z[t]", "z[0]", []),
        ("z[t] | z[t-1]; x[t] | z[t]", "z[2]", ["z[1]"]),
        ("z[t] | z[t-1]; x | z[:]", "x", ["z[0]", "z[1]", "z[2]", "z[3]"]),
        ("z[t] | z[t-1]; x | z[-1]", "x", ["z[3]"]),
        ("z[t] | z[t-1]; x | z[0]", "x", ["z[0]"]),
        ("s; z[t] | z[t-1] s@0; x[t] | z[t]", "z[0]", ["s"]),
        ("s; z[t] | z[t-1] s@0; x[t] | z[t]", "z[1]", ["z[0]"]),
        ("a[i]; x[i] | a[..i]", "x[2]", ["a[0]", "a[1]", "a[2]"]),
        ("a[i]; x[i] | a[:]", "x[1]", ["a[0]", "a[1]", "a[2]", "a[3]"]),
        ("z[t] | z[t-1] z[t-2]; x[t] | z[t]", "z[1]", ["z[0]"]),
    ],
)
def test_what_relations_mean(text: str, name: str, parents: list[str]) -> None:
    template = rd.Template(text, observed=["x"])
    assert list(template.at(dict.fromkeys(template.dims, 4)).parents(name)) == parents


def test_three_ways_to_write_a_template() -> None:
    mapping = rd.Template({"mu": [], "theta[j]": ["mu"], "y[j,n]": ["theta[j]"]}, observed=["y"])
    code = rd.Template(
        [rd.Repeated("mu"), rd.Repeated("theta", ("j",)), rd.Repeated("y", ("j", "n"))],
        observed=["y"],
        relations=[rd.Relation("theta", "mu"), rd.Relation("y", "theta")],
    )
    assert GROUPS == mapping == code


def test_random_templates_are_read_as_they_are_written() -> None:
    rng = random.Random("text")  # noqa: S311
    for _ in range(60):
        template = draw_template(rng, Kind(plates=2, timed=True, singled_out=True, cumulative=0.4))
        assert rd.Template(str(template), template.observed, time="t") == template


def test_templates_and_inverses_are_copied_and_pickled() -> None:
    inverse = rd.invert(SERIES)
    for other in copy.deepcopy(inverse), pickle.loads(pickle.dumps(inverse)):  # noqa: S301
        assert other.template == SERIES
        assert other.list_rows() == inverse.list_rows()


@pytest.mark.parametrize(
    ("text", "observed", "says"),
    [
        ("mu; y[n] | mu", [], "nothing in the template is observed"),
        ("mu; y[n] | mu", ["mu"], "no latent of the template has an observed descendant"),
        ("mu; y[j,j] | mu", ["y"], r"'y' is repeated twice along the dim 'j'"),
        ("mu; y[n] | nu", ["y"], "'nu', given as a parent, is not among the variables"),
        ("mu; y[n] | mu", ["x"], "'x', named in observed=, is not among the variables"),
        ("a[t] | a[t-1]; b[j] | b[j-1]; y | a[:] b[:]", ["y"], "'j', 't' occur with a lag"),
        ("theta[j]; y[n] | theta[j]", ["y"], r"does not say which index of 'j' is meant"),
        ("theta[j]; y[j] | theta[k]", ["y"], r"gives its parent theta\[j\] the index 'k' of 'j'"),
        ("theta[j]; y[j] | theta", ["y"], r"gives 0 indices to its parent theta\[j\]"),
        ("mu; mu; y | mu", ["y"], "'mu' is given twice"),
        ("mu | ; y | mu | mu", ["y"], "has two bars"),
        ("y[", ["y"], "cannot be read as part of a template"),
        ("", ["y"], "the template has no variables"),
        ("z[t] | z[t-1]; y | z[3]", ["y"], "neither the first nor the last"),
    ],
)
def test_a_wrong_template_is_refused(text: str, observed: list[str], says: str) -> None:
    with pytest.raises(GraphError, match=says):
        rd.Template(text, observed=observed)


@pytest.mark.parametrize(
    "text",
    ["a[t] | b[t]; b[t] | a[t]; y[t] | a[t]", "a[t] | a[:]; y[t] | a[t]", "a[t] | y[:]; b[t] | a[t-1]; y[t] | b[t]"],
)
def test_a_relation_that_makes_a_cycle_at_some_size_is_refused(text: str) -> None:
    with pytest.raises(CycleError, match="has a cycle"):
        rd.Template(text, observed=["y"], time="t")


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"j": 0, "n": 1}, "the size of 'j' is 0"),
        ({"j": 1.5, "n": 1}, "the size of 'j' is 1.5"),
        ({"j": 1}, "'n' has no size"),
        ({"j": 1, "n": 1, "k": 2}, "'k' is no dim of the template"),
        ([3, 2], "sizes must be a mapping"),
    ],
)
def test_wrong_sizes_are_refused(sizes: dict[str, int], says: str) -> None:
    for use in GROUPS.at, rd.invert(GROUPS).at, rd.invert(GROUPS).depth:
        with pytest.raises(OptionError, match=says):
            use(sizes)


def test_sizes_that_do_not_fit_are_refused_before_time_is_spent() -> None:
    with pytest.raises(SizeError, match="instances at these sizes"):
        GROUPS.at({"j": 10**6, "n": 10**6})
    with pytest.raises(SizeError, match="edges at these sizes"):
        rd.invert(zoo.template("common-factor")).at({"t": 20_000, "j": 1})


@pytest.mark.parametrize(
    ("template", "order", "says"),
    [
        (GROUPS, "(mu; each j: (mu))", r"does not draw 'theta'"),
        (GROUPS, "(mu; theta)", "draws 'theta' inside of loops over no dim"),
        (GROUPS, "(mu; up j: (theta))", "goes 'up' over 'j', which is a plate"),
        (SERIES, "(turn t: (z))", "goes 'turn' over 't', which is time"),
        (SERIES, "(each t: (z))", r"cannot run side by side, because 'z' needs z\[t-1\]"),
        (GROUPS, "(mu; each j (theta))", "cannot be read as a schedule"),
        (GROUPS, "min-fill", "the order 'min-fill' is none of a template"),
        (GROUPS, ["mu", "theta"], "the order of a template is a schedule, not a list"),
    ],
)
def test_a_wrong_schedule_is_refused(template: rd.Template, order: str, says: str) -> None:
    with pytest.raises(OrderError, match=says):
        rd.invert(template, order)


def test_options_of_models_are_refused_for_templates_and_the_other_way_round() -> None:
    with pytest.raises(OptionError, match="first= cannot be asked for a template"):
        rd.invert(GROUPS, first=["mu"])  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="are for templates"):
        rd.invert(GROUPS.at({"j": 1, "n": 1}), sizes={"j": 3})  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="belongs to another template"):
        rd.invert(GROUPS, rd.invert(SERIES))


# -- patterns written by hand ---------------------------------------------------------------------------


def test_a_guide_that_lacks_parents_is_told_with_instances() -> None:
    verdict = rd.lint(GROUPS, {"mu": ["y[*,*]"], "theta[j]": ["y[j,*]"]})
    assert not verdict
    assert verdict.missing[0][:3] == ("mu", "theta[0]", ("mu", "theta[0]"))
    assert verdict.scope == "unfaithful: 3 edges missing at j=3, n=3"


@pytest.mark.parametrize(
    ("guide", "faithful", "minimal"),
    [
        ({"z[t]": ["z[t-1]", "x[t..T-1]"]}, True, True),
        ({"z[t]": ["z[t+1]", "x[0..t]"]}, True, True),
        ({"z[t]": ["z[t-1]", "x[*]"]}, True, False),
        ({"z": ["z[0..t-1]", "x[t..T-1]"]}, True, False),
        ({"z[t]": ["z[t-1]", "x[0..t]"]}, False, False),
        ({"z[t]": ["x[*]"]}, False, False),
    ],
)
def test_guides_of_a_series(guide: dict[str, list[str]], faithful: bool, minimal: bool) -> None:
    verdict = rd.lint(SERIES, guide)
    assert (verdict.faithful, verdict.minimal) == (faithful, minimal)


def test_every_inverse_written_by_hand_is_right_when_it_is_read() -> None:
    from tests.lift.by_hand import BY_HAND

    for name, case in BY_HAND.items():
        guide = {row.split(" <- ")[0]: row.split(" <- ")[1].split() for row in case.parents}
        template = zoo.template(name)
        for order in (case.schedule, None):
            verdict = rd.lint(template, guide, order=order)
            assert (verdict.faithful, verdict.minimal) == (True, True), (name, order)


@pytest.mark.parametrize(
    ("template", "guide", "says"),
    [
        (SERIES, {"z[t]": ["z[t-9]", "x[*]"]}, r"z\[t-9\] of 'z' reaches further than 5 steps, the margin"),
        (SERIES, {}, "has no entry for 'z'"),
        (SERIES, {"z": [], "x": []}, "'x' is no latent of the template"),
        (SERIES, {"z": ["x[s]"]}, "has the index 's' along 't'"),
        (SERIES, {"z": ["x"]}, "has 0 indices"),
        (SERIES, {"z": ["z[t-1]", "z[t+1]"]}, "both before and after"),
        (GROUPS, {"mu": ["y[j,*]"], "theta": []}, "picks an index of 'j', which it does not have"),
        (SERIES, [1], "must be a mapping"),
    ],
)
def test_wrong_patterns_are_refused(template: rd.Template, guide: dict[str, list[str]], says: str) -> None:
    with pytest.raises(GuideError, match=says):
        rd.lint(template, guide)


def test_a_name_that_the_template_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownVariableError, match="'w', given as a parent of 'z'"):
        rd.lint(SERIES, {"z": ["w"]})


# -- pictures, scale ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", zoo.TEMPLATES)
def test_pictures_in_plate_notation(name: str) -> None:
    template = zoo.template(name)
    for picture in template.plot(), rd.invert(template).plot():
        svg = picture.to_svg()
        assert svg.count('class="plate"') >= len(template.dims)
        assert all(f">{variable}<" in svg for variable in template.variables)
    assert rd.invert(template)._repr_svg_() == rd.invert(template).plot().to_svg()


def test_frames_of_plates_hold_their_variables_and_no_others() -> None:
    for name in zoo.TEMPLATES:
        template = zoo.template(name)
        drawing = template.plot().drawings[0]
        for placed in drawing.boxes:
            dims = {part.split("+")[0] for part in placed.box.lines[0].partition("[")[2].rstrip("]").split(",")} - {""}
            around = {
                frame.text.split(":")[0]
                for frame in drawing.frames
                if frame.low[0] < placed.x < frame.high[0] and frame.low[1] < placed.y < frame.high[1]
            }
            later = {template.time} if "+" in placed.box.lines[0] else set()
            assert around == dims - later, (name, placed.box.lines)


def require_equal(name: str, sizes: dict[str, int]) -> None:
    inverse = rd.invert(zoo.template(name)).at(sizes)
    ordinary = rd.invert(inverse.net, inverse.elimination_order)
    np.testing.assert_array_equal(inverse.sets.latents.pointer, ordinary.sets.latents.pointer)
    np.testing.assert_array_equal(inverse.sets.latents.index, ordinary.sets.latents.index)
    np.testing.assert_array_equal(inverse.sets.count, ordinary.sets.count)
    for latent in np.random.default_rng(0).integers(0, len(inverse.net.latents), 30).tolist():
        np.testing.assert_array_equal(inverse.sets.observed(latent), ordinary.sets.observed(latent))


MANY = {
    "ssm": {"t": 500_000},
    "crossed": {"i": 1000, "j": 998},
    "units-of-series": {"j": 500, "t": 1000},
    "radon": {"j": 1000, "n": 499},
}


@pytest.mark.parametrize("name", MANY)
def test_thousands_of_instances(name: str) -> None:
    require_equal(name, {dim: max(2, round(size**0.6)) for dim, size in MANY[name].items()})


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY)
def test_a_million_instances(name: str) -> None:
    require_equal(name, MANY[name])
