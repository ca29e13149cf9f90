"""Contestants in processes of their own that take turns: none runs, or keeps threads busy, while another is timed.

A worker waits for a line on its standard input, does one turn of its work, answers with one line of JSON, and waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import IO, Any

THREADS = 2
FAREWELL = 15.0  # seconds for a worker to end by itself, and whatever it started with it
REST = 0.3  # seconds between turns, in which the thread pools of the last one fall asleep


class Turns:
    """The worker's side: ``begin`` waits for the turn and starts the clock, ``end`` stops it and answers."""

    def __init__(self, inbox: IO[str], outbox: IO[str]) -> None:
        self._inbox, self._outbox = inbox, outbox
        self._start = self._paused = 0.0

    def begin(self) -> None:
        """Wait for the next turn; leave the program when there is none."""
        if not self._inbox.readline():
            raise SystemExit(0)
        self._start, self._paused = time.perf_counter(), 0.0

    def seconds(self) -> float:
        """Return the time since the turn began, without pauses."""
        return time.perf_counter() - self._start - self._paused

    def end(self, amount: float = 1.0, **facts: Any) -> None:
        """Answer with the seconds of the turn and the amount of work done in it."""
        answer = {"seconds": self.seconds(), "amount": amount, **facts}
        self._outbox.write(json.dumps(answer) + "\n")
        self._outbox.flush()

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Stop the clock: what happens inside is no part of the work."""
        start = time.perf_counter()
        yield
        self._paused += time.perf_counter() - start


def serve() -> Turns:
    """Make this process a worker: two cores, two threads, and a channel that no library prints into."""
    with contextlib.suppress(AttributeError):  # not on every system
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    outbox = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return Turns(sys.stdin, outbox)


class Worker:
    """The driver's side of one contestant. Use it in a ``with``: leaving it ends the process."""

    def __init__(self, contestant: str, limit: float, arguments: Mapping[str, Any]) -> None:
        threads = {name: str(THREADS) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        anew = {"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}  # what an earlier run compiled is no help
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.speed.contestants"]
        self._process = subprocess.Popen(
            [*command, contestant, json.dumps(dict(arguments))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **threads, **anew},
        )
        self._limit = limit
        self._told: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError), self._process as process:  # which closes the pipes
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # type: ignore[union-attr]
            try:
                process.wait(FAREWELL)
            except subprocess.TimeoutExpired:
                process.kill()
            self._listener.join()

    def turn(self, limit: float | None = None) -> dict[str, Any]:
        """Let the worker do one turn; what fails or takes longer than the limit is said in ``failed``."""
        limit, over = limit or self._limit, threading.Event()

        def stop() -> None:
            over.set()
            self._process.kill()

        timer = threading.Timer(limit, stop)
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                self._write()
            answer = self._process.stdout.readline() if self._process.stdout else ""
        finally:
            timer.cancel()
        if answer:
            return dict(json.loads(answer))
        return {"failed": f"a turn not finished in {limit:.0f} s" if over.is_set() else self._last_words()}

    def _write(self) -> None:
        if self._process.stdin:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            self._told = [*self._told[-50:], line.rstrip()]

    def _last_words(self) -> str:
        status = self._process.wait()
        self._listener.join(timeout=5)
        spoken = [line for line in self._told if line.strip()]
        return (
            spoken[-1].strip()[:200] if spoken and status > 0 else f"ended with status {status}, perhaps out of memory"
        )


def take_turns(workers: Mapping[str, Worker], rounds: int) -> dict[str, dict[str, Any]]:
    """Let all workers take a first turn, which compiles, and then so many more, one after another in each round."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in range(rounds + 1):
        for name, worker in workers.items():
            if not any("failed" in answer for answer in answers[name]):
                time.sleep(REST)
                answers[name].append(worker.turn())
    return {name: summarize(rows) for name, rows in answers.items()}


def summarize(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median seconds of one piece of work, the extremes, and what the first turn took on top.

    >>> summarize([{"seconds": 9.0, "amount": 2}, {"seconds": 2.0, "amount": 2}])["seconds"]
    1.0
    """
    failed = [answer["failed"] for answer in answers if "failed" in answer]
    if failed:
        return {"failed": failed[0]}
    first, *rest = answers
    each = sorted(answer["seconds"] / answer["amount"] for answer in rest)
    facts = {key: value for key, value in first.items() if key not in ("seconds", "amount")}
    compiling = max(0.0, first["seconds"] - median(each) * first["amount"])
    return {
        "seconds": median(each),
        "least": each[0],
        "most": each[-1],
        "turns": len(each),
        "first": compiling,
        **facts,
    }
