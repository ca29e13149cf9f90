"""What a terminal and a notebook show: one line, a table, a picture; never a dump, and never a name that is run."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import jax
import numpy as np
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.encode.build import build_encoder
from retrodict.errors import OptionError
from retrodict.pictures.table import Table
from retrodict.posterior.calibration.calibration import Calibration
from retrodict.posterior.trained import describe_trained
from retrodict.posterior.weights.importance import Importance
from retrodict.train.history import History

EVIL = "<script>alert(1)</script>"
MODEL = zoo.hmm(steps=3)
BARREN = rd.LinearGaussian.from_weights(rd.BayesNet({"x": [], "z": ["x"]}, observed=["x"]), {})


def make_history(epochs: int) -> History:
    steps = 25 * np.arange(1, epochs + 1)
    best = epochs // 3
    test = 2.0 + (np.arange(epochs) - best) ** 2 / epochs
    return History(tuple(steps.tolist()), tuple((test + 1).tolist()), tuple(test.tolist()), ({},) * epochs)


def make_calibration(names: tuple[str, ...], rejected: int) -> Calibration:
    """An outcome in which one quantity is far from uniform."""
    uniforms = np.random.default_rng(0).random((2000, len(names)))
    uniforms[:, rejected] **= 2
    return Calibration(names, uniforms, 199, 0.001)


def read_html(text: str) -> ET.Element:
    """Read HTML that is well-formed XML, too: our own."""
    return ET.fromstring(f"<div>{text}</div>")  # noqa: S314


SHOWN: dict[str, Any] = {
    "comparison": rd.compare(MODEL),
    "costs": rd.edge_costs(rd.invert(MODEL)),
    "history": make_history(500),
    "calibration": make_calibration(("z", "log p(z, x)", "TARP distance"), 0),
    "importance": Importance({"z": np.zeros((50, 2, 3))}, np.zeros((50, 2))),
    "posterior": rd.AmortizedPosterior.of(BARREN, rd.invert(BARREN), None, make_history(3)),
}


@pytest.mark.parametrize("value", SHOWN.values(), ids=SHOWN)
def test_a_line_and_a_table(value: Any) -> None:
    assert "\n" not in repr(value)
    assert len(repr(value)) < 140
    assert repr(value).startswith(f"{type(value).__name__}(")
    table = read_html(value._repr_html_())
    assert len(table.findall(".//tbody/tr")) >= 3
    widths = {len(row) for row in table.findall(".//tr")}
    assert len(widths) == 1


def test_a_comparison_says_which_order_has_fewest_edges() -> None:
    net = rd.BayesNet({"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}, observed=["d"])
    assert repr(rd.compare(net)).startswith("Comparison(")
    assert "fewest edges" in repr(rd.compare(net))
    table = rd.compare(net)
    bold = [row[0].text for row in read_html(table._repr_html_()).findall(".//tr[@style]")]
    assert bold == [row.order for row in table.rows if row.proved]
    assert "exact" in bold


def test_a_history_shows_its_best_epoch_among_a_dozen() -> None:
    history = make_history(500)
    assert repr(history) == "History(500 epochs, 12,500 steps, held-out 223.78, best 2 at step 4,175)"
    lines = str(history).splitlines()
    assert 10 < len(lines) < 16
    assert [line.split() for line in lines if line.endswith("best")] == [["167", "4,175", "3", "2", "best"]]
    assert (lines[1].split()[0], lines[-1].split()[0]) == ("1", "500")
    assert str(History()) == repr(History()) == "History(no epochs)"


def test_a_history_is_drawn_with_labels() -> None:
    history = make_history(6)
    (axis,) = history.plot().axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("step (minibatches)", "objective (nats)")
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axis.lines}
    assert drawn["training, mean over the epoch"] == list(history.train)
    assert drawn["held-out simulations"] == list(history.test)
    assert drawn["best, step 75"] == [2.0]
    assert {text.get_text() for text in axis.get_legend().get_texts()} == drawn.keys()


@pytest.mark.parametrize("kind", ["ecdf", "ranks", "coverage"])
@pytest.mark.parametrize("rejected", [1, 7])
def test_a_calibration_is_drawn_with_labels_and_a_legend(kind: str, rejected: int) -> None:
    names = ("x0", "x1", "x2", "$x3", "x4", "log q(z | x)", "log p(z, x)", "TARP distance")
    figure = make_calibration(names, rejected).plot(kind)
    figure.draw_without_rendering()
    panels = {axis.get_title().removesuffix(": rejected"): axis for axis in figure.axes if axis.axison}
    expected = ["TARP distance"] if kind == "coverage" else list(names)
    assert list(panels) == expected
    bad = [name for name, axis in panels.items() if axis.get_title().endswith(": rejected")]
    assert bad == [name for name in expected if name == names[rejected]]
    thick = [name for name, axis in panels.items() if axis.spines["left"].get_linewidth() == 2]
    assert thick == bad
    lowest = list(panels.values())[-4:]
    assert all(axis.get_xlabel() for axis in lowest)
    assert next(iter(panels.values())).get_ylabel()
    (legend,) = figure.legends
    said = [text.get_text() for text in legend.get_texts()]
    assert said[0] == "where an exact posterior stays with probability 99%"
    assert ("rejected" in said) == bool(bad)
    inside = figure.bbox.get_points()
    for artist in (legend, figure._suptitle, *(axis.xaxis.label for axis in lowest)):  # nothing is cut or covered
        corners = artist.get_window_extent().get_points()
        assert (corners[0] >= inside[0]).all()
        assert (corners[1] <= inside[1]).all()
    assert not any(legend.get_window_extent().overlaps(axis.xaxis.label.get_window_extent()) for axis in lowest)


def test_importance_lists_means_and_sds() -> None:
    random = np.random.default_rng(1)
    weighed = Importance({"z": random.normal(size=(50, 2))}, random.normal(size=50))
    cells = [[cell.text for cell in row] for row in read_html(weighed._repr_html_()).findall(".//tbody/tr")]
    assert cells == [[f"z[{i}]", f"{weighed.mean['z'][i]:.4g}", f"{weighed.sd['z'][i]:.4g}"] for i in range(2)]


def test_models_show_their_graph() -> None:
    class Own(rd.LinearGaussian):
        pass

    own = Own(MODEL.net, MODEL.weights, MODEL.bias, MODEL.variance)
    for model in (MODEL, own):
        assert model._repr_svg_() == MODEL.net._repr_svg_()
        assert model.plot().to_svg() == MODEL.net.plot().to_svg()


def test_what_was_trained_says_how() -> None:
    inverse = rd.invert(MODEL)
    encoder = build_encoder(inverse, jax.random.key(0), "separate", (4,))
    rows = dict(describe_trained("a title", inverse, encoder, make_history(3)).rows)
    assert rows["variables"] == "3 latents; 3 observed"
    assert rows["inverse"] == f"{inverse.strategy}: 7 edges, depth 2, width 3"
    assert rows["encoder"].startswith("StackedNetwork, Normal conditionals, ")
    assert rows["training"] == "3 epochs, 75 steps, held-out 2.3333, best 2 at step 50"


def test_names_are_shown_and_not_run() -> None:
    net = rd.BayesNet({EVIL: [], "x": [EVIL]}, observed=["x"])
    model = rd.LinearGaussian.from_weights(net, {})
    shown = [
        rd.edge_costs(rd.invert(model)),
        make_calibration((EVIL, "TARP distance"), 0),
        Importance({EVIL: np.zeros(9)}, np.zeros(9)),
        Table((EVIL,), [(EVIL,)], EVIL),
    ]
    for value in shown:
        text = value._repr_html_() if hasattr(value, "_repr_html_") else value.to_html()
        assert "<script" not in text
        assert EVIL in "".join(read_html(text).itertext())


def test_a_long_table_keeps_its_ends_and_what_stands_out() -> None:
    table = Table(("name", "n"), [(f"v{i}", str(i)) for i in range(1000)], marked=(500,))
    lines = str(table).splitlines()
    assert [lines[1], lines[49].split()[0], lines[-2].split()[0]] == ["v0      0", "v500", "v999"]
    assert lines[-1] == "939 of 1,000 rows are left out"
    html = table.to_html()
    assert ("939 of 1,000 rows are left out" in html, html.count("<tr"), html.count("bold")) == (True, 62, 1)


def test_an_inverse_knows_the_model_of_its_costs() -> None:
    inverse = rd.invert(MODEL)
    assert rd.edge_costs(inverse).edges == rd.edge_costs(MODEL, inverse).edges
    with pytest.raises(OptionError, match=r"the model is not given\. Call edge_costs\(model, inverse\)"):
        rd.edge_costs(rd.invert(MODEL.net))
    with pytest.raises(OptionError, match="the inverse is not given"):
        rd.edge_costs(MODEL)
    with pytest.raises(OptionError, match="closed form for linear-Gaussian networks"):
        rd.edge_costs(inverse, inverse)
