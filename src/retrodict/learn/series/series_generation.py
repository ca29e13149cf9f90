"""New series of a program, drawn upwards in time."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError
from retrodict.models.series_program import SeriesProgram, list_links, list_modeled


def generate_series(program: SeriesProgram, key: jax.Array, times: int, n: int) -> dict[str, NDArray[Any]]:
    """Return ``n`` joint draws of all variables; raise `OptionError` for a program with inputs."""
    template = program.template
    inputs = set(template.observed) - set(list_modeled(template))
    if inputs:
        raise OptionError(
            f"the program has inputs, {', '.join(sorted(inputs))}, whose values it does not say",
            remedy="Draw with the program itself.",
        )
    drawn = eqx.filter_jit(_generate)(program, key, times, n)
    return {name: np.asarray(value) for name, value in drawn.items()}


def _generate(program: SeriesProgram, key: jax.Array, times: int, n: int) -> dict[str, jax.Array]:
    template, order = program.template, list_modeled(program.template)
    static_names = [name for name in order if not template.is_timed(name)]
    timed_names = [name for name in order if template.is_timed(name)]
    static: dict[str, jax.Array] = {}
    for name in static_names:
        key, own = jax.random.split(key)
        parents = {link.text: static[link.parent] for link in list_links(template, name)}
        static[name] = _draw(program, name, parents, jnp.zeros((), int), own, n)

    def step(window: dict[str, jax.Array], time: jax.Array) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
        now: dict[str, jax.Array] = {}
        for place, name in enumerate(timed_names):
            parents = {}
            for link in list_links(template, name):
                if link.parent in static:
                    parents[link.text] = static[link.parent]
                else:
                    parents[link.text] = window[link.parent][link.lag - 1] if link.lag else now[link.parent]
            own = jax.random.fold_in(jax.random.fold_in(key, time), place)
            now[name] = _draw(program, name, parents, time, own, n)
        moved = {name: jnp.concatenate([now[name][None], old])[: len(old)] for name, old in window.items()}
        return moved, now

    start = {name: jnp.zeros((template.max_lag, n, program.columns[name])) for name in timed_names}
    _, values = jax.lax.scan(step, start, jnp.arange(times))
    return static | {name: jnp.moveaxis(value, 0, 1) for name, value in values.items()}


def _draw(
    program: SeriesProgram, name: str, parents: dict[str, jax.Array], time: jax.Array, key: jax.Array, n: int
) -> jax.Array:
    density = program.condition(name, parents, time)
    shape = (n, program.columns[name])
    missing = shape[: len(shape) - len(density.batch_shape)] if density.batch_shape != shape else ()
    return jnp.broadcast_to(density.sample(key, missing), shape).astype(jnp.float32)
