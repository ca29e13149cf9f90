"""The encoder of a learned model: its inverse by name, its widths by capacity, its units from data and simulations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import choose_conditional
from retrodict.encode.features import SCALING_DRAWS, Scaling
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.encode.summaries import Summaries, Summarized, Summary, summarize
from retrodict.errors import OptionError
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert import invert
from retrodict.plan.capacity import match_widths
from retrodict.plan.counts import read_count
from retrodict.plan.dependencies import Dependencies
from retrodict.read.numpyro.model import NumpyroModel

Structure = str | Sequence[Name] | Inverse


@dataclass(frozen=True)
class EncoderPlan:
    """How the encoder of a learned model is to be built; the names are those of `fit_model`."""

    structure: Structure = "auto"
    minimize: str = "edges"
    network: str = "shared"
    widths: Sequence[int] | None = None
    capacity: int | None = None
    conditional: str = "normal"
    summaries: Mapping[str, Summary] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.widths is not None and self.capacity is not None:
            raise OptionError("widths and capacity are both given", remedy="Give one of them.")
        if self.capacity is not None:
            object.__setattr__(self, "capacity", read_count("capacity", self.capacity))


def find_inverse(model: NumpyroModel, plan: EncoderPlan) -> Inverse:
    """Return the inverse that is asked for, as `invert` does.

    Raises what `invert` raises, and `OptionError` for a model without latents to infer.
    """
    inverse = invert(model, plan.structure, plan.minimize)
    if not len(model.net.latents) or inverse.is_generative.all():
        raise OptionError(
            "no latent of the program has an observed descendant: there is nothing to infer",
            remedy="Give data for sites that depend on latents.",
        )
    return inverse


def make_recipe(model: NumpyroModel, inverse: Inverse, plan: EncoderPlan) -> Recipe:
    """Return how the encoder is built, with widths that match the capacity where one is asked for.

    Raises `OptionError` for summaries of what is no observed site, or of which a latent sees a part only.
    """
    summaries = find_summaries(model, plan.summaries)
    widths = plan.widths
    if plan.capacity is not None:
        dependencies = Dependencies.of(inverse).by_column()
        seen = summarize(dependencies, summaries) if summaries else dependencies
        parameters = choose_conditional(seen, None, plan.conditional).n_parameters
        widths = match_widths(seen, plan.capacity, parameters, kind=plan.network)
    return replace(Recipe.of(plan.network, widths, conditional=plan.conditional), summaries=tuple(summaries))


def find_summaries(model: NumpyroModel, modules: Mapping[str, Summary]) -> list[Summarized]:
    """Return the summaries of observed sites; raise `OptionError` for names of what is none."""
    place = {unit: number for number, unit in enumerate(model.net.observed_index.tolist())}
    observed = {
        name: tuple(place[unit] for unit in units.tolist())
        for name, units in model.structure.variables.items()
        if all(unit in place for unit in units.tolist())
    }
    strangers = [name for name in modules if name not in observed]
    if strangers:
        raise OptionError(
            "summaries of names that are no observed sites: " + ", ".join(map(repr, strangers)),
            remedy=f"The observed sites are {', '.join(map(repr, observed))}.",
        )
    return [Summarized(name, module, observed[name], model.sites[name].shape) for name, module in modules.items()]


def build(
    model: NumpyroModel, space: Space, recipe: Recipe, key: Key[Array, ""], rows: Float[Array, "rows observed"]
) -> Encoder:
    """Return the untrained encoder: observed columns in the units of the data, latents in those of simulations."""
    build_key, scale_key = jax.random.split(key)
    latents = space.encode_latents(model.draw(scale_key, SCALING_DRAWS))
    return recipe.build(space.inverse, build_key, _find_scaling(space, recipe, latents, rows))


def _find_scaling(
    space: Space, recipe: Recipe, latents: Float[Array, "draws latents"], rows: Float[Array, "rows observed"]
) -> Scaling:
    """Return the units of what the network sees: features of summaries are left as they are."""
    categories = space.categories
    seen = rows.shape[1]
    kept = np.arange(seen)
    count = 0
    if recipe.summaries:
        kept = np.array(Summaries.of(space.dependencies, recipe.summaries).kept, dtype=np.int64)
        count = sum(summary.size for summary in recipe.summaries)
    parts = (
        Scaling.fit(jnp.asarray(rows)[:, kept], categories[:seen][kept]),
        Scaling.none(count),
        Scaling.fit(latents, categories[seen:]),
    )
    return Scaling(*(jnp.concatenate(columns) for columns in zip(*parts, strict=True)))
