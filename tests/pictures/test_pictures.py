"""Pictures show what is there, say what they leave out, and show strange names as they are."""

import itertools
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict import BayesNet, certify, fully_connected, invert, mean_field, reversal, zoo
from retrodict.errors import FileError, OptionError, SizeError
from retrodict.graph.bayesnet import structure_of
from retrodict.pictures import Picture
from retrodict.pictures.condense import MOST_BOXES, condense, fold_sequences
from retrodict.pictures.drawing import draw
from retrodict.pictures.layered import GAP, build_rows, count_crossings, place, sort_rows
from retrodict.pictures.scene import MISSING, PLAIN, REMOVABLE, Scene
from retrodict.pictures.shapes import HALO, MARKED
from tests.cases import CASES

SVG = "{http://www.w3.org/2000/svg}"
STRANGE = [
    '"quoted"',
    "two words",
    "<script>alert(1)</script>",
    "a&b",
    "変数",
    "$x^2$",
    "\x00\x1b",
    "]]>",
    "\ud800",
    "",
]


def sample_net(n: int, seed: int = 0) -> BayesNet:
    """A sparse random model, its childless variables observed."""
    random = np.random.default_rng(seed)
    parents = {
        f"v{i}": [f"v{j}" for j in random.choice(i, min(i, random.integers(3)), replace=False)] for i in range(n)
    }
    parents["v1"] = ["v0"]  # something is latent
    kept = {parent for listed in parents.values() for parent in listed}
    return BayesNet(parents, observed=[name for name in parents if name not in kept])


def read_svg(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314


def list_texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(SVG + "text")]


def count_role(root: ElementTree.Element, role: str) -> int:
    return sum(element.get("class") == role for element in root.iter())


@pytest.mark.parametrize("case", [case for case in CASES if len(case.parents) <= 40], ids=str)
def test_small_pictures_show_every_variable_and_every_edge(case):
    inverse = invert(case.net)
    for what, edges in ((case.net, case.net.n_edges), (inverse, inverse.n_edges)):
        root = read_svg(what._repr_svg_())
        assert set(case.parents) <= set(list_texts(root))
        assert count_role(root, "variable") == len(case.parents)
        assert count_role(root, "edge") == edges


def test_a_certificate_marks_what_lacks_and_the_path_that_proves_it():
    certificate = certify(reversal(zoo.asia()))
    picture = certificate.plot()
    text = picture.to_svg()
    assert text.count(f'stroke="{MARKED[MISSING]}"') == certificate.n_missing + 1  # one in the legend
    assert text.count(f'stroke="{HALO}"') == len(certificate.missing[0].path) - 1 + 1 + 1  # the edge, the legend
    assert picture.caption == "open path, why bronc needs either: either -> dysp <- bronc"
    assert "either -&gt; dysp &lt;- bronc" in text


def test_a_certificate_marks_what_could_go():
    certificate = certify(fully_connected(zoo.asia()))
    links = [curve.link for drawing in certificate.plot().drawings for curve in drawing.curves]
    assert sum(link.mark == REMOVABLE for link in links) == certificate.n_removable > 0
    assert not any(link.is_open for link in links)


def test_a_certificate_shows_the_path_of_the_edge_asked_for():
    certificate = certify(mean_field(zoo.binary_tree(3).net))
    edge = certificate.missing[-1]
    assert certificate.plot(edge[:2]).caption.endswith(edge.drawing)
    with pytest.raises(OptionError, match="not missing"):
        certificate.plot(("x6", "x0"))


@pytest.mark.parametrize("n", [MOST_BOXES, MOST_BOXES + 1, 1000])
def test_large_pictures_are_drawn_in_few_boxes_that_stand_for_everything(n):
    net = sample_net(n)
    inverse = invert(net, "min-fill")
    for scene in (net.describe_scene(), inverse.describe_scene()):
        diagram = condense(scene)
        assert len(diagram.boxes) <= MOST_BOXES
        assert sorted(v for box in diagram.boxes for v in box.members) == list(range(n))
        owner = {v: number for number, box in enumerate(diagram.boxes) for v in box.members}
        between = sum(
            diagram.levels[owner[a]] != diagram.levels[owner[b]]
            for a, b in zip(scene.sources.tolist(), scene.targets.tolist(), strict=True)
        )
        assert sum(link.count for link in diagram.links) == between
        assert all(diagram.levels[link.source] < diagram.levels[link.target] for link in diagram.links)
        assert (diagram.note != "") == (len(diagram.boxes) < n)


def test_layers_are_three_boxes_and_their_data_one():
    inverse = invert(zoo.layers(3, 10, 20))
    diagram = condense(inverse.describe_scene())
    assert sorted(len(box.members) for box in diagram.boxes) == [10, 10, 10, 20]
    assert len(diagram.links) == 3
    assert all("x19" in box.tooltip for box in diagram.boxes if len(box.members) == 20)


def test_a_sequence_is_exactly_those_that_depend_on_all_before():
    net = BayesNet({"a": [], "b": [], "c": [], "x": ["a", "b", "c"], "y": ["c"]}, observed=["x", "y"])
    scene = invert(net, order=["a", "b", "c"]).describe_scene()
    groups = [{scene.names[v] for v in group} for group in fold_sequences(scene)]
    assert {"a", "b"} in groups  # c has y above that
    assert {"c"} in groups


def test_plates_are_told_apart_from_what_they_share():
    boxes = condense(invert(zoo.plate(64)).describe_scene()).boxes
    assert sorted(len(box.members) for box in boxes) == [2, 64, 64]


def test_a_long_zigzag_is_told_apart_in_few_rounds():
    """Every round tells two more of its variables apart: all rounds would take hours."""
    n = 5_000
    net = BayesNet(
        {f"x{i}": [f"z{i}", f"z{i + 1}"] for i in range(n)} | {f"z{i}": [] for i in range(n + 1)},
        [f"x{i}" for i in range(n)],
    )
    assert [len(box.members) for box in condense(net.describe_scene()).boxes] == [n + 1, n]


def test_names_are_shown_and_not_run():
    net = BayesNet({name: ["z"] for name in STRANGE} | {"z": []}, observed=STRANGE)
    for what in (net, invert(net), certify(reversal(net)), certify(mean_field(net))):
        root = read_svg(what.plot().to_svg())
        assert {element.tag for element in root.iter()} <= {
            SVG + tag for tag in ("svg", "title", "rect", "path", "text")
        }
        shown = {element.text for element in root.iter(SVG + "title")}
        assert set(STRANGE[:6]) <= shown
        assert what.plot().to_png().startswith(b"\x89PNG")


@given(st.lists(st.text(max_size=30), min_size=2, max_size=5, unique=True))
def test_any_name_gives_well_formed_svg(names):
    net = BayesNet({name: [names[0]] if i else [] for i, name in enumerate(names)}, observed=names[1:])
    drawings = tuple(draw(condense(scene)) for scene in (net.describe_scene(), reversal(net).describe_scene()))
    assert count_role(read_svg(Picture(drawings).to_svg()), "variable") == 2 * len(names)


@settings(max_examples=60)
@given(st.integers(2, 40), st.integers(0, 10_000), st.booleans())
def test_boxes_never_overlap_and_lines_join_their_boxes(n, seed, upward):
    net = sample_net(n, seed)
    diagram = condense(invert(net, "forward").describe_scene()) if upward else condense(net.describe_scene())
    drawing = draw(diagram)
    for number, one in enumerate(drawing.boxes):
        assert one.box.width / 2 <= one.x <= drawing.width - one.box.width / 2
        for other in drawing.boxes[:number]:
            apart_across = abs(one.x - other.x) >= (one.box.width + other.box.width) / 2
            apart_along = abs(one.y - other.y) >= (one.box.height + other.box.height) / 2
            assert apart_across or apart_along
    for curve in drawing.curves:
        for end, point in ((curve.link.source, curve.points[0]), (curve.link.target, curve.points[-1])):
            box = drawing.boxes[end]
            assert abs(point[0] - box.x) <= box.box.width / 2 + 1e-6
            assert abs(point[1] - box.y) <= box.box.height / 2 + 1e-6


def test_trees_have_no_crossings():
    diagram = condense(zoo.binary_tree(5).net.describe_scene())
    items = build_rows(diagram)
    assert count_crossings(sort_rows(items), items) == 0
    centers, _ = place(diagram)
    bottom = sorted(x for x, y in centers if y == max(y for _, y in centers))
    assert min(b - a for a, b in itertools.pairwise(bottom)) >= GAP


def test_crossings_are_counted():
    scene = Scene(tuple("abcd"), np.zeros(4, int), np.array([0, 1]), np.array([3, 2]), np.full(2, PLAIN), "a cross")
    items = build_rows(condense(scene))
    assert count_crossings([[0, 1], [2, 3]], items) == 1
    assert count_crossings([[0, 1], [3, 2]], items) == 0


def test_files_are_svg_or_png(tmp_path):
    inverse = invert(zoo.asia())
    assert read_svg(inverse.plot().save(tmp_path / "a.svg").read_text(encoding="utf-8")).tag == SVG + "svg"
    assert certify(inverse).plot().save(tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OptionError, match=r"\.svg or \.png"):
        inverse.plot().save(tmp_path / "a.pdf")
    with pytest.raises(FileError, match="cannot be written"):
        inverse.plot().save(tmp_path / "no folder" / "a.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.PNG", "a.svg"]


def test_what_is_too_large_is_not_drawn_by_itself():
    inverse = invert(structure_of(zoo.hmm(3000)), "forward")
    assert inverse._repr_svg_() is None
    with pytest.raises(SizeError, match="edges are more than"):
        inverse.plot()
