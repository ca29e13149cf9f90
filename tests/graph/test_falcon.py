"""Inverses as configurations of Falcon: what a reader of YAML finds is the model and its inverse."""

from __future__ import annotations

import pytest

from retrodict import BayesNet, invert, zoo


def read(text):
    """A reader of the little of YAML that is written: two levels of keys, lists and texts of JSON."""
    import json

    assert text.startswith("graph:\n")
    graph, node = {}, {}
    for line in text.splitlines()[1:]:
        key, _, value = line.strip().rpartition(":") if line.endswith(":") else line.strip().partition(": ")
        if line.startswith("    "):
            node[key] = json.loads(value)
        else:
            node = graph.setdefault(json.loads(key), {})
    return graph


@pytest.mark.parametrize("order", ["auto", "reverse", "mean-field"])
def test_evidence_is_what_the_inverse_draws_a_latent_from(order):
    model = zoo.binary_tree(3)
    inverse = invert(model, order)
    graph = read(inverse.to_falcon())
    assert list(graph) == list(model.net.names)
    for name, node in graph.items():
        assert node.get("parents", []) == list(model.net.parents(name))
        assert node.get("observed", False) == (name in model.net.observed)
        assert node.get("evidence", []) == list(inverse.parents.get(name, ()))
        assert ("estimator" in node) == (name in inverse.parents)
        assert node["simulator"] is None


def test_barren_latents_are_simulated_and_names_are_quoted():
    net = BayesNet({"z: #": [], 'x"': ["z: #"], "left over": ['x"']}, observed=['x"'])
    graph = read(invert(net).to_falcon())
    assert graph["left over"] == {"parents": ['x"'], "simulator": None}
    assert graph["z: #"]["evidence"] == ['x"']
