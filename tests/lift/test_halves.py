"""Series drawn in halves: few rounds, and what a gap needs lies next to it."""

from __future__ import annotations

import math

import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.errors import OrderError

SCHEDULES = {
    "ssm": "(halves t: (z))",
    "second-order": "(halves t: (z))",
    "two-layers": "(halves t: (z2; z1))",
    "hmm": "(A; B; halves t: (z))",
    "units-of-series": "(phi; each j: (psi); each j: halves t: (z))",
    "autoregressive": "(phi; halves t: (z))",
    "inputs": "(phi; halves t: (z))",
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_halves_are_faithful_at_all_lengths(name: str) -> None:
    lifted = rd.invert(zoo.template(name), SCHEDULES[name])
    assert rd.certify(lifted).scope == "for all sizes, not minimal"
    for length in (1, 2, 3, 4, 7, 18, 65):
        sizes = {dim: length if dim == "t" else 2 for dim in lifted.template.dims}
        assert rd.certify(lifted.at(sizes)).n_missing == 0


def test_a_series_takes_logarithmically_many_rounds() -> None:
    lifted = rd.invert(zoo.template("ssm"), "(halves t: (z))")
    assert lifted.list_rows() == ["z[t] <- z[l-1..h+1] x[l-1..h+1]"]
    for length in (1, 3, 100, 1000, 20_000):
        assert lifted.depth({"t": length}) <= math.log2(length) + 1
        assert lifted.schedule.count_steps({"t": length}) == lifted.depth({"t": length})


def test_a_part_of_a_series_cannot_be_drawn_in_halves() -> None:
    with pytest.raises(OrderError, match=r"draws only a part .* in halves"):
        rd.invert(zoo.template("two-layers"), "(halves t: (z2); up t: (z1))")
    with pytest.raises(OrderError, match="cannot be drawn in halves"):
        rd.invert(rd.Template("z[t] | z[t-1]; x[t] | z[t]; w | z[-1]", ["x", "w"]), "(halves t: (z))")
