"""The law of every program that is read: no term of its log joint moves with a latent that is not among its parents.

Terms are those of NumPyro, of the program as the user wrote it and with its data: the density of each element of each
site where the value lies in the support, times its mask and scale. Nothing is taken from how the program was read but
the names of its variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro import handlers

from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program

POINTS = 3
Pairs = set[tuple[str, str]]


def find_moves(model: NumpyroModel, points: int = POINTS, *, keep_data: bool = True) -> Pairs:
    """Pairs of a variable and a term, named by site and element, such that the term moves with the variable.

    With ``keep_data=False`` observed values are changed, too, in spite of what the program says they are.
    """
    run = partial(trace, model.program)
    draws = jax.jit(jax.vmap(lambda key: draw(run, key, keep_data)))(jax.random.split(jax.random.key(0), 2 * points))
    base, other = ({name: np.asarray(value)[i::2] for name, value in draws.items()} for i in range(2))
    shapes = {name: model.sites[name].element_shape for name in base}
    units = [(name, place) for name, shape in shapes.items() for place in np.ndindex(shape)]
    rows = {name: np.repeat(value[:, None], len(units) + 1, axis=1) for name, value in base.items()}
    for i, (name, place) in enumerate(units):
        rows[name][(slice(None), i, *place)] = change(base[name], other[name])[(slice(None), *place)]
    terms = jax.jit(jax.vmap(jax.vmap(lambda values: score(run, values))))(rows)
    moves: Pairs = set()
    for name, value in terms.items():
        found = differs(np.asarray(value)[:, :-1], np.asarray(value)[:, -1:]).any(axis=0)
        places = list(np.ndindex(found.shape[1:]))
        for i, row in enumerate(found.reshape(len(units), -1)):
            moves |= {(label(*units[i]), label(name, places[k])) for k in np.flatnonzero(row)}
    return moves


def find_breaches(model: NumpyroModel, moves: Pairs) -> list[str]:
    """What breaks the law: moves from a variable that is neither that of the term nor a parent of it."""
    stated = {(parent, name) for name in model.net.names for parent in model.net.parents(name)}
    if not model.structure.elementwise:
        moves = {(cause.split("[")[0], term.split("[")[0]) for cause, term in moves}
    return sorted(
        f"{term} moves with {cause}" for cause, term in moves if cause != term and (cause, term) not in stated
    )


def label(site: str, place: tuple[int, ...]) -> str:
    """The name of an element of a site."""
    return f"{site}[{','.join(map(str, place))}]" if place else site


def change(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The other draw; where it is the same, another value that is possible."""
    moved = old + 1 if np.issubdtype(old.dtype, np.floating) else (old == 0).astype(old.dtype)
    return np.where(new == old, moved, new)


def differs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether numbers differ by more than rounding."""
    return ~np.isclose(left, right, rtol=1e-4, atol=1e-5, equal_nan=True)


# -- NumPyro's own view of a program -----------------------------------------------------------------


def trace(program: Program, key: Any, values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sites that a program scores, with these values where they are not data."""
    with handlers.trace() as found, handlers.seed(rng_seed=key), handlers.substitute(data=values):
        program.function(*program.args, **program.kwargs)
    return ((name, site) for name, site in found.items() if site["type"] == "sample")


def draw(run: Any, key: Any, keep_data: bool) -> dict[str, Any]:
    """The values of all sites that may be changed, drawn where they are no data."""
    random = ((n, site) for n, site in run(key, {}) if not isinstance(unwrap(site["fn"]), dist.Delta))
    return {name: jnp.asarray(site["value"]) for name, site in random if not (site["is_observed"] and keep_data)}


def score(run: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The terms of the log joint."""
    terms = {}
    for name, site in run(jax.random.key(0), values):
        scale = 1.0 if site["scale"] is None else site["scale"]
        terms[name] = scale * measure(site["fn"], jnp.asarray(site["value"]))
    return terms


def unwrap(fn: Any) -> Any:
    """The distribution inside of batches, events and masks."""
    return (
        unwrap(fn.base_dist)
        if type(fn).__name__ in {"Independent", "ExpandedDistribution", "MaskedDistribution"}
        else fn
    )


def measure(fn: Any, value: Any) -> Any:
    """The log density of each element of a value, minus infinity outside of the support, zero where masked."""
    if isinstance(fn, dist.Independent):
        return measure(fn.base_dist, value)
    if isinstance(fn, dist.MaskedDistribution):
        density = measure(fn.base_dist, value)
        mask = jnp.asarray(fn._mask)
        extra = fn.event_dim - unwrap(fn).event_dim
        return jnp.where(mask.reshape(*mask.shape, *[1] * (extra if mask.ndim else 0)), density, 0.0)
    if isinstance(fn, dist.ExpandedDistribution):
        shape = fn.batch_shape + fn.base_dist.event_shape[: fn.event_dim - unwrap(fn).event_dim]
        inner = measure(fn.base_dist, value)
        return jnp.broadcast_to(inner, jnp.broadcast_shapes(shape, inner.shape))
    density = fn.log_prob(value)
    try:
        inside = fn.support(value)
    except NotImplementedError:
        return density
    extra = jnp.ndim(inside) - jnp.ndim(density)
    inside = inside.all(axis=tuple(range(-extra, 0))) if extra > 0 else inside
    return jnp.where(inside, density, -jnp.inf)


def check(model: NumpyroModel) -> None:
    """Raise AssertionError where a model breaks the law."""
    breaches = find_breaches(model, find_moves(model))
    assert not breaches, f"{model.program.name}: {breaches[:5]}"
