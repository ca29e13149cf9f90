"""Values of variables as columns of one array: names at the edge, numbers inside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retrodict.errors import DataError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask, cumulate
from retrodict.plan.arrays import Floats as Floats
from retrodict.plan.arrays import read_floats, refuse_kinds, refuse_masked

# Columns are computed in single precision.
LARGEST = float(np.finfo(np.float32).max)
IMPUTE = "Remove or impute these values."


@dataclass(frozen=True)
class Layout:
    """Which columns hold which variable: variable ``i`` has ``sizes[i]`` of them, in the order of ``names``.

    Arrays have shape ``(..., width)``, the leading axes being draws and batch. Values of variable ``i`` have
    ``shapes[i]`` behind the leading axes; where no shapes are given, a variable of size 1 stands for scalars, which
    have none, and one of size k has a last axis of k.

    >>> layout = Layout(("a", "b"), (1, 2))
    >>> layout.read({"b": [3.0, 4.0], "a": 1.0})
    array([1., 3., 4.])
    >>> {name: value.tolist() for name, value in layout.unpack(np.array([1.0, 3.0, 4.0])).items()}
    {'a': 1.0, 'b': [3.0, 4.0]}
    """

    names: tuple[Name, ...]
    sizes: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.shapes:
            object.__setattr__(self, "shapes", tuple(() if size == 1 else (size,) for size in self.sizes))

    @classmethod
    def of(cls, net: BayesNet, names: tuple[Name, ...]) -> Layout:
        """Lay out these variables of a model."""
        described = [net.variable(name) for name in names]
        return cls(names, tuple(v.size for v in described), tuple(v.shape or () for v in described))

    @property
    def width(self) -> int:
        """Number of columns."""
        return sum(self.sizes)

    @cached_property
    def start(self) -> Integers:
        """First column of each variable, and the width at the end."""
        return cumulate(np.array(self.sizes, dtype=np.int64))

    @property
    def owners(self) -> list[Name]:
        """The name of the variable to which each column belongs."""
        return [name for name, size in zip(self.names, self.sizes, strict=True) for _ in range(size)]

    def unpack(self, columns: Any) -> dict[Name, Any]:
        """Return the values of each variable, from an array of NumPy or JAX."""
        leading = columns.shape[:-1]
        places = zip(self.names, self.start.tolist(), self.sizes, self.shapes, strict=False)
        return {
            name: columns[..., at : at + size].reshape(*leading, *shape) if shape else columns[..., at]
            for name, at, size, shape in places
        }

    def pack(self, values: Mapping[Name, Any], xp: Any = np) -> Any:
        """Return one array from the values of each variable; ``xp`` is ``numpy`` or ``jax.numpy``.

        Raises `DataError` for missing or extra names, for shapes that do not fit together, and for what are no real
        numbers.
        """
        self._require_names(values)
        arrays = [_as_array(name, values[name], xp) for name in self.names]
        self._require_shapes([array.shape for array in arrays])
        leading = [array.shape[: array.ndim - len(shape)] for array, shape in zip(arrays, self.shapes, strict=True)]
        common = np.broadcast_shapes(*leading)
        columns = [array.reshape(*axes, size) for array, axes, size in zip(arrays, leading, self.sizes, strict=True)]
        return xp.concatenate([xp.broadcast_to(column, (*common, column.shape[-1])) for column in columns], axis=-1)

    def read(self, values: Mapping[Name, Any], what: str = "data", missing: str = IMPUTE) -> Floats:
        """Return data from outside as one array of floats, having checked them.

        Raises `DataError` for what `pack` refuses, for no rows at all, for NaN or infinity, and for numbers beyond
        single precision, in which everything is computed. ``missing`` says what to do about NaN.
        """
        if not isinstance(values, Mapping):
            raise DataError(
                f"{what} must be a mapping from names to arrays, not {type(values).__name__}",
                remedy="Give {name: values}, such as dict(frame) of a data frame.",
            )
        self._require_names(values, what)
        packed: Floats = self.pack(
            {n: self._read_floats(n, values[n], shape) for n, shape in zip(self.names, self.shapes, strict=True)}
        )
        if not packed.size:
            raise DataError(f"{what} of shape {packed.shape[:-1]} hold nothing", remedy="Give one row or more.")
        endless = ~np.isfinite(packed)
        self._refuse(endless, f"{what} must be finite, and {{names}} {{have}} NaN or infinity", missing)
        self._refuse(
            np.abs(packed) > LARGEST,
            f"{what} must be within single precision, {LARGEST:.2g}, and {{names}} {{have}} larger numbers",
            "Measure these variables in a larger unit.",
        )
        return packed

    def _refuse(self, wrong: Mask, problem: str, remedy: str) -> None:
        """Raise `DataError` naming the variables to which marked entries of columns belong."""
        columns = np.flatnonzero(wrong.reshape(-1, self.width).any(axis=0))
        if len(columns):
            owners = np.unique(np.searchsorted(self.start, columns, side="right") - 1)
            raise DataError(problem, [self.names[i] for i in owners.tolist()], remedy=remedy)

    @staticmethod
    def _read_floats(name: Name, value: Any, shape: tuple[int, ...]) -> Floats:
        array = read_floats(name, value)
        return array.reshape(shape) if lacks_axes(array.shape, shape) else array

    def _require_names(self, values: Mapping[Name, Any], what: str = "data") -> None:
        missing = [name for name in self.names if name not in values]
        extra = [name for name in values if name not in self.names]
        if missing:
            raise DataError(f"{what} lack {{names}}", missing, remedy="Give a value for each of them.")
        if extra:
            raise DataError(
                f"{what} name {{names}}, which {{are}} not among what is expected", extra, remedy="Remove them."
            )

    def _require_shapes(self, given: list[tuple[int, ...]]) -> None:
        """Raise `DataError` when a value ends in a wrong shape or its leading axes do not match the others."""
        leading = [found[: max(0, len(found) - len(own))] for found, own in zip(given, self.shapes, strict=True)]
        longest = max(leading, key=len)
        for name, own, found, axes in zip(self.names, self.shapes, given, leading, strict=True):
            if found[len(axes) :] != own or axes not in ((), longest):
                raise DataError(
                    f"the value of {{names}} has the shape {found}, where {(*longest, *own)} was expected",
                    [name],
                    remedy="All values share the same leading axes.",
                )


def lacks_axes(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Return whether a shape lacks nothing but axes of length 1 at its beginning.

    >>> lacks_axes((3,), (1, 3)), lacks_axes((), (5,)), lacks_axes((3,), (3,))
    (True, False, False)
    """
    missing = len(target) - len(shape)
    return missing > 0 and math.prod(target[:missing]) == 1 and target[missing:] == shape


def _as_array(name: Name, value: Any, xp: Any) -> Any:
    refuse_masked(name, value)
    try:
        array = xp.asarray(value)
    except TypeError:
        raise DataError(
            "the values of {names} are no array of numbers", [name], remedy="Give floats or an array."
        ) from None
    refuse_kinds(name, array)
    return array


def take_columns(array: Any, columns: Integers) -> Any:
    """Return these columns of an array of NumPy or JAX, in the shape in which they are given.

    A run of columns is a slice: cheap to compile, to compute and to differentiate, which gathering is not.

    >>> take_columns(np.arange(5), np.array([[1, 2], [3, 4]])).tolist()
    [[1, 2], [3, 4]]
    >>> take_columns(np.arange(5), np.array([3, 0])).tolist()
    [3, 0]
    """
    flat = columns.ravel()
    if not len(flat) or (np.diff(flat) != 1).any():
        return array[..., columns]
    return array[..., int(flat[0]) : int(flat[-1]) + 1].reshape(*array.shape[:-1], *columns.shape)
