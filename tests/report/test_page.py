"""The page of a report without a browser: whole, self-contained, true to the library, and safe for any name."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from retrodict import BayesNet, certify, fully_connected, invert, lint, mean_field, reversal, zoo
from retrodict.errors import FileError, SizeError
from retrodict.invert.orders import ORDERS
from retrodict.report import content, write_report
from retrodict.report.page import SCRIPTS, read_part, to_embedded_json
from tests.pictures.test_pictures import STRANGE, sample_net

VOID = {"meta", "input", "link", "br", "img"}


class Page(HTMLParser):
    """Tags in their order, each with its attributes and text; raises nothing and balances what is opened and closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


@pytest.fixture
def report(tmp_path):
    def call(net, guide=None, title="a model"):
        return write_report(net, tmp_path / "report.html", guide, title=title, budget=0.1).read_text(encoding="utf-8")

    return call


def read_data(text):
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.DOTALL)
    return json.loads(data)


def test_the_page_is_balanced_and_its_ids_are_its_own(report):
    page = Page(report(zoo.asia(), certify(reversal(zoo.asia()))))
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labeled = {attributes["for"] for _, attributes in page.tags if "for" in attributes}
    assert labeled <= set(ids)
    asked = set(re.findall(r'find\("([\w-]+)"\)', read_part("explorer.js")))
    assert asked <= set(ids)


def test_the_page_loads_nothing(report):
    text = report(zoo.asia(), certify(reversal(zoo.asia())))
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "base", "form"}
    sources = [attributes.get(key) for _, attributes in page.tags for key in ("src", "href") if key in attributes]
    assert sources == ["#explorer", "#words"]
    assert set(re.findall(r"https?://[^\s\"'<>]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(|eval\(|innerHTML|document\.write", text)


def test_the_policy_names_exactly_the_script_and_the_style(report):
    page = Page(report(zoo.asia()))
    (policy,) = (attributes["content"] for _, attributes in page.tags if "http-equiv" in attributes)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"

    def name(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    (style,), scripts = page.texts["style"], page.texts["script"]
    assert rules["style-src"] == name(style)
    assert rules["script-src"] == name(scripts[-1])
    assert scripts[-1] == "\n".join(map(read_part, SCRIPTS))


def test_names_stay_in_their_data(report):
    evil = [*STRANGE, "</script><script>alert(1)</script>", "<!-- <script>", "{{script}}", "&lt;", "\u2028"]
    net = BayesNet({name: ["z"] for name in evil} | {"z": []}, observed=evil)
    text = report(net, certify(mean_field(net)), title='</title><script>alert("title")</script>')
    page = Page(text)
    assert page.open == []
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    assert page.texts["title"][0].startswith('</title><script>alert("title")</script>')
    data = read_data(text)
    assert data["names"] == list(net.names)


def test_the_data_are_those_of_the_library(report):
    net, guide = zoo.asia(), certify(reversal(zoo.asia()))
    data = read_data(report(net, guide))
    assert data["observed"] == net.observed_index.tolist()
    assert [data["names"][v] for v in data["latents"]] == list(net.latents)
    assert [[data["names"][p] for p in row] for row in data["parents"]] == [
        list(net.parents(name)) for name in net.names
    ]
    assert len(data["views"]) == 2 + len(ORDERS)
    made = [guide.inverse, *(invert(net, order, budget=0.1) for order in ("auto", *ORDERS))]
    for view, inverse in zip(data["views"], made, strict=True):
        sampled = [data["names"][v] for v in view["sampling"]]
        assert sampled == list(inverse.sampling_order)
        parents = {
            data["names"][v]: tuple(data["names"][p] for p in row)
            for v, row in zip(data["latents"], view["parents"], strict=True)
        }
        assert parents == dict(inverse.parents)
        verdict = certify(inverse)
        missing = [(data["names"][p], data["names"][c]) for p, c in view["missing"]]
        assert missing == [edge[:2] for edge in verdict.missing]
        assert view["removableCount"] == len(view["removable"]) == verdict.n_removable
        assert (view["edges"], view["depth"], view["width"]) == (inverse.n_edges, inverse.depth, inverse.width)


@pytest.mark.parametrize(
    ("guide", "sentence"),
    [
        (fully_connected, "Faithful: the inverse states no independence that the model does not imply. 16 edges of it"),
        (mean_field, "Unfaithful: the inverse lacks 8 edges"),
        (invert, "Minimal: no edge can be dropped."),
    ],
)
def test_the_verdict_is_said_in_words(report, guide, sentence):
    assert sentence in read_data(report(zoo.asia(), certify(guide(zoo.asia()))))["views"][0]["sentence"]


def test_a_guide_of_ones_own_comes_first(report):
    guide = lint(zoo.asia(), {name: ["xray"] for name in zoo.asia().latents})
    view = read_data(report(zoo.asia(), guide))["views"][0]
    assert view["isGuide"]
    assert view["title"] == "your guide"
    assert read_data(report(zoo.asia(), certify(reversal(zoo.asia()))))["views"][0]["title"] == "your guide (reversal)"


def test_more_verdicts_than_a_page_lists_are_counted(report, monkeypatch):
    monkeypatch.setattr(content, "MOST_VERDICTS", 3)
    view = read_data(report(zoo.asia(), certify(mean_field(zoo.asia()))))["views"][0]
    assert (len(view["missing"]), view["missingCount"]) == (3, 8)
    assert "This page lists 3 of each at most." in view["sentence"]


def test_large_models_are_written_in_groups(report):
    data = read_data(report(sample_net(1000)))
    assert all(len(view["drawing"]["boxes"]) <= 60 for view in data["views"])
    assert sorted(v for box in data["drawing"]["boxes"] for v in box["members"]) == list(range(1000))


def test_what_would_make_the_page_too_large_is_left_out_and_named(report, monkeypatch):
    net = zoo.hmm(16).net
    monkeypatch.setattr(content, "MOST_EDGES", 200)
    text = report(net)
    assert "Left out, because the page would be too large: forward, reverse" in text
    monkeypatch.setattr(content, "MOST_EDGES", 50)
    with pytest.raises(SizeError, match="every inverse has more edges"):
        report(net)
    monkeypatch.setattr(content, "MOST_VARIABLES", 10)
    with pytest.raises(SizeError, match="32 variables"):
        report(net)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileError, match="cannot be written"):
        write_report(zoo.asia(), tmp_path / "no" / "report.html")


def test_json_cannot_end_its_script():
    text = to_embedded_json({"</script>": ["<!--", "\u2028", "\ud800"]})
    assert not set(text) & set("<>&\u2028\ud800")
    assert json.loads(text) == {"</script>": ["<!--", "\u2028", "\ud800"]}
