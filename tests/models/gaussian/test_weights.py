"""Weights by name: each is the weight of an edge that the model has, or an error says which is not."""

from __future__ import annotations

from typing import Any

import pytest

from retrodict import BayesNet, LinearGaussian
from retrodict.errors import GraphError

NET = BayesNet({"asia": [], "smoke": [], "tub": ["asia"], "lung": ["smoke"], 7: ["tub", "lung"]}, observed=[7])


def test_weights_stand_beside_their_edges() -> None:
    model = LinearGaussian.from_weights(NET, {7: {"lung": 2.0, "tub": -1.0}, "tub": {}})
    edges = zip(NET.to_names(NET.parent_rows.sources), NET.to_names(NET.parent_rows.index), strict=True)
    found = dict(zip(edges, model.weights.tolist(), strict=True))
    assert found == {("tub", "asia"): 1.0, ("lung", "smoke"): 1.0, (7, "tub"): -1.0, (7, "lung"): 2.0}


@pytest.mark.parametrize(
    ("weights", "named", "message"),
    [
        ({"tub": {"asai": 3.0}}, ("asai",), "'tub' name 'asai', which is not among its parents. Did you mean 'asia'?"),
        (
            {7: {"asia": 3.0}},
            ("asia",),
            "weights of 7 name 'asia', which is not .*. Name one of 'tub', 'lung'.",
        ),
        (
            {"smoke": {"asia": 3.0}},
            ("asia",),
            "weights of 'smoke' name 'asia', which is not .*. It has none.",
        ),
        ({"tbu": {"asia": 3.0}}, ("tbu",), "'tbu', whose weights are given, is not among .* Did you mean 'tub'?"),
    ],
)
def test_weights_of_no_edge_are_refused(weights: Any, named: tuple[Any, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message.replace("?", r"\?")) as caught:
        LinearGaussian.from_weights(NET, weights)
    assert caught.value.variables == named
