"""The progress of training: a bar with its rate and the time left on a terminal, ten plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text


class Progress:
    """Report steps done and the objective: a live bar on a terminal, about ten lines otherwise.

    ``stream`` is where it is written, an open text file or anything like one. Default: standard error.

    >>> with Progress("fit", total=100, stream=sys.stdout) as progress:
    ...     progress.update(100, objective=1.5)
    fit: 100/100 steps, objective 1.500
    """

    def __init__(self, title: str, total: int, *, stream: Any = None, quiet: bool = False) -> None:
        self._title, self._total, self._quiet = title, total, quiet
        self._stream = stream or sys.stderr
        self._bar = None if quiet else _make_bar(self._stream)
        self._tenth = 0

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.add_task(self._title, total=self._total, objective="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, objective: float) -> None:
        """Show how far things are; a line is written only when another tenth is done."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, objective=f"{objective:.3f}")
        elif not self._quiet and done * 10 // self._total > self._tenth:
            self._tenth = done * 10 // self._total
            self._stream.write(f"{self._title}: {done}/{self._total} steps, objective {objective:.3f}\n")
            self._stream.flush()


class Rate(ProgressColumn):
    """Steps a second, over the last half minute."""

    def render(self, task: Task) -> Text:
        """Return the rate; none is known before the second report."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f} steps/s" if speed else "- steps/s", style="progress.data.speed")


def _make_bar(stream: Any) -> Bar | None:
    """Return a bar that is drawn in place, None where the stream is no terminal that can do so."""
    console = Console(file=stream)
    if not (stream.isatty() and console.is_terminal and not console.is_dumb_terminal):
        return None
    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("objective {task.fields[objective]}"),
        Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
    )
