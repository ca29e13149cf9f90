"""The panel for any other question, in a real browser: evidence is pressed, and the inverse changes with it."""

from __future__ import annotations

import numpy as np
import pytest

from retrodict import BayesNet, invert, zoo
from retrodict.invert.asked.drawing_order import find_drawing_order
from retrodict.posterior.any_evidence.gated.evidence_sets import find_barren, find_parents, list_drawn
from retrodict.report import write_report
from tests.browser.driver import Browser

pytestmark = pytest.mark.browser

INVERT = """
const listed = arguments[0];
return listed.map(({ parents, given, order }) => invertFor({ parents, children: listChildren(parents) }, given, order)
  .map((row) => [row.variable, row.parents, row.barren]));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.close()


def list_lines(browser):
    return browser.run("return [...document.querySelectorAll('#question-parents li')].map((e) => e.textContent)")


def test_pressing_evidence_changes_the_inverse(browser, tmp_path):
    net = zoo.asia()
    browser.open(write_report(net, tmp_path / "report.html", budget=0.1))
    assert "2 variables known" in browser.text("#question-facts")
    browser.click("#question [aria-label='smoke: known']")
    assert "3 variables known" in browser.text("#question-facts")
    given = [*net.observed, "smoke"]
    known = np.isin(net.names, given)
    parents = find_parents(net, known)
    drawn = list_drawn(net, known)
    expected = [f"{net.names[v]}: {', '.join(net.to_names(np.flatnonzero(parents[v]))) or 'nothing'}" for v in drawn]
    assert list_lines(browser) == expected
    edges = invert(net, net.to_names(drawn[::-1]), given=given).n_edges
    assert f"{edges} edges" in browser.text("#question-facts")
    assert browser.run("return document.querySelectorAll('#question .edge').length") == edges
    browser.click("#evidence-none")
    assert all(line.endswith("(from the model)") for line in list_lines(browser))
    browser.click("#evidence-data")
    assert "2 variables known" in browser.text("#question-facts")
    assert browser.list_messages() == []


def test_the_page_finds_the_same_inverses_as_python(browser, tmp_path):
    browser.open(write_report(zoo.asia(), tmp_path / "report.html", budget=0.1))
    rng, questions, answers = np.random.default_rng(0), [], []
    for _ in range(300):
        n = int(rng.integers(2, 12))
        lists = {v: np.flatnonzero(rng.random(v) < 0.3).tolist() for v in range(n)}
        net = BayesNet(lists, observed=[0])
        known = rng.random(n) < rng.random()
        parents, barren = find_parents(net, known), find_barren(net, known)
        questions.append(
            {
                "parents": net.parent_rows.to_lists(),
                "given": np.flatnonzero(known).tolist(),
                "order": list(find_drawing_order(net)),
            }
        )
        free = list_drawn(net, known)
        answers.append([[v, np.flatnonzero(parents[v]).tolist(), bool(barren[v])] for v in free])
    assert browser.run(INVERT, questions) == answers


def test_large_models_say_where_to_ask(browser, tmp_path):
    browser.open(write_report(zoo.binary_tree(7).net, tmp_path / "report.html", budget=0.1))
    assert "rd.invert(net, given=" in browser.text("#questions")
    assert browser.list_messages() == []
