"""Affine maps from inputs straight to the parameters of columns, as networks are given them to start from."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from retrodict.graph.rows import Integers


class Lines(NamedTuple):
    """Maps of ``columns`` with the same ``parents``.

    ``slopes`` are (parents, columns, parameters), ``intercepts`` (columns, parameters); a family with fewer
    parameters than others leaves out the last ones.
    """

    columns: Integers
    parents: Integers
    slopes: Float[np.ndarray, "parents columns parameters"]
    intercepts: Float[np.ndarray, "columns parameters"]

    def silence(self) -> "Lines":
        """Return the same columns with maps that are zero."""
        return self._replace(
            parents=self.parents[:0], slopes=self.slopes[:0], intercepts=np.zeros_like(self.intercepts)
        )
