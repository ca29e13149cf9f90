"""Values of variables as columns of one array: names at the edge, numbers inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import DataError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, cumulate

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Layout:
    """Which columns hold which variable: variable ``i`` has ``sizes[i]`` of them, in the order of ``names``.

    Arrays have shape ``(..., width)``, the leading axes being draws and batch. A variable of size 1 stands
    for scalars: its values have the shape of the leading axes alone; one of size k has a last axis of k.

    >>> layout = Layout(("a", "b"), (1, 2))
    >>> layout.read({"b": [3.0, 4.0], "a": 1.0})
    array([1., 3., 4.])
    >>> {name: value.tolist() for name, value in layout.unpack(np.array([1.0, 3.0, 4.0])).items()}
    {'a': 1.0, 'b': [3.0, 4.0]}
    """

    names: tuple[Name, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, net: BayesNet, names: tuple[Name, ...]) -> Layout:
        """Lay out these variables of a model."""
        return cls(names, tuple(net.variable(name).size for name in names))

    @property
    def width(self) -> int:
        """Number of columns."""
        return sum(self.sizes)

    @cached_property
    def start(self) -> Integers:
        """First column of each variable, and the width at the end."""
        return cumulate(np.array(self.sizes, dtype=np.int64))

    def unpack(self, columns: Any) -> dict[Name, Any]:
        """Return the values of each variable, from an array of NumPy or JAX."""
        first = self.start.tolist()
        return {
            name: columns[..., at] if size == 1 else columns[..., at : at + size]
            for name, size, at in zip(self.names, self.sizes, first, strict=False)
        }

    def pack(self, values: Mapping[Name, Any], xp: Any = np) -> Any:
        """Return one array from the values of each variable; ``xp`` is ``numpy`` or ``jax.numpy``.

        Raises `DataError` for missing or extra names and for shapes that do not fit together.
        """
        self._require_names(values)
        arrays = [xp.asarray(values[name]) for name in self.names]
        columns = [array[..., None] if size == 1 else array for array, size in zip(arrays, self.sizes, strict=True)]
        self._require_shapes([column.shape for column in columns])
        shape = np.broadcast_shapes(*(column.shape[:-1] for column in columns))
        return xp.concatenate([xp.broadcast_to(column, (*shape, column.shape[-1])) for column in columns], axis=-1)

    def read(self, values: Mapping[Name, Any], what: str = "data") -> Floats:
        """Return data from outside as one array of floats, having checked them.

        Raises `DataError` for what `pack` refuses, for what are no numbers, and for NaN or infinity.
        """
        if not isinstance(values, Mapping):
            raise DataError(f"{what} must be a mapping from names to arrays, not {type(values).__name__}")
        self._require_names(values, what)
        packed = self.pack({name: self._read_floats(name, values[name]) for name in self.names})
        finite = np.isfinite(packed).reshape(-1, self.width).all(axis=0)
        if not finite.all():
            wrong = {int(np.searchsorted(self.start, column, side="right")) - 1 for column in np.flatnonzero(~finite)}
            raise DataError(
                f"{what} must be finite; NaN or infinity in",
                [self.names[i] for i in sorted(wrong)],
                remedy="Remove or impute these values.",
            )
        return np.asarray(packed)

    def _read_floats(self, name: Name, value: Any) -> Floats:
        try:
            return np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError("values that are no array of numbers", [name], remedy="Give floats or an array.") from None

    def _require_names(self, values: Mapping[Name, Any], what: str = "data") -> None:
        missing = [name for name in self.names if name not in values]
        extra = [name for name in values if name not in self.names]
        if missing:
            raise DataError(f"{what} lacks variables", missing, remedy="Give a value for each of them.")
        if extra:
            raise DataError(f"{what} has names that do not belong there", extra, remedy="Remove them.")

    def _require_shapes(self, shapes: list[tuple[int, ...]]) -> None:
        """Raise `DataError` when a value has a wrong last axis or its leading axes do not match the others."""
        leading = max((shape[:-1] for shape in shapes), key=len)
        for name, size, shape in zip(self.names, self.sizes, shapes, strict=True):
            if shape[-1] != size or shape[:-1] not in ((), leading):
                expected = (*leading, size) if size > 1 else leading
                raise DataError(
                    f"a value of shape {shape if size > 1 else shape[:-1]} where {expected} was expected",
                    [name],
                    remedy="All values share the same leading axes.",
                )
