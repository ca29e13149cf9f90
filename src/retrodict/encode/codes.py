"""Values of variables as codes: numbers that may be any, so that whatever an encoder draws lies in the support.

A latent with a constrained support is inferred through the bijection that NumPyro uses for it; categories are numbered
from 0. Observed values are only read, so they are left as they are, their categories apart. Where supports end can
depend on other variables; it is then given with the values (`Codes.within`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpyro.distributions import constraints
from numpyro.distributions.transforms import biject_to

from retrodict.errors import OptionError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.rows import Integers
from retrodict.plan.layout import take_columns
from retrodict.plan.moving import is_moving
from retrodict.plan.supports import (
    BOUNDED,
    DISCRETE,
    ENDED,
    EVENT_AXES,
    NUMBERS,
    SUMMED,
    count_codes,
    event_shape,
    is_discrete,
)

# Draws of a bounded variable can be rounded onto its bound, whose code is infinite: they are moved inside by so much.
MARGIN = float(np.finfo(np.float32).eps)
# How far the sum of a simplex may be from one in 32-bit numbers.
TOLERANCE = 1e-4
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class Piece:
    """Events with one support and shape: the columns of their values, (events, numbers), and those of their codes.

    The supports of ``moving`` events end elsewhere in each row: ``low`` and ``high`` then have its leading axes, too.
    """

    support: str
    shape: tuple[int, ...]
    values: Integers
    codes: Integers
    low: Any = 0.0
    high: Any = 1.0
    moving: bool = False

    def encode(self, values: Float[Array, "*batch columns"]) -> Float[Array, "*batch events codes"]:
        """Return the codes of these events."""
        events = self._pull_in(take_columns(values, self.values).reshape(*values.shape[:-1], -1, *self.shape))
        codes = events - self._low if self.support in DISCRETE else self._bijection.inv(events)
        return codes.reshape(*values.shape[:-1], *self.codes.shape)

    def decode(self, codes: Float[Array, "*batch columns"]) -> Float[Array, "*batch events numbers"]:
        """Return the values of these events."""
        events = self._read(codes)
        values = jnp.round(events) + self._low if self.support in DISCRETE else self._bijection(events)
        return values.reshape(*codes.shape[:-1], *self.values.shape)

    def log_dets(self, codes: Float[Array, "*batch columns"]) -> Float[Array, "*batch events"]:
        """Return the log of the volume that a unit of codes becomes, for each of these events."""
        if self.support in DISCRETE:
            return jnp.zeros((*codes.shape[:-1], len(self.codes)), codes.dtype)
        events = self._read(codes)
        log_det = self._bijection.log_abs_det_jacobian(events, self._bijection(events))
        return log_det.reshape(*codes.shape[:-1], -1)

    def contains(self, values: Float[Array, "*batch columns"]) -> Bool[Array, "*batch"]:
        """Return whether all of these events lie in their support."""
        events = values[..., self.values].reshape(*values.shape[:-1], -1, *self.shape)
        if self.support in DISCRETE:
            inside = (events == jnp.round(events)) & (events >= self._low)
        elif self.support == "simplex":
            inside = (events >= 0).all(axis=-1) & (jnp.abs(events.sum(axis=-1) - 1) < TOLERANCE)
        elif self.support in BOUNDED:
            inside = (events >= self._low) & (events <= self._high)
        else:
            inside = self._bijection.codomain(events)
        return inside.reshape(*values.shape[:-1], -1).all(axis=-1)

    def spares_ends(self, values: Float[Array, "*batch columns"]) -> Bool[Array, "*batch"]:
        """Return whether no number of these events is an end of its support."""
        events = values[..., self.values].reshape(*values.shape[:-1], -1, *self.shape)
        if self.support in BOUNDED:
            inside = (events > self._low) & (events < self._high)
        elif self.support == "simplex":
            inside = events > 0
        else:
            inside = jnp.ones(events.shape, bool)
        return inside.reshape(*values.shape[:-1], -1).all(axis=-1)

    def _read(self, codes: Array) -> Array:
        events = take_columns(codes, self.codes)
        if not self.shape:
            return events[..., 0]
        return events.reshape(*events.shape[:-1], *self._bijection.inverse_shape(self.shape))

    def _pull_in(self, events: Array) -> Array:
        if self.support == "positive":
            return jnp.maximum(events, TINY)
        if self.support in BOUNDED:
            margin = MARGIN * (self._high - self._low)
            least, greatest = _step(self._low, jnp.inf), _step(self._high, -jnp.inf)
            return jnp.clip(events, jnp.maximum(self._low + margin, least), jnp.minimum(self._high - margin, greatest))
        if self.support == "greater_than":
            return jnp.maximum(events, _step(self._low, jnp.inf))
        if self.support == "less_than":
            return jnp.minimum(events, _step(self._high, -jnp.inf))
        if self.support == "simplex":
            inside = jnp.maximum(events, TINY)
            return inside / inside.sum(axis=-1, keepdims=True)
        return events

    @property
    def _low(self) -> Array:
        return jnp.asarray(self.low, jnp.float32)

    @property
    def _high(self) -> Array:
        return jnp.asarray(self.high, jnp.float32)

    @property
    def _bijection(self) -> Any:
        return bijection_to(self.support, self._low, self._high)


@dataclass(frozen=True, eq=False)
class Codes:
    r"""The map between columns of values and columns of codes of some variables.

    :math:`\log q(z) = \log q(c) - \log |\partial z / \partial c|` for a latent z with code c.

    >>> codes = Codes.of([Variable("a", support="positive"), Variable("b", size=3, support="simplex")])
    >>> values = codes.decode(jnp.zeros((1, 3)))
    >>> values.round(3).tolist(), codes.encode(values).shape
    ([[1.0, 0.3330000042915344, 0.3330000042915344, 0.3330000042915344]], (1, 3))
    """

    pieces: tuple[Piece, ...]
    n_values: int
    n_codes: int

    @classmethod
    def of(cls, latents: Sequence[Variable], *, given: bool = False) -> "Codes":
        """Return the codes of latents; raise `OptionError`, naming them, for supports that have none.

        ``given`` says that ends that are no constants will be (`within`).
        """
        _require_supported(latents)
        _require_ends([v for v in latents if v.categories is None and not (given and is_moving(v))])
        return _collect(latents, [count_codes(variable) for variable in latents])

    @classmethod
    def of_observed(cls, observed: Sequence[Variable]) -> "Codes":
        """Return the codes of observed variables: their values, categories numbered from 0."""
        plain = [v if is_discrete(v) and v.bounds is not None else Variable(v.name, size=v.size) for v in observed]
        return _collect(plain, [variable.size for variable in plain])

    def encode(self, values: Float[Array, "*batch columns"]) -> Float[Array, "*batch codes"]:
        """Return the codes of values."""
        if not self.pieces:
            return values
        own, places = self._plain
        parts = [take_columns(values, own), *(_flatten(piece.encode(values)) for piece in self.pieces)]
        order = np.argsort(np.concatenate([places, *(piece.codes.ravel() for piece in self.pieces)]))
        return take_columns(jnp.concatenate(parts, axis=-1), order).astype(jnp.result_type(values))

    def decode(self, codes: Float[Array, "*batch codes"]) -> Float[Array, "*batch columns"]:
        """Return the values of codes."""
        if not self.pieces:
            return codes
        places, own = self._plain
        parts = [take_columns(codes, own), *(_flatten(piece.decode(codes)) for piece in self.pieces)]
        order = np.argsort(np.concatenate([places, *(piece.values.ravel() for piece in self.pieces)]))
        return take_columns(jnp.concatenate(parts, axis=-1), order).astype(jnp.result_type(codes))

    def contains(self, values: Float[Array, "*batch columns"]) -> Bool[Array, "*batch"]:
        """Return whether all values lie in their support."""
        inside = jnp.ones(values.shape[:-1], bool)
        for piece in self.pieces:
            inside = inside & piece.contains(values)
        return inside

    def holds(self, values: Float[Array, "*batch columns"]) -> Bool[Array, "*batch"]:
        """Return whether all values lie in their support, and none is so near to an end that it was rounded onto it."""
        inside = self.contains(values)
        for piece in self.pieces:
            inside = inside & piece.spares_ends(values)
        return inside

    def log_det(self, codes: Float[Array, "*batch codes"]) -> Float[Array, "*batch"]:
        """Return the log of the volume that a unit of codes becomes, in nats."""
        total = jnp.zeros(codes.shape[:-1], codes.dtype)
        for piece in self.pieces:
            total = total + piece.log_dets(codes).sum(axis=-1).astype(codes.dtype)
        return total

    def log_dets(self, codes: Float[Array, "*batch codes"]) -> Float[Array, "*batch codes"]:
        """Return `log_det` apart: that of each event, which may have several codes, at its first one."""
        found = jnp.zeros_like(codes)
        for piece in self.pieces:
            found = found.at[..., piece.codes[:, 0]].set(piece.log_dets(codes).astype(codes.dtype))
        return found

    def within(self, low: Float[Array, "*batch columns"], high: Float[Array, "*batch columns"]) -> "Codes":
        """Return the codes for values whose supports, where they are no constants, end at these numbers."""
        pieces = (
            replace(p, low=low[..., p.values[:, 0]], high=high[..., p.values[:, 0]]) if p.moving else p
            for p in self.pieces
        )
        return replace(self, pieces=tuple(pieces))

    @property
    def moving(self) -> tuple[Integers, Integers]:
        """The columns of values whose supports move, and the columns of their codes."""
        nothing = np.zeros(0, dtype=np.int64)
        own = [piece for piece in self.pieces if piece.moving]
        values, codes = ([getattr(piece, name).ravel() for piece in own] for name in ("values", "codes"))
        return np.concatenate([nothing, *values]), np.concatenate([nothing, *codes])

    @property
    def _plain(self) -> tuple[Integers, Integers]:
        """The columns of values that are their own codes, and the columns of these codes."""
        nothing = np.zeros(0, dtype=np.int64)
        coded = np.concatenate([nothing, *(piece.values.ravel() for piece in self.pieces)])
        codes = np.concatenate([nothing, *(piece.codes.ravel() for piece in self.pieces)])
        return np.setdiff1d(np.arange(self.n_values), coded), np.setdiff1d(np.arange(self.n_codes), codes)


def bijection_to(support: str, low: Any = 0.0, high: Any = 1.0) -> Any:
    """Return NumPyro's bijection from real numbers to a support that is not discrete, given by its name.

    >>> float(bijection_to("interval", 2.0, 4.0)(0.0))
    3.0
    """
    low, high = jnp.asarray(low, jnp.float32), jnp.asarray(high, jnp.float32)
    if support in BOUNDED:
        return biject_to(constraints.interval(low, high))
    if support.startswith("zero_sum_"):
        return biject_to(constraints.zero_sum(int(support[-1])))
    if support in ENDED:
        return biject_to(constraints.greater_than(low) if support == "greater_than" else constraints.less_than(high))
    return biject_to(getattr(constraints, support))


def bounds_or_default(variable: Variable) -> tuple[float, float]:
    """Return the ends of the support of a variable; those of its kind where it states none."""
    low, high = variable.bounds or _default_bounds(variable.support)
    return float(low), float(high)


def _flatten(events: Float[Array, "*batch events numbers"]) -> Float[Array, "*batch columns"]:
    """Return the numbers of all events one after another."""
    return events.reshape(*events.shape[:-2], -1)


def _collect(variables: Sequence[Variable], sizes: Sequence[int]) -> Codes:
    """Gather the events of all variables into pieces of one support and shape, those that move by themselves."""
    gathered: dict[tuple[str, tuple[int, ...], bool], list[tuple[Integers, Integers, float, float]]] = {}
    value = code = 0
    for variable, size in zip(variables, sizes, strict=True):
        if variable.support != "real":
            shape = event_shape(variable)
            events = variable.size // int(np.prod(shape, dtype=np.int64))
            low, high = bounds_or_default(variable)
            columns = value + np.arange(variable.size).reshape(events, -1)
            codes = code + np.arange(size).reshape(events, -1)
            rows = gathered.setdefault((variable.support, shape, is_moving(variable)), [])
            rows += [(v, c, low, high) for v, c in zip(columns, codes, strict=True)]
        value, code = value + variable.size, code + size
    pieces = tuple(
        Piece(support, shape, *map(np.array, zip(*rows, strict=True)), moving)  # type: ignore[arg-type, call-arg]
        for (support, shape, moving), rows in gathered.items()
    )
    return Codes(pieces, value, code)


def _default_bounds(support: str) -> tuple[float, float]:
    return (-np.pi, np.pi) if support == "circular" else (0.0, 1.0)


def _require_supported(latents: Sequence[Variable]) -> None:
    known = {*NUMBERS, *DISCRETE, *EVENT_AXES} - {*SUMMED}
    unknown = [variable for variable in latents if variable.support not in known]
    if unknown:
        raise OptionError(
            f"no conditional family is known for the support of {{names}} ({', '.join(v.support for v in unknown)})",
            [variable.name for variable in unknown],
            remedy="Write the program with latents on another support, such as a real number that is transformed.",
        )


def _require_ends(latents: Sequence[Variable]) -> None:
    """Raise `OptionError` for latents whose supports end where nothing says."""
    loose = [v for v in latents if v.bounds is None and v.support in (*ENDED, "categorical", "bounded_count")]
    if loose:
        raise OptionError(
            "the ends of the support of {names} are not constants",
            [variable.name for variable in loose],
            remedy="Numbers of states that are drawn cannot be inferred: give the largest, and weigh the states. Ends "
            "of real numbers may be drawn where a NumPyro program says so.",
        )


def _step(end: Array, towards: float) -> Array:
    """Return the next number that 32 bits hold, seen from an end of a support."""
    return jax.lax.stop_gradient(jnp.nextafter(end, jnp.full_like(end, towards)))
