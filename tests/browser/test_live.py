"""The live page in a real browser: it loads nothing from elsewhere, and inverts what is pasted. Needs `make docs`."""

import functools
import http.server
import threading
import time

import pytest

from tests.browser.driver import Browser
from tests.processes import ROOT

SITE = ROOT / "build" / "site"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (SITE / "_static" / "live" / "retrodict.zip").exists(), reason="make docs builds the site"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.close()


def wait_for(browser, script, seconds=120):
    started = time.monotonic()
    while not (found := browser.run(script)):
        assert time.monotonic() - started < seconds, browser.text("#live-status")
        time.sleep(0.1)
    return found


def invert(browser, text):
    browser.run("delete document.documentElement.dataset.live; document.getElementById('live-error').textContent = ''")
    browser.run("document.getElementById('live-observed').value = ''")
    browser.run("document.getElementById('live-text').value = arguments[0]", text)
    browser.run("document.getElementById('live-go').click()")


def test_it_inverts_what_is_pasted_and_loads_nothing_from_elsewhere(browser, address):
    browser.show(f"{address}/live.html")
    wait_for(browser, "return document.documentElement.dataset.live")
    names = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(names) > 8
    assert [name for name in names if not name.startswith((address, "data:"))] == []

    invert(browser, (ROOT / "tests" / "data" / "asia.bif").read_text(encoding="utf-8"))
    wait_for(browser, "return document.documentElement.dataset.live")
    report = "document.getElementById('live-report').contentDocument"
    wait_for(browser, f"return {report} && {report}.querySelectorAll('#orders tr').length > 4")
    assert browser.run(f"return {report}.getElementById('orders').textContent").count("faithful, minimal") >= 6

    invert(browser, "a | b")
    assert "no variable of its own" in wait_for(browser, "return document.getElementById('live-error').textContent")
