"""Verdicts in color on a terminal, the same words without it elsewhere; one table for both doors."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from retrodict import fully_connected, invert, reversal, zoo
from retrodict.certificate.certify import certify
from retrodict.cli.printing import print_calibration, print_certificate, print_orders
from retrodict.exact.comparing import compare
from retrodict.invert.compare import COLUMNS
from retrodict.posterior.calibration.calibration import Calibration

RED, GREEN, YELLOW = "\x1b[31m", "\x1b[32m", "\x1b[33m"
BOLD_RED, BOLD_GREEN = "\x1b[1;31m", "\x1b[1;32m"
TREE = zoo.binary_tree(3)


def capture(show, *values, terminal: bool = True) -> str:
    system = "standard" if terminal else None
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal, color_system=system, legacy_windows=False)
    show(console, *values)
    return console.file.getvalue()


@pytest.fixture(autouse=True)
def colors(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def test_faithful_is_green_and_unfaithful_red():
    assert f"{BOLD_GREEN}faithful, minimal" in capture(print_certificate, certify(invert(TREE)))
    text = capture(print_certificate, certify(reversal(TREE.net)))
    assert f"{BOLD_RED}unfaithful: 3 edges missing" in text
    assert text.count(f"{RED}  missing ") == 3


def test_an_edge_that_can_go_is_yellow():
    text = capture(print_certificate, certify(fully_connected(zoo.asia())))
    assert text.count(f"{YELLOW}  removable ") == 16  # 27 edges, of which 11 are needed


@pytest.fixture
def rejected():
    even = np.random.default_rng(0).random((400, 4))
    even[:, 1] **= 3
    return Calibration(("a", "b", "log q(z | x)", "TARP"), even, 99, 0.001)


def test_rejected_checks_are_red(rejected):
    assert rejected.rejected == ("b",)
    text = capture(print_calibration, rejected)
    assert [line.split()[0] for line in text.splitlines() if line.startswith(RED)] == [f"{RED}b"]
    assert f"{BOLD_RED}1 of 4 quantities rejected" in text
    assert strip(text).splitlines() == str(rejected).splitlines()


def strip(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_no_color_where_none_is_wanted(monkeypatch, rejected):
    monkeypatch.setenv("NO_COLOR", "1")
    for text in (capture(print_certificate, certify(reversal(TREE.net))), capture(print_calibration, rejected)):
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]", text)


def test_no_escapes_where_there_is_no_terminal(run):
    for command in (["check", "tree:3", "--guide", "reversal"], ["invert", "tree:3"], ["compare", "tree:3"]):
        assert "\x1b" not in run(*command)[1]


# -- one table ---------------------------------------------------------------------------------------


def test_the_command_line_shows_the_table_of_the_library():
    table = compare(zoo.binary_tree(4))
    text = capture(print_orders, table, terminal=False)
    shown = [line.split() for line in text.splitlines()]
    for line in str(table).splitlines():
        assert line.split() in shown
    assert str(table).splitlines()[0].split() == " ".join(COLUMNS).split()
    assert "stored" not in str(table)


def test_optimal_is_explained_where_an_order_is_optimal():
    table = compare(zoo.binary_tree(4))
    assert "optimal: proved that no order has fewer edges" in capture(print_orders, table)
    unproved = replace(table, rows=tuple(row for row in table.rows if not row.proved))
    assert unproved.rows
    assert "optimal" not in capture(print_orders, unproved)
