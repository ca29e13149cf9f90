"""Progress is a live line on a terminal and a few plain lines elsewhere."""

import io

from retrodict.train.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report(stream, quiet=False) -> str:
    with Progress("fit", total=1000, stream=stream, quiet=quiet) as progress:
        for done in range(1, 1001):
            progress.update(done, objective=1.0)
    return stream.getvalue()


def test_a_file_gets_ten_plain_lines():
    lines = report(io.StringIO()).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "fit: 1000/1000 steps, objective 1.000"


def test_a_terminal_gets_one_line_rewritten_in_place():
    text = report(Terminal())
    assert text.startswith("\rfit: ")
    assert text.count("\n") == 1
    assert "1000/1000" in text


def test_quiet_says_nothing():
    assert report(io.StringIO(), quiet=True) == ""
    assert report(Terminal(), quiet=True) == ""
