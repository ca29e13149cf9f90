"""How far the runs of a simulator are: about ten lines, or one that is rewritten on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

# Seconds between two reports on a terminal.
OFTEN = 0.2


class Tally:
    """Count runs and failures.

    >>> tally = Tally(20, stream=sys.stdout)
    >>> for _ in range(20):
    ...     tally.add(1, failed=0) if _ else tally.add(1, failed=1)  # doctest: +ELLIPSIS
    simulate: 2/20 runs, 1 failed
    ...
    simulate: 20/20 runs, 1 failed
    """

    def __init__(self, total: int, *, stream: Any = None, quiet: bool = False) -> None:
        self._total, self._quiet, self._stream = total, quiet, stream or sys.stderr
        self._done = self._failed = self._tenth = 0
        self._last = 0.0

    def add(self, runs: int, failed: int) -> None:
        """Count further runs, of which some failed, and say so now and then."""
        self._done, self._failed = self._done + runs, self._failed + failed
        if self._quiet:
            return
        live = bool(getattr(self._stream, "isatty", bool)())
        if live and (time.monotonic() - self._last > OFTEN or self._done >= self._total):
            self._last = time.monotonic()
            self._stream.write(f"\r{self}" + ("\n" if self._done >= self._total else ""))
            self._stream.flush()
        elif not live and self._done * 10 // self._total > self._tenth:
            self._tenth = self._done * 10 // self._total
            self._stream.write(f"{self}\n")
            self._stream.flush()

    def __str__(self) -> str:
        return f"simulate: {self._done:,}/{self._total:,} runs, {self._failed:,} failed"
