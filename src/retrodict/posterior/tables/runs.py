"""Stored simulations of a model, checked and split once: into what is trained on, what judges, and what calibrates."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import DataError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask
from retrodict.models.discrete.checks import code_states
from retrodict.models.model import Model
from retrodict.plan.arrays import refuse_kinds, refuse_masked
from retrodict.plan.layout import Floats, Layout
from retrodict.plan.supports import is_discrete
from retrodict.train.failed_simulations import is_usable, report_failures

# Shares of the runs, and the most of them, that judge training and that calibrate; fewer than LEAST teach nothing.
HELD_OUT, MOST_HELD_OUT = 0.1, 4096
CALIBRATION, LEAST_CALIBRATION, MOST_CALIBRATION = 0.1, 100, 5000
LEAST = 20
# Runs that are looked at in one piece; what is no array is copied to a file where it is larger than MOST_BYTES.
PIECE, MOST_BYTES = 1 << 16, 1 << 30

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Runs:
    """Stored simulations of all variables of a model, the leading axis of each array the runs.

    ``training``, ``held_out`` and ``calibration`` number the runs of each part; no run is in two of them, and those
    that failed are in none. ``weights`` belong to all runs.

    >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    >>> rng = np.random.default_rng(0)
    >>> runs = Runs.split(net, {"z": rng.normal(size=1000), "x": rng.normal(size=1000)}, seed=0)
    >>> runs, runs.take(runs.training[:5]).shape
    (Runs(1,000: 800 to train on, 100 held out, 100 for calibration), (5, 2))
    """

    layout: Layout
    arrays: Mapping[Name, Any]
    training: Integers
    held_out: Integers
    calibration: Integers
    weights: Doubles | None = None

    @classmethod
    def split(
        cls, net: BayesNet, arrays: Mapping[Name, Any], seed: int, weights: Any = None, *, whole: bool = False
    ) -> Runs:
        """Check runs and split them at random; with ``whole`` all of them calibrate.

        Raises `DataError` for what is missing, of a wrong shape, outside of its support, or too little.
        """
        layout = Layout.of(net, net.names)
        found = {name: _hold(name, arrays[name]) for name in layout.names}
        rows = _count_runs(layout, found)
        none: Integers = np.zeros(0, np.int64)
        runs = cls(layout, found, none, none, none, _read_weights(weights, rows))
        usable = runs._find_usable(net, rows)
        if whole:
            return replace(runs, calibration=usable)
        if len(usable) < LEAST:
            raise DataError(
                f"{len(usable)} usable runs are too few to learn from and to judge by", remedy=f"Give {LEAST} or more."
            )
        mixed = np.random.default_rng(seed).permutation(usable)
        judges = int(np.ceil(min(HELD_OUT * len(mixed), MOST_HELD_OUT)))
        fair = max(CALIBRATION * len(mixed), min(LEAST_CALIBRATION, len(mixed) // 5))
        ranks = int(np.ceil(min(fair, MOST_CALIBRATION)))
        parts = np.split(mixed, [judges, judges + ranks])
        return replace(runs, held_out=parts[0], calibration=parts[1], training=parts[2])

    def __repr__(self) -> str:
        parts = f"{len(self.training):,} to train on, {len(self.held_out):,} held out"
        return f"Runs({len(self):,}: {parts}, {len(self.calibration):,} for calibration)"

    def __len__(self) -> int:
        """Return the number of runs, those that failed among them."""
        return len(next(iter(self.arrays.values())))

    def take(self, rows: Integers) -> Floats:
        """Return some runs as model columns, in single precision."""
        order = np.argsort(rows, kind="stable")  # a disk is read forwards
        columns = np.empty((len(rows), self.layout.width), np.float32)
        places = zip(self.layout.names, self.layout.start.tolist(), self.layout.sizes, strict=False)
        for name, start, size in places:
            columns[order, start : start + size] = self.arrays[name][rows[order]].reshape(len(rows), size)
        return columns

    def _list_pieces(self, rows: int) -> Iterator[Integers]:
        return (np.arange(start, min(start + PIECE, rows)) for start in range(0, rows, PIECE))

    def _find_usable(self, net: BayesNet, rows: int) -> Integers:
        """Return the numbers of the runs that did not fail; warn where many did."""
        with np.errstate(over="ignore", invalid="ignore"):
            wrong = [_mark_failed(self.take(piece), self.layout, net) for piece in self._list_pieces(rows)]
        marked: Mask = np.concatenate(wrong) if wrong else np.zeros((0, len(self.layout.names)), bool)
        if len(marked):
            report_failures(marked, self.layout.names)
        return np.flatnonzero(~marked.any(axis=1))


def describe(net: BayesNet, arrays: Mapping[Name, Any]) -> BayesNet:
    """Return a structure in which variables that nothing describes have the shapes of their arrays.

    >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    >>> describe(net, {"z": np.zeros(9), "x": np.zeros((9, 4))}).variable("x").size
    4
    """
    shapes = {name: tuple(np.shape(arrays[name])[1:]) for name in net.names if name not in net.described}
    own = [Variable(name, size=int(np.prod(shape)), shape=shape) for name, shape in shapes.items() if shape]
    if not own:
        return net
    parents = {name: net.parents(name) for name in net.names}
    return BayesNet(parents, net.observed, variables=[*net.described.values(), *own])


def find_arrays(model: Model | BayesNet, table: Mapping[Name, Any]) -> Mapping[Name, Any]:
    """Return the arrays of all variables of a model; a site of a program stands for its elements.

    Raises `DataError` for variables that the table lacks.
    """
    net = model if isinstance(model, BayesNet) else model.net
    found = {name: table[name] for name in net.names if name in table}
    groups = {} if isinstance(model, BayesNet) else model.groups
    for name, group in groups.items():
        if name in table and group.variables != (name,):
            flat = np.asarray(table[name])
            rows = flat.reshape(len(flat), len(group.variables), -1)
            for place, own in enumerate(group.variables):
                found[own] = rows[:, place].reshape(len(flat), *(net.variable(own).shape or ()))
    missing = [name for name in net.names if name not in found]
    if missing:
        raise DataError(
            "the simulations lack {names}",
            missing,
            remedy="Store a value of every variable of the model in each run, or leave these out of the model.",
        )
    texts = {name: array for name, array in found.items() if _is_text(array)}
    return found | code_states(net, texts) if texts else found


def _is_text(array: Any) -> bool:
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    return kind in "UT" or (kind == "O" and len(array) > 0 and isinstance(np.asarray(array).flat[0], str))


def _hold(name: Name, array: Any) -> Any:
    """Return an array that rows can be taken from: as it is, or read piece by piece where it is none of NumPy's."""
    refuse_masked(name, array)
    if isinstance(array, np.ndarray) or not hasattr(array, "shape"):
        held = array if isinstance(array, np.ndarray) else np.asarray(array)
        refuse_kinds(name, held)
        return held
    if str(getattr(array, "dtype", "")) in ("", "object"):
        return _hold(name, np.asarray(array))
    size = int(np.prod(array.shape)) * 4
    held = _make_file(array.shape) if size > MOST_BYTES else np.empty(array.shape, np.float32)
    for start in range(0, array.shape[0], PIECE):
        piece = np.asarray(array[start : start + PIECE])
        refuse_kinds(name, piece)
        held[start : start + PIECE] = piece
    return held


def _make_file(shape: tuple[int, ...]) -> Any:
    """Return an array in a file that ends with the process."""
    return np.memmap(tempfile.TemporaryFile(), np.float32, "w+", shape=shape)


def _count_runs(layout: Layout, arrays: Mapping[Name, Any]) -> int:
    """Return the number of runs; raise `DataError` where arrays have other shapes than the model, or other lengths."""
    counts = {name: len(array) if np.ndim(array) else -1 for name, array in arrays.items()}
    rows = max(counts.values())
    other = [name for name, count in counts.items() if count != rows]
    if other:
        raise DataError(
            f"{{names}} {{have}} another number of runs than {rows:,}", other, remedy="The leading axis is the runs."
        )
    for name, shape, size in zip(layout.names, layout.shapes, layout.sizes, strict=True):
        given = arrays[name].shape[1:]
        if given != shape and not (int(np.prod(given)) == size == 1):
            raise DataError(
                f"the runs of {{names}} have the shape {given}, where {shape} was expected",
                [name],
                remedy="Give arrays (runs, ...) in the shapes of the model.",
            )
    return rows


def _read_weights(weights: Any, rows: int) -> Doubles | None:
    if weights is None:
        return None
    read = np.asarray(weights, np.float64)
    if read.shape != (rows,) or not np.isfinite(read).all() or (read < 0).any() or not read.any():
        raise DataError(
            f"weights of shape {read.shape} are not one finite number of at least zero for each of {rows:,} runs",
            remedy="Give weights=, one for each run, such as those of next_simulations.",
        )
    return read


def _mark_failed(columns: Floats, layout: Layout, net: BayesNet) -> Mask:
    """Mark the variables of each run that are not finite; raise `DataError` for values outside of a support."""
    usable = is_usable(columns)
    marks = np.empty((len(columns), len(layout.names)), bool)
    for place, (name, start, size) in enumerate(zip(layout.names, layout.start.tolist(), layout.sizes, strict=False)):
        own = slice(start, start + size)
        marks[:, place] = ~usable[:, own].all(axis=1)
        _require_support(net.variable(name), columns[:, own][usable[:, own]])
    return marks


def _require_support(variable: Variable, values: Floats) -> None:
    low, high = variable.bounds or ((0.0, 1.0) if variable.support == "unit_interval" else (-np.inf, np.inf))
    low = max(low, 0.0) if variable.support in ("positive", "count") else low
    high = min(high, low + variable.categories - 1) if variable.categories and variable.bounds else high
    slack = 1e-6 * max(1.0, *(abs(end) for end in (low, high) if np.isfinite(end)), 0.0)
    outside = (values < low - slack) | (values > high + slack)
    if is_discrete(variable):
        outside |= values != np.round(values)
    if outside.any():
        raise DataError(
            f"the runs hold values of {{names}} outside of its support, such as {values[outside][0]:.6g}",
            [variable.name],
            remedy="Correct the support in Variable(name, support=..., bounds=...), or these runs.",
        )
