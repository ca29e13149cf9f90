"""Files that cannot be read or written: one error that says why and where, and what was there before stays whole."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrodict import AmortizedPosterior, BayesNet, LinearGaussian, certify, from_bif, invert, zoo
from retrodict.cli.arguments import read_arguments
from retrodict.cli.train import train_command
from retrodict.errors import FileError
from retrodict.files.checkpoint import read_arrays
from retrodict.files.strict_json import read_json
from retrodict.files.whole import write_whole
from retrodict.learn.resume import Journal
from retrodict.paper.figure1 import write_figure1
from retrodict.report import write_report
from retrodict.zoo.images.idx import read_idx_images

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


BARREN = LinearGaussian.from_weights(BayesNet({"x": [], "z": ["x"]}, observed=["x"]), {})
NOWHERE = "nowhere: cannot be read (No such file or directory). Give a file that can be read."
READERS: dict[str, Callable[[Path], object]] = {
    "BIF": lambda path: from_bif(path.with_suffix(".bif")),
    "BIF, packed": lambda path: from_bif(path.with_suffix(".bif.gz")),
    "guide": lambda path: read_json(path, "Write {latent: [parents]}."),
    "arguments in JSON": lambda path: read_arguments(path.with_suffix(".json")),
    "arguments in NPZ": lambda path: read_arguments(path.with_suffix(".npz")),
    "images": read_idx_images,
    "arrays": read_arrays,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_file_that_is_missing_is_one_error_whoever_reads_it(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read(tmp_path / "nowhere")
    assert re.sub(r"\.[a-z.]+:", ":", str(caught.value)) == f"{tmp_path}/{NOWHERE}"


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_nobody_waits_for_a_pipe(read: Callable[[Path], object], tmp_path: Path) -> None:
    for ending in ("", ".bif", ".bif.gz", ".json", ".npz"):
        os.mkfifo(tmp_path / f"pipe{ending}")
    with pytest.raises(FileError, match=r"pipe[a-z.]*: is not a regular file\. Give the path of a file\."):
        read(tmp_path / "pipe")


FOLDERS: dict[str, Callable[[Path], object]] = {
    "posterior": lambda folder: AmortizedPosterior.of(BARREN, invert(BARREN), None).save(folder),
    "run": lambda folder: Journal(folder, {}, 1).prepare(),
    "figure": write_figure1,
    "training": lambda folder: train_command("tree:2", folder),
}


@pytest.mark.parametrize("write", FOLDERS.values(), ids=FOLDERS)
def test_a_folder_that_cannot_be_is_one_error_whoever_writes_it(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"file/out: cannot be written \(Not a directory\)\. Choose another place\.$"):
        write(tmp_path / "file" / "out")


@pytest.mark.parametrize("save", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_leaves_the_old_file(save: Save, tmp_path: Path) -> None:
    for ending in ("out.json", "out.svg"):
        (tmp_path / ending).write_text("old")
    with (
        full_disk(),
        pytest.raises(FileError, match=r"out\.\w+: cannot be written \(File too large\)\. Choose"),
    ):
        save(tmp_path / "out.json")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.json": "old", "out.svg": "old"}


@pytest.mark.parametrize("save", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no folder/out", "No such file"),
        ("x" * 300, "File name too long"),
        ("a\0b", "null"),
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
