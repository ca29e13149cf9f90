"""Two processes with one script: the same as one, to rounding; killed, they go on from what the first wrote."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.processes import ROOT
from tests.train.devices.run import train


@contextmanager
def started(count: int, out: Path, what: str) -> Iterator[list[subprocess.Popen[Any]]]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = str(listening.getsockname()[1])
    command = [sys.executable, "-m", "tests.train.devices.run"]
    running = [
        subprocess.Popen([*command, str(number), str(count), port, str(out), what], cwd=ROOT, env=os.environ)  # noqa: S603
        for number in range(count)
    ]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def run(count: int, out: Path, what: str) -> dict[str, Any]:
    with started(count, out, what) as running:
        assert [process.wait(900) for process in running] == [0] * count
    return dict(np.load(out))


def require_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], atol=1e-4, err_msg=name)


def test_two_processes_train_and_draw_as_one_does(tmp_path: Path) -> None:
    require_equal(train(), run(2, tmp_path / "two.npz", "train"))


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_from_its_folder_in_any_number_of_processes(tmp_path: Path) -> None:
    for name in ("whole", "stopped", "moved"):
        (tmp_path / name).mkdir()
    whole = run(1, tmp_path / "whole" / "out.npz", "60")
    journal = tmp_path / "stopped" / "journal" / "learning.safetensors"
    with started(2, tmp_path / "stopped" / "out.npz", "60"):
        until = time.monotonic() + 600
        while not journal.exists() and time.monotonic() < until:
            time.sleep(0.02)
    assert not (tmp_path / "stopped" / "out.npz").exists()
    shutil.copytree(journal.parent, tmp_path / "moved" / "journal")
    require_equal(whole, run(2, tmp_path / "stopped" / "out.npz", "60"))
    require_equal(whole, run(1, tmp_path / "moved" / "out.npz", "60"))
