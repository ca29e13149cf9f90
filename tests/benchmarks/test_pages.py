"""Generated pages say from which commit they are, and those that are cheap to make are as the code makes them now."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import orders, real_networks
from benchmarks.stamp import LINE, find_commit, stamp, unstamp
from retrodict import from_bif
from tests.processes import ROOT

PAGES = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "benchmarks",
            "benchmarks-certificates",
            "benchmarks-evidence",
            "benchmarks-hierarchical",
            "benchmarks-inversion",
            "benchmarks-posteriors",
            "benchmarks-sbi",
            "benchmarks-sbibm",
            "benchmarks-volatility",
            "correctness",
            "discrete-posteriors",
            "figure2",
            "music",
            "networks",
            "orders",
            "semi-supervised",
            "vae",
        )
    ),
]


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_says_from_which_commit_it_is(page: str) -> None:
    assert len(LINE.findall((ROOT / page).read_text(encoding="utf-8"))) == 1


def test_every_page_that_says_how_it_is_made_is_listed() -> None:
    made = ("Made by `", "Written by `")
    pages = [path for path in (ROOT / "docs").glob("*.md") if any(how in path.read_text("utf-8")[:300] for how in made)]
    assert {str(path.relative_to(ROOT)) for path in pages} <= set(PAGES)


def test_the_tables_of_orders_are_those_of_the_code() -> None:
    comparisons = orders.compare_all()
    assert unstamp(orders.PAGE.read_text(encoding="utf-8")) == orders.write_page(comparisons), "run `make tables`"
    assert unstamp(orders.read_summary()) == orders.write_summary(comparisons), "run `make tables`"


def test_asia_among_the_real_networks_is_that_of_the_code() -> None:
    model = from_bif(ROOT / "tests" / "data" / "asia.bif")
    section = real_networks.write_section("asia", model, real_networks.judge_all(model))
    assert section in real_networks.PAGE.read_text(encoding="utf-8"), "run `make networks`"


def test_a_stamp_names_the_last_commit_that_touched_the_paths(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)  # noqa: S603, S607
        return done.stdout.strip()

    git("init", "--quiet")
    for name in ("code", "other"):
        (tmp_path / name).write_text("1")
        git("add", name)
        git("commit", "--quiet", "-m", name)
    commits = git("log", "--format=%h", "--abbrev=9").split()
    assert [find_commit(name, root=tmp_path) for name in ("other", "code")] == commits
    (tmp_path / "code").write_text("2")
    assert find_commit("code", root=tmp_path) == f"{commits[1]} + changes"
    assert find_commit("other", root=tmp_path) == commits[0]


def test_a_page_of_no_repository_says_so(tmp_path: Path) -> None:
    assert find_commit("code", root=tmp_path / "nowhere") == "unknown"


def test_a_page_without_its_stamp_is_the_page() -> None:
    page = "# Title\n\nText.\n\nMore.\n"
    assert unstamp(stamp(page, "src")) == page
    assert stamp(page, "src").startswith("# Title\n\nMade from commit `")
