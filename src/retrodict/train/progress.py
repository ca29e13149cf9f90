"""What a person sees of a long computation: a live line on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, runtime_checkable


@runtime_checkable
class Stream(Protocol):
    """Where progress is written: standard error, or anything like it."""

    def write(self, text: str, /) -> int:
        """Write some text."""
        ...

    def flush(self) -> None:
        """Show it now."""
        ...

    def isatty(self) -> bool:
        """Whether a person is watching a terminal."""
        ...


class Progress:
    """Report steps done and the objective: rewritten in place on a terminal, about ten lines otherwise.

    >>> with Progress("fit", total=100, stream=sys.stdout) as progress:
    ...     progress.update(100, objective=1.5)
    fit: 100/100 steps, objective 1.500
    """

    def __init__(self, title: str, total: int, *, stream: Stream | None = None, quiet: bool = False) -> None:
        self._title, self._total, self._quiet = title, total, quiet
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._shown = 0.0
        self._tenth = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and not self._quiet:
            self._stream.write("\n")
            self._stream.flush()

    def update(self, done: int, objective: float) -> None:
        """Show how far things are, unless it was shown a moment ago."""
        if self._quiet or not self._due(done):
            return
        line = f"{self._title}: {done}/{self._total} steps, objective {objective:.3f}"
        self._stream.write(f"\r{line}\x1b[K" if self._live else f"{line}\n")
        self._stream.flush()

    def _due(self, done: int) -> bool:
        tenth = done * 10 // self._total
        now = time.monotonic()
        due = done >= self._total or (now - self._shown > 0.1 if self._live else tenth > self._tenth)
        if due:
            self._shown, self._tenth = now, tenth
        return due
