"""The untrained encoder of a model, its inputs in the units of simulations, which are drawn or stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.compression import Compression
from retrodict.encode.encoder import Encoder
from retrodict.encode.features import SCALING_DRAWS, Scaling
from retrodict.encode.ready.ready_summaries import use_units
from retrodict.encode.ready.spreads import FixedSpread
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.encode.start.linear_start import count_draws, start_linearly
from retrodict.encode.statistics import refer
from retrodict.encode.summaries import Summaries, Summarized, Summary
from retrodict.graph.names import Name
from retrodict.models.model import Model
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.layout import Floats
from retrodict.posterior.programs import Compiled
from retrodict.posterior.randomness import require_draws_of_key
from retrodict.posterior.sharing import share
from retrodict.posterior.tables.supplies import StoredSupply, Supply
from retrodict.train.compiled import TRAINING
from retrodict.train.failed_simulations import fill_in, set_aside


def build_untrained(
    model: Model,
    recipe: Recipe,
    build_key: jax.Array,
    scale_key: jax.Array,
    observed: jax.Array | None = None,
    dependencies: Dependencies | None = None,
    *,
    linear: bool = False,
    by_bounds: bool = False,
    compress: bool = False,
    supply: Supply | None = None,
) -> Encoder:
    """Return the untrained encoder of a settled recipe, its inputs standardized over simulations.

    With ``linear`` it starts at regressions on these simulations (`start_linearly`).
    With ``compress`` observed numbers of many sizes are seen as logarithms.
    Observed columns have the units of rows of ``observed``, where data are at hand. ``dependencies`` are those of the
    inverse, with other steps if need be. Simulations may fail where training is ``by_bounds``, not on them. They are
    those of a ``supply`` that holds any.
    """
    inverse = recipe.invert(model)
    compiled = share(model, inverse, recipe.drawn)
    space = compiled.space

    stored = isinstance(supply, StoredSupply)
    draws = count_draws(space.dependencies, stored=stored) if linear else SCALING_DRAWS
    given = None if supply is None else supply.give(draws)
    latents, data = given or _simulate(compiled, scale_key, draws, by_bounds=by_bounds)
    seen = data if observed is None else observed
    if recipe.statistics is not None:
        recipe = replace(recipe, statistics=refer(recipe.statistics, *map(jnp.asarray, (latents, data))))
    if recipe.summaries:
        recipe = replace(recipe, summaries=_use_units(recipe, model, space, data if observed is None else observed))
    places = recipe.settle(model).see_latents(space.dependencies).read_exactly(latents)
    summaries = _see_spreads(recipe.read_summaries(model), space, np.asarray(seen))
    compression = Compression.choose(space.dependencies, summaries, np.asarray(seen)) if compress else None
    scaling = Scaling.of(space.dependencies, summaries, seen, places, compression)
    whole = space.dependencies if dependencies is None else dependencies
    built = recipe.build(model, build_key, scaling, whole, compression)
    if any(own.extra for own in summaries):
        built = eqx.tree_at(lambda e: e.features.summaries.modules, built, tuple(own.module for own in summaries))
    return start_linearly(built, data, latents, fixed=not recipe.summaries) if linear else built


def _use_units(recipe: Recipe, model: Model, space: Space, data: Any) -> dict[Name, Summary]:
    """Return the summaries of a recipe, those that are ready made in the units of the data."""
    found = recipe.read_summaries(model)
    return {
        own.name: use_units(own.module, values)
        for own, values in zip(found, _list_values(found, space, data), strict=True)
        if own.name in (recipe.summaries or {})
    }


def _see_spreads(found: tuple[Summarized, ...], space: Space, data: Any) -> tuple[Summarized, ...]:
    """Return summaries, those of spreads with the least spread of the data."""
    return tuple(
        replace(own, module=own.module.over(values)) if isinstance(own.module, FixedSpread) else own
        for own, values in zip(found, _list_values(found, space, data), strict=True)
    )


def _list_values(found: tuple[Summarized, ...], space: Space, data: Any) -> list[Any]:
    """Return the values that each summary sees, one a row."""
    values, taken = np.asarray(data), Summaries.of(space.dependencies, found).taken
    return [values[:, list(of)].reshape(len(values), *own.shape) for own, of in zip(found, taken, strict=True)]


def _simulate(compiled: Compiled, key: jax.Array, n: int, *, by_bounds: bool) -> tuple[Floats, Floats]:
    """Return codes of latents and of observed variables, having checked that they are made from the key."""

    def simulate(key: jax.Array) -> Floats:
        latents, observed = TRAINING.run(compiled.simulate_codes, key, n)
        return np.concatenate([observed, latents], axis=-1)

    drawn, names = simulate(key), compiled.space.code_names
    usable = fill_in(drawn) if by_bounds else set_aside(drawn, names)
    require_draws_of_key(lambda key: np.nan_to_num(simulate(key)), key, np.nan_to_num(drawn), names)
    data, latents = np.split(usable, [int(compiled.space.dependencies.observed_sizes.sum())], axis=1)
    return latents, data
