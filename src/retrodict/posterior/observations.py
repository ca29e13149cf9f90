"""The evidence of a request: which variables are given, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retrodict.encode.space import Space
from retrodict.errors import DataError
from retrodict.graph.names import Name
from retrodict.plan.layout import Floats


@dataclass(frozen=True, eq=False)
class Evidence:
    """Which variables are given, and their values for a batch of observations; `AmortizedPosterior.read` makes it.

    Arguments:
        given: the names of the variables, in topological order.
        columns: their values side by side, an array ``(*batch, columns)``.

    >>> evidence = Evidence(("x", "y"), np.array([[0.5, 1.0], [0.0, 2.0], [1.0, 1.0]]))
    >>> evidence.batch, len(evidence)
    ((3,), 3)
    """

    given: tuple[Name, ...]
    columns: Floats

    @classmethod
    def of(cls, space: Space, data: Mapping[Name, Any]) -> Evidence:
        """Read data, which say by their names what is given; raise what `Space.read` raises."""
        return cls(*space.read(data))

    @property
    def batch(self) -> tuple[int, ...]:
        """Axes of the observations."""
        return self.columns.shape[:-1]

    def __len__(self) -> int:
        """Return the number of observations."""
        return int(np.prod(self.batch, dtype=np.int64))

    @cached_property
    def rows(self) -> Floats:
        """The observations one after another."""
        return self.columns.reshape(len(self), -1)

    def require(self, expected: tuple[Name, ...]) -> None:
        """Raise `DataError` unless exactly these variables are given."""
        if self.given == expected:
            return
        missing = [name for name in expected if name not in self.given]
        if missing:
            raise DataError(
                "the data lack {names}, for which the encoder was built",
                missing,
                remedy="Give a value of each, or amortize the model with fewer variables observed.",
            )
        raise DataError(
            "the data hold {names}, for which the encoder was not built",
            [name for name in self.given if name not in expected],
            remedy="Leave them out, or amortize the model with them observed.",
        )
