"""A simulator that is any Python function, with the structure of its variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError, ProgramError, SimulationError, SimulationWarning, warn_user
from retrodict.graph.names import Name
from retrodict.models.black_box import BlackBox
from retrodict.plan.counts import read_count, read_seed
from retrodict.read.simulators.calling import Caller, Chunk
from retrodict.read.simulators.run_folder import RunFolder
from retrodict.read.simulators.tally import Tally
from retrodict.read.simulators.workers import run_jobs

# Chunks of so many runs or more are compared: those of two workers that draw the same numbers are equal.
COMPARED = 4
# Shares of failing runs: beyond the first a warning tells, and where so many of the first runs fail all stops.
NOTABLE, FIRST = 0.01, 32

Table = dict[Name, NDArray[Any]]


@dataclass(frozen=True, eq=False, repr=False)
class Simulator(BlackBox):
    """A simulator that is any Python function; `from_simulator` makes one.

    Arguments:
        net: its structure, which nothing checks.
        caller: the function, and how it is called.
        workers: processes that run it.
        client: a client of dask, or an executor, in the place of processes.
        folder: where runs are kept.
    """

    caller: Caller
    workers: int = 1
    client: Any = None
    folder: Path | None = None

    def simulate(self, n: int = 1000, *, seed: int = 0, quiet: bool = True) -> Table:
        """Return runs of all variables; those that failed are NaN.

        Arguments:
            n: number of runs. Default 1000.
            seed: the same seed gives the same runs, whoever makes them, if all that is random comes from the generator
                or the seed that the simulator is given. Default 0.
            quiet: False shows how far it is. Default True.

        Returns: ``{name: array (n, ...)}``. Runs that lie in the folder already are taken from there.

        Raises: `SimulationError` where nearly all of the first runs fail, or a run lacks a variable; `ProgramError`
            where workers draw the same numbers; `FileError` for a folder of another simulator.

        >>> from retrodict import BayesNet, from_simulator
        >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
        >>> def simulate(rng):
        ...     z = rng.normal()
        ...     return {"z": z, "x": z + rng.normal(size=2)}
        >>> from_simulator(net, simulate).simulate(100)["x"].shape
        (100, 2)
        """
        n, seed = read_count("n", n), read_seed(seed)
        size, tally = self.caller.size, Tally(n, quiet=quiet)
        kept = None if self.folder is None else RunFolder.of(self.folder, self.net.names)
        done = {} if kept is None else {chunk.start: chunk for chunk in kept.iterate(seed, range(0, n, size))}
        whole = {start: chunk for start, chunk in done.items() if chunk.runs >= min(size, n - start)}
        for chunk in whole.values():
            tally.add(min(chunk.runs, n - chunk.start), chunk.failed)
        missing = [start for start in range(0, n, size) if start not in whole]
        jobs = [self._plan(seed, start, n, done.get(start)) for start in missing]
        for chunk in run_jobs(_run_job, jobs, self.workers, self.client):
            if kept is not None:
                kept.keep(chunk, seed)
            whole[chunk.start] = chunk
            tally.add(min(chunk.runs, n - chunk.start), chunk.failed)
            _require_success(whole.values(), n)
        return self._collect([whole[start] for start in sorted(whole)], n)

    def simulate_for(self, latents: Mapping[Name, Any], *, seed: int = 0, quiet: bool = True) -> Table:
        """Return runs for latents that are given, such as those of `next_simulations`; they are not kept.

        Arguments:
            latents: the values that the prior would give, ``{name: array (n, ...)}``.
            seed: the same seed gives the same runs. Default 0.
            quiet: False shows how far it is. Default True.

        Returns: ``{name: array (n, ...)}`` of all variables.

        Raises: `OptionError` for a simulator without ``prior=``, which draws its latents itself.
        """
        if self.caller.prior is None:
            raise OptionError(
                "this simulator draws its latents itself", remedy="Give from_simulator(net, simulate, prior=...)."
            )
        given = {name: np.asarray(values) for name, values in latents.items()}
        n, size = len(next(iter(given.values()))), self.caller.size
        tally, found = Tally(n, quiet=quiet), []
        parts = ({name: values[start : start + size] for name, values in given.items()} for start in range(0, n, size))
        jobs = [
            (self.caller, read_seed(seed), start, part) for start, part in zip(range(0, n, size), parts, strict=True)
        ]
        for chunk in run_jobs(_run_given, jobs, self.workers, self.client):
            found.append(chunk)
            tally.add(chunk.runs, chunk.failed)
        return self._collect(sorted(found, key=lambda chunk: chunk.start), n)

    def _plan(self, seed: int, start: int, n: int, done: Chunk | None) -> tuple[Any, ...]:
        """Return a job: a chunk, or what is missing of it."""
        size = self.caller.size
        stop = start + size if self.caller.batched else min(start + size, n)
        return self.caller, seed, start, stop, None if self.caller.batched else done

    def _collect(self, chunks: list[Chunk], n: int) -> Table:
        """Return the runs of all chunks by variable."""
        _require_success(chunks, 0)
        _require_new_numbers(chunks)
        lacking = [name for name in self.net.names if any(chunk.good and name not in chunk.values for chunk in chunks)]
        if lacking:
            raise SimulationError(
                "the simulator gives no value of {names}", lacking, remedy="Return {name: value} of every variable."
            )
        good = np.concatenate([np.array(chunk.good, np.int64) for chunk in chunks])
        table = {name: _place(name, [c.values[name] for c in chunks if c.good], good, n) for name in self.net.names}
        _warn_of_failures(chunks, n)
        return table


def _run_job(caller: Caller, seed: int, start: int, stop: int, done: Chunk | None) -> Chunk:
    """Return a chunk of runs, those that are done already not again."""
    if done is None or not done.runs:
        return caller.run(seed, start, stop)
    rest = caller.run(seed, start + done.runs, stop)
    if not done.good or not rest.good:
        values = done.values if done.good else rest.values
    else:
        values = {name: np.concatenate([done.values[name], rest.values[name]]) for name in done.values}
    return Chunk(start, (*done.good, *rest.good), values, (*done.faults, *rest.faults))


def _run_given(caller: Caller, seed: int, start: int, given: Mapping[Name, NDArray[Any]]) -> Chunk:
    return caller.run_given(seed, start, given)


def _place(name: Name, parts: list[NDArray[Any]], good: NDArray[np.int64], n: int) -> NDArray[Any]:
    """Return the values of all runs, NaN where they failed."""
    try:
        values = np.concatenate(parts)
    except ValueError:
        raise SimulationError(
            "the values of {names} have other shapes in other runs",
            [name],
            remedy="Pad them to one shape, and return their number as a variable of its own.",
        ) from None
    within = good < n
    if within.sum() == n == len(values):
        return values
    filled = np.full((n, *values.shape[1:]), np.nan, np.result_type(values, np.float32))
    filled[good[within]] = values[within]
    return filled


def _require_success(chunks: Iterable[Chunk], n: int) -> None:
    """Raise `SimulationError` where none of the first runs went well."""
    listed = list(chunks)
    runs, good = sum(chunk.runs for chunk in listed), sum(len(chunk.good) for chunk in listed)
    if not good and runs >= min(FIRST, max(n, 1)):
        raise SimulationError(
            f"all of the first {runs:,} runs fail: {next(chunk.faults[0] for chunk in listed if chunk.faults)}",
            remedy="Call the simulator by itself, and correct it.",
        )


def _require_new_numbers(chunks: list[Chunk]) -> None:
    """Raise `ProgramError` where chunks are the same: every worker began with the same generator."""
    seen: dict[tuple[bytes, ...], int] = {}
    for chunk in chunks:
        varied = any(len(values) >= COMPARED and (values != values[:1]).any() for values in chunk.values.values())
        content = tuple(np.ascontiguousarray(chunk.values[name]).tobytes() for name in chunk.values)
        if varied and seen.setdefault(content, chunk.start) != chunk.start:
            raise ProgramError(
                f"runs {seen[content]:,} and {chunk.start:,} and those after them are the same: the simulator draws "
                "from a generator of its own, which begins anew",
                remedy="Draw from the generator that it is given, simulate(rng), or seed yours by simulate(seed).",
            )


def _warn_of_failures(chunks: list[Chunk], n: int) -> None:
    faults = [fault for chunk in chunks for fault in chunk.faults]
    if len(faults) > NOTABLE * n:
        often = max(set(faults), key=faults.count)
        warn_user(
            f"{len(faults):,} of {n:,} runs failed and are set aside, most of them by {often!r}.", SimulationWarning
        )
