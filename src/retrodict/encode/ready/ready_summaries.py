"""Summaries by name, for the three kinds of data that are large: sets, series and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from retrodict.encode.keys import make_key, split_key
from retrodict.errors import OptionError
from retrodict.graph.names import Name

# Units of hidden layers and features, and channels of the convolutions, each of which halves the length of an axis.
UNITS, FEATURES, CHANNELS = 64, 32, (16, 32, 32)


class Standardized(eqx.Module):
    """Values in the units of the data (abstract): ``center`` and ``spread`` are known, and not learned."""

    center: eqx.AbstractVar[Float[Array, " numbers"]]
    spread: eqx.AbstractVar[Float[Array, " numbers"]]

    def standardize(self, value: Float[Array, "*axes"]) -> Float[Array, "*axes"]:
        """Return a value whose last axis has the numbers that are standardized."""
        center, spread = map(jax.lax.stop_gradient, (self.center, self.spread))
        return (value - center) / spread


class SetSummary(Standardized):
    """A summary that does not depend on the order of its rows: means and maxima of what a network makes of each.

    Source: Zaheer et al. 2017 (deep sets).
    """

    center: Float[Array, " numbers"]
    spread: Float[Array, " numbers"]
    inner: eqx.nn.MLP
    outer: eqx.nn.MLP

    def __init__(self, shape: tuple[int, ...], key: Any) -> None:
        width = shape[-1] if len(shape) > 1 else 1
        first, second = split_key(key)
        self.center, self.spread = jnp.zeros(width), jnp.ones(width)
        self.inner = eqx.nn.MLP(width, UNITS, UNITS, 1, key=first)
        self.outer = eqx.nn.MLP(2 * UNITS, FEATURES, UNITS, 1, key=second)

    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return the features of a set, whose first axes count its members."""
        rows = self.standardize(value.reshape(-1, len(self.center)))
        made = jax.vmap(self.inner)(rows)
        return self.outer(jnp.concatenate([made.mean(axis=0), made.max(axis=0)]))


class GridSummary(Standardized):
    """A summary by convolutions over one axis (a series) or two (an image): means over places, and some places.

    Channels of an image stand first, numbers of a series last.
    """

    center: Float[Array, " numbers"]
    spread: Float[Array, " numbers"]
    layers: tuple[eqx.nn.Conv, ...]
    outer: eqx.nn.MLP
    axes: int = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...], key: Any, axes: int) -> None:
        places = shape[:axes] if axes == 1 else shape[-axes:]
        width = int(np.prod(shape)) // int(np.prod(places))
        keys = split_key(key, len(CHANNELS) + 1)
        sizes = (width, *CHANNELS)
        self.axes = axes
        self.center, self.spread = jnp.zeros(width), jnp.ones(width)
        self.layers = tuple(
            eqx.nn.Conv(axes, sizes[i], sizes[i + 1], 3, stride=2, padding=1, key=keys[i]) for i in range(len(CHANNELS))
        )
        left = [-(-length // 2 ** len(CHANNELS)) for length in places]
        self.outer = eqx.nn.MLP(
            CHANNELS[-1] * min(int(np.prod(left)), 16) + CHANNELS[-1], FEATURES, UNITS, 1, key=keys[-1]
        )

    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return the features of a series or an image."""
        width = len(self.center)
        if self.axes == 1:
            made = self.standardize(value.reshape(len(value), width)).T
        else:
            planes = jnp.moveaxis(value.reshape(width, *value.shape[-2:]), 0, -1)
            made = jnp.moveaxis(self.standardize(planes), -1, 0)
        for layer in self.layers:
            made = jax.nn.relu(layer(made))
        flat = made.reshape(len(made), -1)
        kept = flat[:, np.linspace(0, flat.shape[1] - 1, min(flat.shape[1], 16)).round().astype(int)]
        return self.outer(jnp.concatenate([flat.mean(axis=1), kept.ravel()]))


def make_ready(kind: str, name: Name, shape: tuple[int, ...]) -> Any:
    """Return the untrained summary of this name for values of a shape: ``"set"``, ``"series"`` or ``"image"``.

    Raises `OptionError` for another name, and for values of too few axes.

    >>> make_ready("set", "x", (20, 3))(jnp.zeros((20, 3))).shape
    (32,)
    """
    least = {"set": 1, "series": 1, "image": 2}
    if kind not in least:
        raise OptionError(
            f"the summary {kind!r} of {{names}} does not exist", [name], remedy=f"Give a module, or {', '.join(least)}."
        )
    if len(shape) < least[kind]:
        raise OptionError(
            f"the summary {kind!r} of {{names}} needs a value of {least[kind]} axes or more, and it has {len(shape)}",
            [name],
            remedy="Leave it out.",
        )
    key = make_key(0)
    return SetSummary(shape, key) if kind == "set" else GridSummary(shape, key, 1 if kind == "series" else 2)


def use_units(module: Any, values: Float[np.ndarray, "rows ..."]) -> Any:
    """Return a ready summary in the units of these values, the first axis the rows; others as they are."""
    if not isinstance(module, Standardized):
        return module
    width = len(module.center)
    is_image = isinstance(module, GridSummary) and module.axes == 2
    places = values.reshape(len(values), width, -1) if is_image else values.reshape(len(values), -1, width)
    axes = (0, 2) if is_image else (0, 1)
    spread = places.std(axis=axes)
    units = places.mean(axis=axes), np.where(spread > 0, spread, 1.0)
    found = tuple(jnp.asarray(unit, jnp.float32) for unit in units)
    return eqx.tree_at(lambda own: (own.center, own.spread), module, found)


def name_ready(modules: Mapping[Any, Any], shapes: Mapping[Any, tuple[int, ...]]) -> dict[Any, Any]:
    """Return modules with those that are named made for the shapes of their values."""
    return {
        name: make_ready(module, name, shapes[name]) if isinstance(module, str) and name in shapes else module
        for name, module in modules.items()
    }
