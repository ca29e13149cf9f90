"""Log densities of all variables of a template model, as a function of its columns and of its covariates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions.distribution import validation_enabled

from retrodict.errors import DensityError, RetrodictError
from retrodict.graph.rows import Integers
from retrodict.models.template_model import TemplateModel
from retrodict.plan.arrays import Floats
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.distributions.numpyro_supports import peel
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.templates.provenance import list_leaves, with_leaves


def _narrow(places: Any) -> Any:
    """Return indices of 32 bits, which JAX takes in single and double precision, inside of derivatives, too."""
    return np.asarray(places, np.int32)


@dataclass(frozen=True, eq=False)
class ElementDensities:
    """The log density of each variable of the model given its parents, without guards of supports.

    The input is a row of all columns of the model, and behind them those of its arguments that are covariates. It is
    computed in the precision of the program, for whose arrays JAX has one.
    """

    source: TemplateModel

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """The arguments that can be replaced by other numbers, by their place among the leaves."""
        wanted = sorted({place.leaf for place in self.source.arguments.values()})
        return tuple(leaf for leaf in wanted if self._can_replace(leaf))

    @cached_property
    def filler(self) -> Floats:
        """One draw of all columns, and the arguments of the program."""
        drawn = np.asarray(self.source.model.draw(jax.random.key(0), 1))[0]
        own = [np.ravel(list_leaves(self._program)[leaf]) for leaf in self.leaves]
        return np.concatenate([drawn, *own]).astype(np.float32)

    @cached_property
    def columns(self) -> Mapping[str, Integers]:
        """The places in a row of each variable and of each covariate that can be replaced, over its dims.

        Dims stand in the order of the template, numbers last; -1 is an instance that is absent.
        """
        found = {name: self._arrange(name, self.source.columns(name)) for name in self.source.names}
        starts, start = {}, self.source.model.layout.width
        for leaf in self.leaves:
            starts[leaf] = start
            start += np.size(list_leaves(self._program)[leaf])
        for name, place in self.source.arguments.items():
            if place.leaf in starts:
                own = np.where(place.places < 0, -1, place.places + starts[place.leaf])
                found[name] = self._arrange(name, own)
        return found

    @cached_property
    def dims(self) -> Mapping[str, tuple[str, ...]]:
        """The dims of each variable, in the order of the template."""
        template = self.source.template
        return {v.name: tuple(dim for dim in template.dims if dim in v.dims) for v in template.variables}

    @cached_property
    def numbers(self) -> Mapping[str, Integers]:
        """The number in the model of each instance of what the model draws, over dims; -1 is one that is absent."""
        net = self.source.model.net
        found = {}
        for name, names in self.source.names.items():
            own = np.array([-1 if unit is None else net.index(unit) for unit in names.ravel()], np.int64)
            found[name] = self._arrange(name, own.reshape(names.shape))[..., 0]
        return found

    def __call__(self, row: jax.Array) -> jax.Array:
        """Return the log densities, in the order of the model's variables."""
        model = self.source.model
        if not isinstance(model, NumpyroModel):
            return model.log_conditionals(row[: model.layout.width])
        values = {}
        for name, site in model.sites.items():
            found = row[_narrow(model.structure.columns[name])]
            own = found if np.issubdtype(site.dtype, np.floating) else jnp.round(found).astype(site.dtype)
            values[name] = own
        with validation_enabled(False):
            trace = run(self._substitute(row[model.layout.width :]), model.sites, values)
            parts = [self._score(trace[name]["fn"], values[name], name) for name in model.sites]
        order = np.argsort(np.concatenate([own.ravel() for own in model.structure.variables.values()]))
        return jnp.concatenate(parts)[_narrow(order)]

    @cached_property
    def is_computable(self) -> bool:
        """Whether all densities can be computed."""
        try:
            jax.eval_shape(self, self.filler)
        except (NotImplementedError, DensityError, RetrodictError, TypeError):
            return False
        return True

    def _score(self, fn: Any, value: Any, name: str) -> Any:
        model: Any = self.source.model
        density = jnp.broadcast_to(peel(fn).log_prob(value), model.sites[name].element_shape)
        return density.reshape(model.structure.variables[name].size, -1).sum(axis=1)

    def _substitute(self, numbers: jax.Array) -> Any:
        replaced, start = {}, 0
        for leaf in self.leaves:
            own = list_leaves(self._program)[leaf]
            replaced[leaf] = numbers[start : start + np.size(own)].reshape(np.shape(own))
            start += np.size(own)
        return with_leaves(self._program, replaced)

    def _can_replace(self, leaf: int) -> bool:
        model: Any = self.source.model
        values = {name: np.zeros(site.shape, site.dtype) for name, site in model.sites.items()}

        def try_one(given: Any) -> None:
            run(with_leaves(self._program, {leaf: given}), model.sites, values)

        try:
            with validation_enabled(False):
                jax.eval_shape(try_one, np.asarray(list_leaves(self._program)[leaf], np.float32))
        except (RetrodictError, TypeError, jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            return False
        return True

    @property
    def _program(self) -> Any:
        model: Any = self.source.model
        return model.program

    def _arrange(self, name: str, array: Any) -> Any:
        """Return an array over the dims of a variable with these in the order of the template, numbers last."""
        given = self.source.template[name].dims
        whole = array if array.ndim > len(given) else array[..., None]
        return np.transpose(whole, (*(given.index(dim) for dim in self.dims[name]), len(given)))
