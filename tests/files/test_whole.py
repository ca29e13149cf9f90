"""What killed writers left behind goes with the next success; what a living one is writing stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrodict.files import whole
from retrodict.files.checkpoint import read_arrays, write_arrays
from tests.processes import ROOT

pytestmark = pytest.mark.skipif(not whole.HAS_LOCKS, reason="locks that end with a process")

# Writes half of a file, says so, and waits.
WRITER = """
import sys, time
from pathlib import Path
from retrodict.files.whole import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("half", flush=True)
    time.sleep(600)
"""


def list_parts(path: Path) -> list[Path]:
    return [found for found in path.parent.iterdir() if found != path]


def test_parts_of_a_killed_writer_are_removed_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as writer:  # noqa: S603
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        write_arrays(path, {"round": 1}, {"a": np.ones(3)})
        (part,) = list_parts(path)
        assert part.read_bytes() == b"half"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    write_arrays(path, {"round": 2}, {"a": np.ones(3)})
    assert list_parts(path) == []
    assert read_arrays(path)[0] == {"round": 2}


def test_only_parts_of_this_file_are_removed(tmp_path: Path) -> None:
    kept = [
        ".other.0123456789abcdef.part",
        ".state.part",
        ".state.0123456789abcdef.part.txt",
        "state.0123456789abcdef.part",
    ]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / ".state.fedcba9876543210.part").touch()
    write_arrays(tmp_path / "state", {}, {})
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "state"])


def test_where_locks_are_unknown_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(whole.fcntl, "flock", refuse)
    (tmp_path / ".state.0123456789abcdef.part").touch()
    write_arrays(tmp_path / "state", {}, {})
    assert len(list_parts(tmp_path / "state")) == 1


def test_a_part_taken_before_it_was_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making a file and locking it another process may take it for one that was left behind."""
    lock, taken = whole._lock, []

    def lose(handle: int, *, wait: bool) -> bool:
        if wait and not taken:
            (part,) = tmp_path.iterdir()
            part.unlink()
            taken.append(part)
        return lock(handle, wait=wait)

    monkeypatch.setattr(whole, "_lock", lose)
    write_arrays(tmp_path / "state", {"round": 1}, {})
    assert taken
    assert read_arrays(tmp_path / "state")[0] == {"round": 1}
    assert os.listdir(tmp_path) == ["state"]
