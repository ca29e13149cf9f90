"""The named templates: what is derived is what is written by hand, and the ordinary certificate agrees at any sizes."""

from __future__ import annotations

import pytest

import retrodict as rd
from retrodict import zoo
from tests.lift.by_hand import BY_HAND

SIZES = [(1, 1), (1, 7), (2, 1), (2, 2), (2, 3), (3, 3), (3, 12), (4, 2), (4, 9), (5, 20)]
MORE_SIZES = [(1, 2), (1, 30), (2, 5), (2, 11), (3, 1), (3, 6), (4, 4), (5, 1), (5, 5), (6, 25)]


def sizes_of(template: rd.Template, plate: int, time: int) -> dict[str, int]:
    return {dim: time if dim == template.time else plate + k for k, dim in enumerate(template.dims)}


def test_every_template_is_written_by_hand() -> None:
    assert set(BY_HAND) == set(zoo.TEMPLATES)


@pytest.mark.parametrize("name", BY_HAND)
def test_derived_is_written_by_hand(name: str) -> None:
    lifted = rd.invert(zoo.template(name), BY_HAND[name].schedule)
    assert str(lifted.schedule) == BY_HAND[name].schedule
    assert tuple(lifted.list_rows()) == BY_HAND[name].parents


@pytest.mark.parametrize("name", BY_HAND)
def test_certified_for_all_sizes_and_minimal(name: str) -> None:
    verdict = rd.certify(rd.invert(zoo.template(name), BY_HAND[name].schedule))
    assert verdict.faithful
    assert verdict.minimal
    assert verdict.scope == "for all sizes"


@pytest.mark.parametrize("name", sorted(set(BY_HAND) - {"three-layers"}))
@pytest.mark.parametrize(
    ("plate", "time"), [*SIZES[::3], *(pytest.param(*s, marks=pytest.mark.slow) for s in [*SIZES, *MORE_SIZES])]
)
def test_at_any_sizes_it_is_the_ordinary_inverse(name: str, plate: int, time: int) -> None:
    """Edge for edge what elimination makes of the grounded model, and by the ordinary certificate."""
    template = zoo.template(name)
    inverse = rd.invert(template, BY_HAND[name].schedule).at(sizes_of(template, plate, time))
    ordinary = rd.invert(inverse.net, inverse.elimination_order)
    assert dict(inverse.parents) == dict(ordinary.parents)
    assert (inverse.n_edges, inverse.depth) == (ordinary.n_edges, ordinary.depth)
    verdict = rd.certify(inverse)
    assert (verdict.n_missing, verdict.n_removable) == (0, 0)


def test_near_the_end_a_pattern_may_mean_more() -> None:
    """At the last step z1 does not need z3, which no later step ties to it: one superfluous edge, and faithful."""
    verdict = rd.certify(rd.invert(zoo.template("three-layers"), BY_HAND["three-layers"].schedule).at({"t": 30}))
    assert (verdict.n_missing, list(verdict.removable)) == (0, [("z3[29]", "z1[29]")])


BACKWARDS = {"lgssm": "(up t: (z))", "crossed": "(mu; turn i: (a); each j: (b))"}
BACKWARDS["item-response"] = "(m; s; turn i: (a); each j: (b))"


@pytest.mark.parametrize("name", BY_HAND)
def test_the_schedule_is_chosen(name: str) -> None:
    """The one that is written by hand, but for the direction of a series and the side of a crossing."""
    assert str(rd.invert(zoo.template(name)).schedule) == BACKWARDS.get(name, BY_HAND[name].schedule)


def test_typical_sizes_decide_the_side_of_a_crossing() -> None:
    crossed = zoo.template("crossed")
    assert str(rd.invert(crossed, sizes={"i": 100, "j": 10}).schedule) == "(mu; turn j: (b); each i: (a))"
    assert str(rd.invert(crossed, sizes={"i": 10, "j": 100}).schedule) == "(mu; turn i: (a); each j: (b))"


@pytest.mark.parametrize(
    ("name", "latent", "one_pass", "roles"),
    [
        ("crossed", "b", False, ["y[*,<j] with b, mu, y", "own y[*,j] with mu, y", "y[*,>j] with mu, y"]),
        ("crossed", "a", True, ["own y[i,*] with b, mu, y"]),
        ("ssm", "z", True, ["own z[t] with z[t-1]", "own x[t] with x", "x[t+1..T-1] with x"]),
        ("hierarchy", "theta", True, ["own theta[j] with mu, tau", "own y[j,*] with sigma, y"]),
        ("radon", "alpha", True, ["own alpha[j] with g, tau, u", "own y[j,*] with beta, floor, sigma, y"]),
        (
            "common-factor",
            "f",
            False,
            ["own f[t] with f[t-1]", "x[*,0..t-1] with f, x", "own x[*,t] with x", "x[*,t+1..T-1] with x"],
        ),
    ],
)
def test_roles(name: str, latent: str, one_pass: bool, roles: list[str]) -> None:
    reading = rd.invert(zoo.template(name), BY_HAND[name].schedule).roles[latent]
    assert list(map(str, reading.roles)) == roles
    assert reading.one_pass == one_pass


def test_crossings_and_common_factors_take_several_passes() -> None:
    several = {
        (name, latent)
        for name in BY_HAND
        for latent, reading in rd.invert(zoo.template(name), BY_HAND[name].schedule).roles.items()
        if not reading.one_pass
    }
    assert several == {
        *(("crossed", latent) for latent in ("mu", "b")),
        *(("item-response", latent) for latent in ("m", "s", "b")),
        *(("birds", latent) for latent in ("mu", "sr", "ss", "sy", "year")),
        *(("topics", "phi"), ("common-factor", "f")),
    }
