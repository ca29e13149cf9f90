"""The table of all orders."""

from __future__ import annotations

import json

import pytest

import retrodict as rd
from retrodict.errors import OptionError
from retrodict.invert.orders import ORDERS
from retrodict.plan.cost import predict_cost

from .order_cases import draw_latents, make_chain, make_tree


def test_rows_say_what_invert_gives() -> None:
    net = make_tree(5)
    table = rd.compare(net)
    assert [row.order for row in table.rows] == [*ORDERS, "auto", "exact"]
    for row in table.rows:
        inverse = rd.invert(net, row.order)
        assert (row.edges, row.depth, row.width) == (inverse.n_edges, inverse.depth, inverse.width)
        assert row.seconds >= 0
        assert row.stored > 0
        assert row.multiplications == predict_cost(inverse)
    assert [row.order for row in table.rows if row.proved] == ["auto", "exact"]


def test_text_is_aligned_and_json_is_plain() -> None:
    table = rd.compare(make_chain(12), "depth", last=["z5"])
    lines = str(table).splitlines()
    assert len(lines) == 1 + len(table.rows)
    assert len({line.index(f"{row.seconds:.3f}") for line, row in zip(lines[1:], table.rows, strict=True)}) == 1
    assert json.loads(json.dumps(table.to_dict()))["rows"][0]["order"] == "forward"


def test_exact_is_left_out_where_it_cannot_be_proved() -> None:
    table = rd.compare(draw_latents(0, 60, 2.0), budget=0.05)
    assert "exact" not in [row.order for row in table.rows]
    assert not any(row.proved for row in table.rows)


def test_functions_and_errors() -> None:
    assert "exact" not in [row.order for row in rd.compare(make_chain(3), lambda inverse: inverse.width).rows]
    with pytest.raises(OptionError):
        rd.compare(make_chain(3), "size")
