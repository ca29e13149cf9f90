"""The columns of a model and of an encoder of it: names, values, codes, and what a network sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.codes import Codes
from retrodict.encode.features import list_categories
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.frozen import Portable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask
from retrodict.models.discrete.checks import code_states
from retrodict.models.model import Model
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.layout import Floats, Layout, take_columns
from retrodict.plan.moving import mark_moving
from retrodict.plan.supports import count_codes

# Columns that come from so many stretches of others are put together by slices, which compile to plain copies.
FEW_RUNS = 16
MISSING = "Remove or impute these values; a posterior of amortize(model, evidence='any') takes NaN as missing."


@dataclass(frozen=True, eq=False, repr=False)
class Space(Portable):
    """Where the variables of a model stand, in each of the forms that values take on their way through an encoder.

    - *Names*: ``{name: array (*batch, ...)}``, in the units of the model.
    - *Model columns*: all variables side by side, ``(*batch, width)``, in topological order. Those of the latents and
      those of the observed variables also go by themselves.
    - *Codes*: unconstrained numbers behind the latents that the encoder draws (``drawn``, else all but the barren
      ones), and what the encoder is given of the observed variables, their values with categories numbered from 0.
    - *Inputs*: what a network sees of codes, standardized numbers and indicators of categories.

    The columns of ``relaxed`` latents hold their codes, such as logits for binary variables. ``model`` tells where
    supports end that are no constants.
    Each border has one method in each direction. Arrays of JAX are taken everywhere; `split` takes those of NumPy, too.

    >>> from retrodict import invert, zoo
    >>> space = Space(invert(zoo.binary_tree(depth=2)))
    >>> given, observed = space.read({"x1": 0.5, "x2": 1.0})
    >>> columns = space.join(jnp.array([2.0]), jnp.asarray(observed))
    >>> columns.tolist(), space.encode_latents(columns).tolist()
    ([2.0, 0.5, 1.0], [2.0])
    """

    inverse: Inverse
    relaxed: tuple[Name, ...] = ()
    drawn: tuple[Name, ...] | None = None
    model: Model | None = None

    def __repr__(self) -> str:
        return f"Space({self.inverse!r})"

    @property
    def net(self) -> BayesNet:
        """The structure of the model."""
        return self.inverse.net

    # -- names and columns ---------------------------------------------------------------------------

    @cached_property
    def layout(self) -> Layout:
        """The columns of all variables."""
        return Layout.of(self.net, self.net.names)

    @cached_property
    def observed_layout(self) -> Layout:
        """The columns of the observed variables by themselves."""
        return Layout.of(self.net, self.net.observed)

    @cached_property
    def latent_layout(self) -> Layout:
        """The columns of the latents by themselves."""
        return Layout.of(self.net, self.net.latents)

    @property
    def width(self) -> int:
        """The number of model columns."""
        return self.layout.width

    def read(self, data: Any) -> tuple[tuple[Name, ...], Floats]:
        """Return which variables data name, and their values as columns, checked; states may go by their names.

        Raises `DataError` for data that do not fit, `UnknownStateError` for a state that a variable does not have.
        """
        values = self._code(data)
        given = tuple(name for name in self.net.names if name in values) if isinstance(values, Mapping) else ()
        same = given == self.net.observed or not given  # of nothing, the layout says what is missing
        layout = self.observed_layout if same else Layout.of(self.net, given)
        return layout.names, layout.read(values, "data", MISSING)

    def read_latents(self, draws: Any) -> Floats:
        """Return values of all latents as columns, checked as data are."""
        return self.latent_layout.read(self._code(draws), "draws")

    def unpack(self, latents: Any) -> dict[Name, Any]:
        """Return columns of all latents as the values of each, by name."""
        return self.latent_layout.unpack(latents)

    def pick(self, latents: Any, columns: Integers) -> Any:
        """Return these model columns out of those of the latents, in the shape in which they are given."""
        return take_columns(latents, np.searchsorted(self._latents, columns))

    @property
    def code_names(self) -> list[Name]:
        """The variable of each code, observed first, for messages."""
        latents = [name for name, columns in self.code_columns.items() for _ in columns]
        return [*self.observed_layout.owners, *latents]

    @property
    def labels(self) -> list[str]:
        """A label for each column of the latents: the name, with a number where a variable has several."""
        layout = self.latent_layout
        return [
            str(name) if size == 1 else f"{name}[{column}]"
            for name, size in zip(layout.names, layout.sizes, strict=True)
            for column in range(size)
        ]

    def _code(self, values: Any) -> Any:
        """Return values with the names of states as numbers."""
        return code_states(self.net, values) if isinstance(values, Mapping) else values

    # -- model columns -------------------------------------------------------------------------------

    @cached_property
    def generative(self) -> Mask:
        """Mark the barren latents, which the model itself draws, among all variables."""
        mask = np.zeros(len(self.net), dtype=bool)
        mask[self.net.latent_index[self.inverse.is_generative]] = True
        return mask

    def mark(self, variables: Mask) -> Mask:
        """Return the mask of the model columns that belong to marked variables."""
        return np.asarray(np.repeat(variables, self.layout.sizes))

    def split(self, columns: Any) -> tuple[Any, Any]:
        """Return the columns of the latents and those of the observed variables."""
        return take_columns(columns, self._latents), take_columns(columns, self._observed)

    def join(self, latents: jax.Array, observed: jax.Array) -> jax.Array:
        """Return model columns."""
        order = np.argsort(np.concatenate([self._latents, self._observed]))
        return _arrange([latents, observed], order)

    def place(self, observed: jax.Array) -> jax.Array:
        """Return model columns with latents that are still zero."""
        return self.join(jnp.zeros((*observed.shape[:-1], len(self._latents)), observed.dtype), observed)

    def decode_data(self, codes: jax.Array) -> jax.Array:
        """Return the observed model columns that observed codes stand for."""
        data: jax.Array = self.split(self.decode_observed(codes))[1]
        return data

    @cached_property
    def _observed(self) -> Integers:
        return np.flatnonzero(self.mark(self.net.is_observed))

    @cached_property
    def _latents(self) -> Integers:
        return np.flatnonzero(self.mark(~self.net.is_observed))

    @cached_property
    def _drawn(self) -> Integers:
        """The model columns of the latents that the encoder draws."""
        return np.flatnonzero(self.mark(self._is_drawn))

    # -- codes ---------------------------------------------------------------------------------------

    def encode_latents(self, columns: jax.Array) -> jax.Array:
        """Return the codes of the latents that the encoder draws."""
        return self._find_codes(columns).encode(take_columns(columns, self._drawn))

    def decode_latents(self, codes: jax.Array, columns: jax.Array) -> jax.Array:
        """Return model columns in which the latents that the encoder draws have the values of these codes."""
        order = np.arange(self.width)
        order[self._drawn] = self.width + np.arange(len(self._drawn))
        if self.model is None or not self._moving.any():
            return _arrange([columns, self._codes.decode(codes)], order)
        values, own = self._codes.moving
        decoded = self._codes.decode(codes).at[..., values].set(codes[..., own])
        return self.model.limit(_arrange([columns, decoded], order), self._moving)[0]

    def encode_observed(self, columns: jax.Array) -> jax.Array:
        """Return what the encoder is given of the observed variables."""
        return self._observed_codes.encode(take_columns(columns, self._observed))

    def decode_observed(self, codes: jax.Array) -> jax.Array:
        """Return model columns with the observed variables of which an encoder is given these codes, else zero."""
        return self.place(self._observed_codes.decode(codes))

    def log_det(self, codes: jax.Array, columns: jax.Array) -> jax.Array:
        """Return the log of the volume that a unit of codes of latents becomes, in nats; they stand for these values.

        A value moves with its own code and those of earlier variables, so that the volume is that of each by itself.
        """
        return self._find_codes(columns).log_det(codes)

    def contains(self, columns: jax.Array) -> jax.Array:
        """Return whether the latents that the encoder draws lie in their supports."""
        return self._find_codes(columns).contains(take_columns(columns, self._drawn))

    def holds(self, columns: jax.Array) -> jax.Array:
        """Return whether the latents that the encoder draws are finite and within their supports, not at an end."""
        values = take_columns(columns, self._drawn)
        return self._find_codes(columns).holds(values) & jnp.isfinite(values).all(axis=-1)

    @cached_property
    def code_columns(self) -> dict[Name, Integers]:
        """The codes of each latent that the encoder draws, by their place among the codes of latents."""
        sizes = [count_codes(variable) for variable in self._variables]
        ends = np.cumsum(sizes, dtype=np.int64).tolist()
        return {v.name: np.arange(end - s, end) for v, s, end in zip(self._variables, sizes, ends, strict=True)}

    @cached_property
    def _is_drawn(self) -> Mask:
        """Mark the latents that the encoder draws among all variables."""
        if self.drawn is None:
            return ~self.net.is_observed & ~self.generative
        return np.isin(np.arange(len(self.net)), [self.net.index(name) for name in self.drawn])

    @cached_property
    def _variables(self) -> Sequence[Variable]:
        return [self.net.variable(self.net.names[i]) for i in np.flatnonzero(self._is_drawn).tolist()]

    @cached_property
    def _codes(self) -> Codes:
        """Raises `OptionError` for a support that has no codes."""
        own = [Variable(v.name, size=v.size) if v.name in self.relaxed else v for v in self._variables]
        return Codes.of(own, given=self.model is not None)

    def _find_codes(self, columns: jax.Array) -> Codes:
        """Return the codes of the latents, whose supports end where these values say."""
        codes = self._codes
        if self.model is None or not self._moving.any():
            return codes
        _, low, high = self.model.limit(columns, np.zeros(len(self.net), dtype=bool))
        return codes.within(take_columns(low, self._drawn), take_columns(high, self._drawn))

    @cached_property
    def _moving(self) -> Mask:
        """Mark the latents that the encoder draws and whose supports move, among all variables."""
        return mark_moving(self.net) & self._is_drawn

    @cached_property
    def _observed_codes(self) -> Codes:
        return Codes.of_observed([self.net.variable(name) for name in self.net.observed])

    # -- inputs --------------------------------------------------------------------------------------

    @cached_property
    def dependencies(self) -> Dependencies:
        """Which inputs each code of a latent depends on; raise `SizeError` for more than can be written out."""
        return Dependencies.of(self.inverse, self.drawn).by_column()

    @property
    def categories(self) -> Integers:
        """The number of categories of each code, observed first; 0 for real numbers and counts."""
        return list_categories(self.dependencies)


def _arrange(parts: Sequence[jax.Array], order: Integers) -> jax.Array:
    """Return columns of several arrays, numbered through, in this order."""
    joined = jnp.concatenate(parts, axis=-1)
    runs = np.split(order, np.flatnonzero(np.diff(order) != 1) + 1)
    if len(runs) > FEW_RUNS:
        return joined[..., order]
    return jnp.concatenate([take_columns(joined, run) for run in runs], axis=-1)
