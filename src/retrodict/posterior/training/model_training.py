"""From a model, or its stored runs, to its posterior: what has no closed form gets an encoder, which is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax

from retrodict.encode.encoder import Encoder
from retrodict.encode.keys import fold_key, make_key, split_key
from retrodict.encode.peaks.peak_encoder import PeakEncoder
from retrodict.encode.recipe import Recipe
from retrodict.encode.statistics import make_statistics
from retrodict.exact.find_forms import Forms, choose_drawn, list_others, plan_closed_forms
from retrodict.graph.names import Name
from retrodict.models.model import Model
from retrodict.posterior.novelty import Familiar
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.posterior.randomness import require_own_randomness
from retrodict.posterior.sharing import share
from retrodict.posterior.tables.runs import Runs
from retrodict.posterior.tables.supplies import FreshSupply, StoredSupply, Supply
from retrodict.posterior.training.peak_training import amortize_by_peaks
from retrodict.posterior.training.plans import Plans
from retrodict.posterior.training.untrained import build_untrained
from retrodict.train.loop import History


class Keys(NamedTuple):
    """The randomness of `amortize`: of the first weights, of what inputs are standardized over, of training."""

    build: jax.Array
    scale: jax.Array
    fit: jax.Array

    @classmethod
    def of(cls, seed: int) -> Keys:
        """Divide a seed."""
        return cls(*split_key(make_key(seed), 3))


def amortize_model(
    model: Model, runs: Runs | None, recipe: Recipe, plans: Plans, seed: int, *, exact: bool, quiet: bool
) -> AmortizedPosterior:
    """Return the posterior of a model, of whose stored runs if there are any."""
    plain = model, recipe.order, recipe.minimize
    inverse, forms = plan_closed_forms(*plain) if exact else (recipe.invert(model), ())
    drawn = choose_drawn(model, inverse, forms)
    compiled, names = share(model, inverse, drawn), drawn or list_others(inverse, forms)
    if runs is None:
        require_own_randomness(compiled.model, compiled.space)
    if not names:
        return AmortizedPosterior.of(model, inverse, None, forms=forms, runs=runs)
    supply: Supply = FreshSupply(compiled) if runs is None else StoredSupply(compiled, runs)
    recipe = replace(recipe, order=inverse)
    trained = _train(supply, recipe, forms, plans, Keys.of(seed), names, exact=exact, quiet=quiet)
    return AmortizedPosterior.of(model, inverse, *trained, forms=forms, runs=runs)


def _train(
    supply: Supply,
    recipe: Recipe,
    forms: Forms,
    plans: Plans,
    keys: Keys,
    names: tuple[Name, ...],
    *,
    exact: bool,
    quiet: bool,
) -> tuple[Encoder | PeakEncoder, History, Recipe, Familiar]:
    """Return a trained encoder, in the units of the posterior where these are known, and what it saw."""
    compiled = supply.compiled
    if exact and not recipe.summaries:
        peaked = amortize_by_peaks(supply, recipe, forms, plans.usual, keys, names, quiet=quiet)
        if peaked is not None:
            return *peaked, supply.learn_familiar(fold_key(keys.scale, 1))
    statistics = make_statistics(forms, compiled.space)
    recipe = replace(recipe, drawn=compiled.space.drawn, statistics=statistics).settle(compiled.model)
    encoder, history = (
        build_untrained(compiled.model, recipe, keys.build, keys.scale, linear=True, compress=True, supply=supply),
        History(),
    )
    plan = plans.suit(recipe.conditional, sum(map(len, compiled.space.code_columns.values())))
    if plan is not None:
        encoder, history = supply.train(encoder, plan, keys.fit, names, quiet=quiet)
    return encoder, history, recipe, supply.learn_familiar(fold_key(keys.scale, 1))
