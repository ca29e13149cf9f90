"""The border between columns of a model at its largest sizes and cells of its template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from retrodict.encode.lifted.cells import Cells, CellVariable
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.frozen import Portable
from retrodict.graph.rows import Integers
from retrodict.models.template_model import TemplateModel


@dataclass(frozen=True, eq=False, repr=False)
class TemplateSpace(Portable):
    """Where the variables of a template model stand: columns of its model, and arrays over the dims of the template.

    Dims of arrays stand in the order of ``template.dims``.
    """

    source: TemplateModel

    @cached_property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """The dims of each variable that is known or drawn, in the order of the template."""
        template = self.source.template
        return {
            v.name: tuple(dim for dim in template.dims if dim in v.dims)
            for v in template.variables
            if v.name not in template.barren
        }

    @cached_property
    def described(self) -> dict[str, CellVariable]:
        """What each variable is. Raises `OptionError` for instances that differ in more than their name."""
        drawn = set(self.source.template.drawn)
        return {name: CellVariable(name, dims, self._describe(name), name in drawn) for name, dims in self.dims.items()}

    def _describe(self, name: str) -> Variable:
        if name in self.source.covariates:
            array, dims = self.source.covariates[name], self.source.template[name].dims
            return Variable(name, size=int(np.prod(array.shape[len(dims) :], dtype=np.int64)))
        net = self.source.model.net
        found = {
            replace(net.variable(v), name=name, plates=()) for v in self.source.names[name].ravel() if v is not None
        }
        if len(found) > 1:
            raise OptionError(
                "the instances of {names} have different supports or shapes, and weights cannot be shared over them",
                [name],
                remedy="Give all of them the same support, or read the program without template=.",
            )
        return found.pop()

    @cached_property
    def columns(self) -> Mapping[str, Integers]:
        """The model columns of each variable that the model draws, ``(*dims, numbers)``; -1 where there is none."""
        return {name: self._arrange(name, self.source.columns(name)) for name in self.dims if name in self.source.names}

    def _arrange(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array over the dims of a variable with these in the order of the template, numbers last."""
        given = self.source.template[name].dims
        whole = array if array.ndim > len(given) else array[..., None]
        order = [given.index(dim) for dim in self.dims[name]]
        return np.transpose(whole, (*order, len(given)))

    @cached_property
    def covariates(self) -> Mapping[str, Float[np.ndarray, "*dims numbers"]]:
        """The values of covariates that are part of the model."""
        return {name: self._arrange(name, array) for name, array in self.source.covariates.items() if name in self.dims}

    @cached_property
    def present(self) -> Mapping[str, np.ndarray]:
        """Which instances of each variable the model has, over the dims."""
        own = {name: np.asarray(columns[..., 0] >= 0) for name, columns in self.columns.items()}
        return own | {name: np.asarray(~np.isnan(values[..., 0])) for name, values in self.covariates.items()}

    def encode(self, columns: Float[Array, "rows width"]) -> dict[str, Float[Array, "rows ..."]]:
        """Return the codes of all variables at the largest sizes, from model columns."""
        codes = {}
        for name, described in self.described.items():
            if name in self.covariates:
                values = jnp.broadcast_to(
                    jnp.asarray(np.nan_to_num(self.covariates[name]), jnp.float32),
                    (len(columns), *self.covariates[name].shape),
                )
            else:
                values = columns[:, np.maximum(self.columns[name], 0)]
            codes[name] = described.coder.encode(values)
        return codes

    def decode(self, name: str, codes: Float[Array, "*batch columns"]) -> Float[Array, "*batch numbers"]:
        """Return values of instances of a variable."""
        return self.described[name].coder.decode(codes)

    def make_cells(
        self,
        columns: Float[Array, "rows width"],
        exists: Mapping[str, Array],
        seen: Mapping[str, Array],
    ) -> Cells:
        """Return cells at the largest sizes."""
        return Cells(self.encode(columns), dict(exists), dict(seen), is_within=True)
