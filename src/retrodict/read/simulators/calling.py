"""How a simulator is called: one run or a batch at a time, each with randomness of its own, errors set aside."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError, SimulationError, quote
from retrodict.graph.names import Name

# Runs of a chunk, which one worker makes: a chunk is kept as a whole. Of a simulator of batches it is a batch.
CHUNK, BATCH = 32, 256
# Names of a parameter that is a whole number, not a generator of NumPy, and of one that is the number of runs.
SEEDS, COUNTS = ("seed", "key", "random_state"), ("n", "size", "count", "batch", "n_runs")

Values = Mapping[Name, NDArray[Any]]


@dataclass(frozen=True)
class Chunk:
    """Runs that were made.

    ``good`` numbers those that went well, ``values`` hold them, and ``faults`` say why others failed.

    >>> Chunk(0, (0, 2), {"x": np.array([1.0, 3.0])}, ("ValueError: no solution",)).failed
    1
    """

    start: int
    good: tuple[int, ...]
    values: Mapping[Name, NDArray[Any]]
    faults: tuple[str, ...]

    @property
    def failed(self) -> int:
        """The number of runs that failed."""
        return len(self.faults)

    @property
    def runs(self) -> int:
        """The number of runs."""
        return len(self.good) + len(self.faults)


@dataclass(frozen=True)
class Caller:
    """A simulator, and how it is called: ``arguments`` are ``"seed"``, ``"generator"`` and ``"count"``, or fewer.

    With a ``prior`` the simulator is given its values first.
    """

    simulate: Callable[..., Any]
    arguments: tuple[str, ...]
    batched: bool
    prior: Caller | None = None

    @classmethod
    def of(cls, simulate: Callable[..., Any], prior: Callable[..., Any] | None = None) -> Caller:
        """Read the signature of a simulator, and that of its prior.

        Raises `OptionError` for functions that need other arguments, and for a prior of batches where the simulator
        takes single runs, or the other way round.
        """
        if prior is None:
            return _read_signature(simulate, 0)
        own, first = _read_signature(simulate, 1), _read_signature(prior, 0)
        return cls(own.simulate, own.arguments, first.batched, first)

    @property
    def size(self) -> int:
        """The number of runs of a whole chunk."""
        return BATCH if self.batched else CHUNK

    def run(self, seed: int, start: int, stop: int) -> Chunk:
        """Return the runs of a chunk from ``start`` on; each run, or batch, has a seed that its number says."""
        if self.batched:
            return _number(start, [self._try(seed, start, BATCH)], stop - start)
        return _number(start, [self._try(seed, run, 1) for run in range(start, stop)], 1)

    def run_given(self, seed: int, start: int, given: Values) -> Chunk:
        """Return runs for values that are given, one a row."""
        rows = len(next(iter(given.values())))
        if self.batched:
            return _number(start, [self._try(seed, start, rows, given)], rows)
        each = [{name: values[row] for name, values in given.items()} for row in range(rows)]
        return _number(start, [self._try(seed, start + row, 1, values) for row, values in enumerate(each)], 1)

    def _try(self, seed: int, number: int, n: int, given: Values | None = None) -> dict[Name, Any] | str:
        """Return the values of one call, the runs the leading axis; why, where it failed."""
        try:
            values = self._call(np.random.SeedSequence([seed, number]), n, given)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if not isinstance(values, Mapping):
            raise SimulationError(
                f"the simulator gives a {type(values).__name__}, where values by variable were expected",
                remedy="Return a dictionary, {name: value}.",
            )
        return {name: np.asarray(value) if self.batched else np.asarray(value)[None] for name, value in values.items()}

    def _call(self, sequence: np.random.SeedSequence, n: int, given: Values | None) -> Any:
        own, first = sequence.spawn(2)
        if self.prior is None:
            return self.simulate(*self._list_arguments(own, n))
        before = self.prior.simulate(*self.prior._list_arguments(first, n)) if given is None else given
        after = self.simulate(before, *self._list_arguments(own, n))
        return {**before, **after} if isinstance(after, Mapping) else after

    def _list_arguments(self, sequence: np.random.SeedSequence, n: int) -> list[Any]:
        made: dict[str, Callable[[], Any]] = {
            "generator": lambda: np.random.default_rng(sequence),
            "seed": lambda: int(sequence.generate_state(1)[0]),
            "count": lambda: n,
        }
        return [made[kind]() for kind in self.arguments]


def _read_signature(function: Callable[..., Any], given: int) -> Caller:
    """Return how a function is called, whose first ``given`` arguments are values."""
    if not callable(function):
        raise OptionError(f"{function!r} cannot be called", remedy="Give a function that returns {name: value}.")
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [
        p for p in inspect.signature(function).parameters.values() if p.kind in kinds and p.default is p.empty
    ][given:]
    names = [parameter.name for parameter in parameters]
    kinds_of = tuple("count" if name in COUNTS else "seed" if name in SEEDS else "generator" for name in names)
    counted = "count" in kinds_of
    if len(kinds_of) > 1 + counted or kinds_of.count("count") > 1 or (given and counted):
        raise OptionError(
            f"the simulator needs arguments that are not known, {quote(names)}",
            remedy="Give a function of (rng), of (seed), of (rng, n) for n runs at once, or of nothing; with prior= "
            "one of (values) or (values, rng).",
        )
    return Caller(function, kinds_of, counted)


def _number(start: int, results: list[dict[Name, Any] | str], size: int) -> Chunk:
    """Return the results of calls, each of which has ``size`` runs or more, as one chunk."""
    good: list[int] = []
    parts: list[dict[Name, Any]] = []
    faults: list[str] = []
    for call, result in enumerate(results):
        if isinstance(result, str):
            faults += [result] * size
        else:
            _require_lengths(result, size)
            good += range(start + call * size, start + (call + 1) * size)
            parts.append({name: values[:size] for name, values in result.items()})
    names = parts[0] if parts else {}
    return Chunk(start, tuple(good), {name: _join([part[name] for part in parts]) for name in names}, tuple(faults))


def _join(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts)


def _require_lengths(values: Values, size: int) -> None:
    wrong = [name for name, array in values.items() if not array.ndim or len(array) < size]
    if wrong:
        raise SimulationError(
            f"the simulator gives {{names}} without a leading axis of {size} runs",
            wrong,
            remedy="A function of (rng, n) returns n runs of each variable; one of (rng) returns one run.",
        )
