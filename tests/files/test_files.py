"""Files that cannot be written: one error that says why and where, and what was there before stays whole."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrodict import certify, invert, zoo
from retrodict.errors import FileError
from retrodict.files.whole import write_whole
from retrodict.report import write_report

Save = Callable[[Path], object]
WRITERS: dict[str, Save] = {
    "certificate": lambda path: certify(invert(zoo.asia())).save(path),
    "picture": lambda path: zoo.asia().plot().save(path.with_suffix(".svg")),
    "report": lambda path: write_report(zoo.asia(), path, budget=0.1),
}


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond a hundred bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("save", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_leaves_the_old_file(save: Save, tmp_path: Path) -> None:
    for ending in ("out.json", "out.svg"):
        (tmp_path / ending).write_text("old")
    with full_disk(), pytest.raises(FileError, match=r"out\.\w+: cannot be written \(File too large\)\. Name another"):
        save(tmp_path / "out.json")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.json": "old", "out.svg": "old"}


@pytest.mark.parametrize("save", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no folder/out", "No such file"),
        ("x" * 300, "File name too long"),
        ("a\0b", "embedded null"),
        ("", "directory"),
    ],
)
def test_a_place_that_takes_no_file_is_an_error(save: Save, name: str, reason: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "inside.svg").mkdir()
    with pytest.raises(FileError, match=reason) as caught:
        save(inside / name)
    assert name[:3] in caught.value.path
    assert list(inside.iterdir()) == []


def test_the_longest_name_that_a_disk_takes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    write_whole(path, b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [(path.name, b"new")]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "out", b"new")
    assert list(tmp_path.iterdir()) == []
