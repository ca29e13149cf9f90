"""Write docs/correctness.md from the report of a nightly run: `make nightly`.

Tests leave figures in the report (JUnit XML): the law, how many models or questions they checked, on how many of them
it failed. Here they are summed by law. A run that was cut in pieces has several reports: give them all.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.stamp import ROOT, stamp

PAGE = ROOT / "docs" / "correctness.md"
MADE_OF = ("src/retrodict", "tests")
HEAD = """\
# Correctness, counted

Made by `make nightly`, or parts of it, on {date}: {versions}, Python {python}.
{passed} of {tests} tests passed.

Models: every order (forward, reverse, min-fill, min-degree, nested dissection, auto) gives exactly the minimal parents
that the definition asks for along its own sampling order, the certificate agrees, and `auto` has the fewest edges of
all elimination orders, found by dynamic programming. Barren latents are set aside first. Random models have shuffled
labels (strings, integers, tuples), disconnected parts, barren latents and observed variables with children. Seconds
are those of one core.

| law | checked | without barren latents | failures | held | seconds |
|---|---|---|---|---|---|
"""

Figures = dict[str, float]


def read_figures(reports: Sequence[Path]) -> tuple[dict[str, Figures], int, int]:
    """Return the figures of each law, the number of tests, and how many of them passed."""
    laws: dict[str, Figures] = {}
    cases = [case for report in reports for case in ElementTree.parse(report).iter("testcase")]
    for case in cases:
        left = {str(entry.get("name")): str(entry.get("value")) for entry in case.iter("property")}
        if "law" in left:
            law = laws.setdefault(left.pop("law"), {})
            for name, value in {**left, "seconds": case.get("time", "0")}.items():
                law[name] = law.get(name, 0) + float(value)
    passed = sum(case.find("failure") is None and case.find("error") is None for case in cases)
    return laws, len(cases), passed


def write_row(law: str, figures: Figures) -> str:
    """Return a line of the table."""
    checked, failed = figures["checked"], figures["failed"]
    informed = f"{figures['informed']:,.0f}" if "informed" in figures else ""
    held = f"{(checked - failed) / checked:.4%}"
    return f"| {law} | {checked:,.0f} | {informed} | {failed:,.0f} | {held} | {figures['seconds']:,.0f} |"


def write_page(reports: Sequence[Path]) -> str:
    """Return the page."""
    laws, tests, passed = read_figures(reports)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("retrodict", "numpy", "networkx"))
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    head = HEAD.format(date=date, versions=versions, python=platform.python_version(), passed=passed, tests=tests)
    return head + "".join(write_row(law, figures) + "\n" for law, figures in laws.items())


def main() -> None:
    """Read the report and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", type=Path, nargs="+")
    PAGE.write_text(stamp(write_page(parser.parse_args().reports), *MADE_OF))


if __name__ == "__main__":
    main()
