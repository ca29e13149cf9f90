"""Every structural function takes a model or its net, and an order in any of its forms."""

import pytest

import retrodict as rd
from retrodict.errors import GraphError, GuideError, OptionError, OrderError

MODEL = rd.zoo.binary_tree(depth=3)
NET = MODEL.net
FORMS = {
    "reversal": rd.reversal,
    "mean_field": rd.mean_field,
    "fully_connected": rd.fully_connected,
    "invert": rd.invert,
    "d_separated": lambda source: rd.d_separated(source, "x3", "x6"),
    "lint": lambda source: rd.lint(source, dict.fromkeys(NET.latents, NET.observed)),
    "lint by name": lambda source: rd.lint(source, "mean-field"),
    "compare": rd.compare,
}


def describe(value: object) -> object:
    """What two results must share to be equal: inverses and verdicts are compared by their contents."""
    if isinstance(value, rd.Certificate):
        return value.missing, value.removable, describe(value.inverse)
    if isinstance(value, rd.Inverse):
        return value.strategy, dict(value.parents), value.sampling_order
    return [(row.order, row.edges, row.depth, row.width) for row in value.rows] if hasattr(value, "rows") else value


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_model_stands_for_its_net(form):
    assert describe(form(MODEL)) == describe(form(NET))


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_what_is_neither_is_refused_in_a_sentence(form):
    with pytest.raises(GraphError, match="a model or its structure is needed here, but a function was given"):
        form(describe)


def test_certify_judges_inverses_only():
    for source in (MODEL, NET):
        with pytest.raises(GuideError, match=r"certify judges an inverse, .*rd\.lint\(model, guide\)"):
            rd.certify(source)


@pytest.mark.parametrize(
    ("name", "baseline"),
    [("reversal", rd.reversal), ("mean-field", rd.mean_field), ("fully-connected", rd.fully_connected)],
)
def test_a_baseline_is_an_order_by_name(name, baseline):
    assert describe(rd.invert(MODEL, name)) == describe(baseline(NET))
    assert rd.invert(MODEL, name).model is MODEL
    assert rd.edge_costs(rd.invert(MODEL, name)).edges


def test_an_inverse_is_taken_as_it_is():
    inverse = rd.invert(NET, "min-fill")
    assert rd.invert(MODEL, inverse) is inverse
    assert rd.lint(MODEL, inverse).inverse is inverse


def test_an_inverse_of_another_model_is_refused():
    with pytest.raises(OptionError, match="the inverse belongs to another model"):
        rd.invert(MODEL, rd.invert(rd.zoo.binary_tree(depth=2)))
    with pytest.raises(OptionError, match="the inverse belongs to another model"):
        rd.invert(MODEL, rd.invert(NET.observing(["x6"])))


def test_what_eliminates_nothing_takes_no_constraints():
    with pytest.raises(OptionError, match="the baseline 'reversal' eliminates nothing, so that first= and last="):
        rd.invert(NET, "reversal", first=["x0"], last=["x1"])
    with pytest.raises(OptionError, match="an Inverse that is given eliminates nothing, so that together="):
        rd.invert(NET, rd.invert(NET), together=[["x0", "x1"]])


def test_an_order_that_does_not_exist_is_told_of_all_that_do():
    with pytest.raises(OrderError, match=r"Choose one of auto, .*dissection, .*reversal, mean-field, fully-conn"):
        rd.invert(NET, "sideways")
