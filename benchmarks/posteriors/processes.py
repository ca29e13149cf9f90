"""Runs in processes of their own, which may use up their memory maps, hang or crash: what they printed is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.stamp import ROOT, find_commit


@dataclass(frozen=True)
class Ran:
    """The lines of JSON that a process printed, how long it took, and why it ended before it was through."""

    rows: tuple[dict[str, Any], ...]
    seconds: float
    problem: str

    def end(self) -> dict[str, Any]:
        """Return the figures of the process as a whole."""
        figures = {"seconds": round(self.seconds, 1), "commit": find_commit("src/retrodict")}
        return {**figures, **({"error": self.problem} if self.problem else {})}


def run_process(module: str, arguments: tuple[str, ...], limit: float) -> Ran:
    """Run a module of this repository for at most that many seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
        printed, problem = done.stdout, _describe(done)
    except subprocess.TimeoutExpired as stopped:
        held = stopped.stdout or b""
        printed = held.decode() if isinstance(held, bytes) else held
        problem = f"stopped after {limit:.0f} s"
    rows = tuple(json.loads(line) for line in printed.splitlines() if line.startswith("{") and line.endswith("}"))
    return Ran(rows, time.perf_counter() - start, problem)


def _describe(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == 0:
        return ""
    return "; ".join([f"the process ended with {done.returncode}", *done.stderr.strip().splitlines()[-1:]])
