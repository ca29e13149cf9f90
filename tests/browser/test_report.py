"""The report in a real browser: it opens quietly, clicking and keys work, names are shown and never run."""

import csv
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from retrodict import BayesNet, certify, fully_connected, invert, lint, mean_field, reversal, zoo
from retrodict.certificate.evidence import Knowledge
from retrodict.report import write_report
from tests.browser.driver import Browser
from tests.pictures.test_pictures import STRANGE, sample_net

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.close()


@pytest.fixture
def open_report(browser, tmp_path):
    def call(net, guide=None, title="a model"):
        seconds = browser.open(write_report(net, tmp_path / "report.html", guide, title=title, budget=0.1))
        assert browser.list_messages() == []
        return seconds

    yield call
    assert browser.list_messages() == []
    loaded = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert loaded == []


def test_it_opens_on_the_first_missing_edge(browser, open_report):
    certificate = certify(reversal(zoo.asia()))
    open_report(zoo.asia(), certificate)
    first = certificate.missing[0]
    assert browser.text("#latent-title") == first.child == "bronc"
    assert browser.text("[aria-pressed=true] .path") == "either → dysp ← bronc"
    assert "it is known: its causes explain each other" in browser.text("#why")
    assert browser.run("return document.querySelectorAll('#model .halos path').length") == 2
    assert "lacks 3 edges" in browser.text("#verdict")


def test_clicking_a_latent_shows_its_parents(browser, open_report):
    inverse = invert(zoo.asia())
    open_report(zoo.asia())
    for name in inverse.net.latents:
        browser.click(f"#inverse [aria-label='latent {name}']")
        assert browser.text("#latent-title") == name
        shown = browser.run("return [...document.querySelectorAll('#parents .name')].map((e) => e.textContent)")
        assert shown == list(inverse.parents[name])
        incoming = browser.run("return document.querySelectorAll('#inverse .incoming').length")
        assert incoming == len(inverse.parents[name])


def test_clicking_a_parent_draws_why_it_is_needed(browser, open_report):
    net = zoo.binary_tree(3).net
    open_report(net)
    browser.click("#order-1")
    browser.click(f"#latent-{net.index('x2')}")
    browser.click(f"#parent-{net.index('x3')}")
    assert browser.text("[aria-pressed=true] .path") == "x3 ← x1 ← x0 → x2"
    on_path = browser.run("return [...document.querySelectorAll('#model .on-path')].map((e) => e.ariaLabel)")
    assert sorted(on_path) == ["latent x0", "latent x1", "latent x2", "observed x3"]
    assert browser.run("return document.activeElement.id") == f"parent-{net.index('x3')}"


def test_switching_orders_switches_everything(browser, open_report):
    net = zoo.binary_tree(4).net
    open_report(net)
    rows = browser.run("return [...document.querySelectorAll('#orders tr')].map((row) => row.innerText)")
    for number, row in enumerate(rows):
        browser.click(f"#order-{number}")
        order = row.split("\t")[0].split()[0]
        inverse = invert(net, order, budget=0.1)
        assert row.split("\t")[1:4] == [str(n) for n in (inverse.n_edges, inverse.depth, inverse.width)]
        listed = browser.run(
            "return [...document.querySelectorAll('#latents option')].map((o) => o.text.split(' (')[0])"
        )
        assert listed == list(inverse.sampling_order)
        assert browser.run("return document.querySelectorAll('#inverse .edge').length") == inverse.n_edges


def test_the_guides_edges_come_and_go(browser, open_report):
    net = zoo.binary_tree(3).net
    open_report(net, certify(mean_field(net)))
    browser.click("#order-1")
    browser.click("#show-guide")
    assert "The guide has 12 edges" in browser.text("#guide-summary")
    dashed = browser.run("return document.querySelectorAll('.guide-only').length")
    thick = browser.run("return document.querySelectorAll('.in-guide').length")
    guide, inverse = mean_field(net), invert(net)
    shared = sum(parent in guide.parents[child] for child in net.latents for parent in inverse.parents[child])
    assert (thick, dashed) == (shared, 12 - shared)
    browser.click("#show-guide")
    assert browser.run("return document.querySelectorAll('.guide-only, .in-guide').length") == 0


def test_everything_can_be_reached_by_keys(browser, open_report):
    open_report(zoo.binary_tree(3).net, certify(reversal(zoo.binary_tree(3).net)))
    browser.run("document.querySelector('#order-0').focus()")
    browser.press("ArrowDown")
    assert browser.run("return document.querySelector('#order-1').checked")
    reached = set()
    for _ in range(40):
        browser.press("Tab")
        reached.add(browser.run("return document.activeElement.closest('[id]')?.id"))
    assert {"search", "latents", "show-guide", "inverse", "model"} <= reached
    assert any(name.startswith("parent-") for name in reached if name)
    browser.run("document.querySelector('#inverse .box[tabindex=\"0\"]').focus()")
    before = browser.run("return document.activeElement.ariaLabel")
    browser.press("ArrowDown") if "x0" in before else browser.press("ArrowUp")
    after = browser.run("return document.activeElement.ariaLabel")
    assert after != before
    if after.startswith("latent"):
        browser.press("Enter")
        assert browser.text("#latent-title") == after.removeprefix("latent ")


def test_searching_narrows_the_list(browser, open_report):
    open_report(zoo.binary_tree(5).net)
    browser.run("const s = document.querySelector('#search'); s.value = 'x1'; s.dispatchEvent(new Event('input'))")
    listed = browser.run("return [...document.querySelectorAll('#latents option')].map((o) => o.text.split(' (')[0])")
    assert set(listed) == {"x1", "x10", "x11", "x12", "x13", "x14"}


def test_names_are_shown_and_not_run(browser, open_report):
    evil = [*STRANGE, "</script><script>document.title='run'</script>", "<img src=x onerror=\"document.title='run'\">"]
    evil += ["<!--", "{{data}}", "__proto__", "' onclick='document.title=1"]
    net = BayesNet(
        {name: ["z"] for name in evil[::2]} | {name: [] for name in evil[1::2]} | {"z": evil[1::2]}, evil[::2]
    )
    for guide in (certify(mean_field(net)), certify(reversal(net)), lint(net, dict(fully_connected(net).parents))):
        open_report(net, guide, title="</title><script>document.title='run'</script>")
        assert browser.run("return document.title").startswith("</title><script>")
        for latent in net.latent_index.tolist():
            browser.click(f"#latent-{latent}")
            name = str(net.names[latent]).replace("\ud800", "\ufffd")
            assert browser.text("#latent-title") == (name or "(empty name)")
        assert browser.run("return document.querySelectorAll('img, main script, [onerror], [onclick]').length") == 0
        assert browser.run("return document.title") != "run"


def test_a_script_that_came_in_would_not_run(browser, open_report):
    """The policy of the page refuses every script but its own."""
    open_report(zoo.asia())
    browser.run("const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)")
    assert browser.run("return window.ran === undefined")
    assert any("Content Security Policy" in message for message in browser.list_messages())


def test_a_thousand_variables_open_in_two_seconds(browser, open_report):
    net = sample_net(1000)
    assert open_report(net, certify(reversal(net))) < 2
    latent = net.latent_index[-1]
    browser.click("#order-1")
    browser.run("document.querySelector(`#latent-${arguments[0]}`).selected = true", int(latent))
    browser.run("document.querySelector('#latents').dispatchEvent(new Event('change'))")
    assert browser.text("#latent-title") == net.names[latent]
    browser.run("document.querySelector('#inverse .box.several.latent').dispatchEvent(new Event('click'))")
    assert " of " in browser.text("#listed")
    browser.click("#all-latents")
    assert browser.run("return document.querySelectorAll('#latents option').length") == len(net.latents)


@pytest.fixture
def any_width(browser):
    yield browser.resize
    browser.resize(1400, 1500)


@pytest.mark.parametrize("width", [1400, 1300, 420])
def test_the_whole_path_and_every_verdict_are_in_sight(browser, open_report, any_width, width):
    """However long the names of the path are: its last step, the latent, lies inside of its panel."""
    chain = [f"variable number {i} of a long chain" for i in range(12)]
    net = BayesNet({name: chain[i : i + 1] for i, name in enumerate(chain[1:])} | {chain[0]: []}, chain[-1:])
    any_width(width)
    open_report(net, certify(mean_field(net)))
    browser.click("#order-3")
    browser.click(f"#latent-{net.index(chain[0])}")
    steps = browser.run("return [...document.querySelectorAll('.chain .step')].map((e) => e.textContent)")
    assert steps == chain[::-1]
    boxes = browser.run(
        "return [...document.querySelectorAll('.chain .step, .reasons, #orders .verdict')].map((e) => {"
        "const r = e.getBoundingClientRect(); return [e.className.split(' ')[0], r.left, r.right, r.width]; })"
    )
    (panel,) = [box for box in boxes if box[0] == "panel"]
    assert all(panel[1] < box[1] and box[2] < panel[2] for box in boxes if box[0] == "step")
    assert sum(box[0] == "verdict" for box in boxes) >= 7
    assert all(box[1] >= 0 and box[2] <= width and box[3] > 60 for box in boxes)
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_words_are_explained(browser, open_report):
    open_report(zoo.asia())
    explained = browser.run("return [...document.querySelectorAll('#words dt')].map((e) => e.textContent)")
    assert {"faithful", "minimal", "barren", "certificate", "missing", "removable"} <= set(explained)
    browser.click("a[href='#words']")
    assert browser.run("return document.querySelector('#words').getBoundingClientRect().top") < 1400


def test_a_switched_off_box_says_why(browser, open_report):
    open_report(zoo.asia(), certify(reversal(zoo.asia())))
    assert browser.run("return document.querySelector('#show-guide').disabled")
    why = "document.querySelector('#' + document.querySelector('#show-guide').getAttribute('aria-describedby'))"
    assert browser.run(f"return {why}.textContent").startswith("Your guide itself is shown. Choose an order")
    browser.click("#order-1")
    assert not browser.run("return document.querySelector('#show-guide').disabled")
    assert browser.run(f"return {why}.textContent") == ""


def test_the_table_is_saved_as_csv(browser, open_report, tmp_path):
    guide = certify(reversal(zoo.asia()))
    open_report(zoo.asia(), guide, title='a "model", of mine')
    head, first, *others = csv.reader(browser.download("#download-orders", tmp_path).decode().splitlines())
    assert head == ["order", "edges", "depth", "width", "multiplications", "missing", "removable"]
    inverse = guide.inverse
    assert first[:4] == ["your guide (reversal)", *map(str, (inverse.n_edges, inverse.depth, inverse.width))]
    assert first[5:] == [str(guide.n_missing), str(guide.n_removable)]
    assert {row[5] for row in others} == {"0"}
    assert browser.run("return writeCsv([['a,b', 'c\"d', 3]])") == '"a,b","c""d",3\r\n'


@pytest.mark.parametrize("which", ["inverse", "model"])
def test_pictures_are_saved_as_they_look(browser, open_report, tmp_path, which):
    """With their colors in the file, any names as text, and nothing that the policy of the page refuses."""
    evil = "<img src=x onerror=\"document.title='run'\">"
    net = BayesNet({"z": [], evil: ["z"], "w": ["z"], "x": [evil, "w"]}, observed=["x"])
    open_report(net, certify(mean_field(net)))
    picture = ET.fromstring(browser.download(f"#download-{which}", tmp_path))  # noqa: S314
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    parts = [element for element in picture.iter() if element.tag.endswith(("rect", "path", "text"))]
    assert all(element.get("fill") for element in parts)
    assert any(element.get("stroke", "").startswith("rgb(") for element in parts)
    assert not any(name in ("class", "style") for element in parts for name in element.attrib)
    assert evil in [
        title.text.split(", ")[0] for title in picture.iter("{http://www.w3.org/2000/svg}title") if title.text
    ]


def test_paper_is_white_and_whole(browser, open_report):
    net = zoo.binary_tree(5).net
    open_report(net, certify(reversal(net)))
    shown = "(selector) => document.querySelector(selector).getClientRects().length > 0"
    hidden = ["#search", "#download-orders", "#download-model", ".skip", "#guide-toggle"]
    try:
        for media in ("screen", "print"):
            browser.imitate(media, dark=True)
            white = browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            buttons = browser.run(f"return arguments[0].map({shown})", hidden)
            cut = browser.run(
                "return ['#parents', '.edges-list'].some((s) => {"
                "const e = document.querySelector(s); return e.scrollHeight > e.clientHeight + 1; })"
            )
            assert (white, any(buttons), all(buttons), cut) == (
                (True, False, False, False) if media == "print" else (False, True, True, True)
            )
    finally:
        browser.imitate("", dark=False)


def test_dark_colors_have_contrast(tmp_path):
    """Text against its background, in both modes, by the formula of WCAG 2: at least 4.5 to 1."""
    page = write_report(zoo.asia(), tmp_path / "report.html", certify(reversal(zoo.asia())))
    for dark in (False, True):
        window = Browser(tmp_path / f"profile-{dark}", dark=dark)
        try:
            window.open(page)
            assert window.run("return matchMedia('(prefers-color-scheme: dark)').matches") == dark
            colors = window.run(
                "const s = getComputedStyle(document.documentElement);"
                "return Object.fromEntries(arguments[0].map((n) => [n, s.getPropertyValue('--' + n).trim()]))",
                ["paper", "sheet", "ink", "soft", "missing", "removable", "good", "accent-soft"],
            )
        finally:
            window.close()
        for text in ("ink", "soft", "missing", "removable", "good"):
            assert contrast(colors[text], colors["sheet"]) >= 4.5, (dark, text)
            assert contrast(colors[text], colors["paper"]) >= 4.5, (dark, text)


def contrast(one: str, other: str) -> float:
    lights = sorted(luminance(color) for color in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(color: str) -> float:
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


SEARCH = """
return arguments[0].map(({parents, given, child, wanted}) => {
  const model = {parents, children: listChildren(parents)};
  const paths = traceOpenPaths(model, learn(model, given), child, wanted);
  return wanted.map((target) => paths.get(target) ?? null);
});
"""


def ask_at_random(random):
    """A random model, what is known in it and a child."""
    n = int(random.integers(3, 13))
    chance = random.uniform(0.1, 0.6)
    lists = [np.flatnonzero(random.random(i) < chance).tolist() for i in range(n)]
    order = random.permutation(n).tolist()
    return lists, order[0], order[1 : 1 + int(random.integers(n))]


def ask_about_a_detour(random):
    """A collider that only the target opens, and a way round to the target that is shorter than the way down."""
    n = int(random.integers(9, 16))
    child, other, collider, *chain, target = sorted(
        random.choice(n, int(random.integers(6, 9)), replace=False).tolist()
    )
    lists = [np.flatnonzero(random.random(i) < 0.04).tolist() for i in range(n)]
    for parent, below in [(child, collider), (other, collider), (other, target), *pairwise([collider, *chain, target])]:
        lists[below] = sorted({*lists[below], parent})
    others = [v for v in range(n) if v not in (child, other, collider, target) and random.random() < 0.15]
    return lists, child, [target, *others]


def test_the_page_finds_the_same_paths_as_python(browser, open_report, monkeypatch):
    """On random models, and on such where paths must be led down: for every known variable the same path, or none."""
    led = []
    lead_down = Knowledge._lead_down
    monkeypatch.setattr(Knowledge, "_lead_down", lambda *given: led.append(1) or lead_down(*given))
    open_report(zoo.asia())
    random = np.random.default_rng(0)
    questions, answers = [], []
    for ask in [ask_at_random] * 400 + [ask_about_a_detour] * 400:
        lists, child, given = ask(random)
        net = BayesNet(dict(enumerate(lists)), observed=[0])
        child, given = net.index(child), [net.index(v) for v in given]
        found = Knowledge(net, np.array(given, dtype=np.int64)).trace(child, given)
        questions.append({"parents": net.parent_rows.to_lists(), "given": given, "child": child, "wanted": given})
        answers.append([found[target][0] if target in found else None for target in given])
    assert browser.run(SEARCH, questions) == answers
    assert sum(path is not None for answer in answers for path in answer) > 400
    assert sum(path is None for answer in answers for path in answer) > 100
    assert len(led) > 100
