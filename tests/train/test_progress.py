"""Progress is a live bar on a terminal and a few plain lines elsewhere."""

import io
import re

import pytest

from retrodict.train.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def kind_of_terminal(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")


def report(stream, quiet=False) -> str:
    with Progress("fit", total=1000, stream=stream, quiet=quiet) as progress:
        for done in range(1, 1001):
            progress.update(done, objective=1.0)
    return stream.getvalue()


def last_of(text: str) -> str:
    """What stands in the last line that was drawn, without its colors."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).strip().split("\r")[-1].strip()


def test_a_file_gets_ten_plain_lines():
    lines = report(io.StringIO()).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "fit: 1000/1000 steps, objective 1.000"


def test_a_terminal_gets_a_bar_with_the_rate_and_the_time_left():
    text = report(Terminal())
    assert text.count("\n") == 1
    assert re.fullmatch(r"fit ━+ 1000/1000 objective 1\.000 [\d,]+\.\d steps/s 0:00:\d\d", last_of(text)), last_of(text)
    assert "\x1b[3" in text


def test_a_bar_tells_the_time_left_before_the_end():
    stream = Terminal()
    with Progress("fit", total=1000, stream=stream) as progress:
        for done in (100, 200, 300):
            progress.update(done, objective=2.0)
    assert re.search(r"300/1000 objective 2\.000 [\d,]+\.\d steps/s 0:00:\d\d$", last_of(stream.getvalue()))


def test_a_bar_has_no_color_where_none_is_wanted(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in report(Terminal())


def test_a_terminal_that_cannot_draw_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    text = report(Terminal())
    assert "\x1b" not in text
    assert len(text.splitlines()) == 10


def test_quiet_says_nothing():
    assert report(io.StringIO(), quiet=True) == ""
    assert report(Terminal(), quiet=True) == ""
