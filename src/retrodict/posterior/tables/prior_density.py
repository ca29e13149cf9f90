"""The density of the latents before any data: that of the model, or one that is learned from stored runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import suit_family
from retrodict.encode.features import Scaling
from retrodict.encode.keys import make_key, split_key
from retrodict.encode.space import Space
from retrodict.encode.start.linear_start import start_linearly
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.plan.dependencies import Dependencies, mark_bounded
from retrodict.plan.layout import Floats
from retrodict.posterior.programs import Compiled
from retrodict.posterior.tables.runs import PIECE, Runs
from retrodict.posterior.tables.supplies import StoredSupply
from retrodict.train.compiled import TRAINING
from retrodict.train.loop import Plan
from retrodict.train.optimizers import choose_paced
from retrodict.train.pace import Pace
from retrodict.train.stored.stored_inference import fit_stored
from retrodict.train.stored.stored_rows import Shelf, StoredRows

# How a density of few numbers is learned: it is simple, and starts near its end.
STEPS, BATCH, RATE, WIDTHS, FIRST = 1500, 256, 5e-3, (64, 64), 16384

# What an encoder of the prior is given in the place of data.
NOTHING = ("nothing",)


@dataclass(frozen=True, eq=False)
class PriorDensity:
    """Log densities of rows of all latents, where these can lie, and how both are known."""

    score: Callable[[Floats], Floats]
    holds: Callable[[Floats], Mask]
    kind: str


def know_prior(compiled: Compiled) -> PriorDensity:
    """Return the density that the model states; raise `DensityError` where it has none."""
    net, space = compiled.model.net, compiled.space
    _require_no_observed_parents(net)

    def score(latents: Floats) -> Floats:
        blank = np.zeros((len(latents), space.observed_layout.width), np.float32)
        columns = space.join(jnp.asarray(latents), jnp.asarray(blank))
        return np.asarray(compiled.model.log_conditionals(columns)[..., net.latent_index].sum(axis=-1))

    score(np.zeros((1, space.latent_layout.width), np.float32))
    return PriorDensity(score, lambda latents: np.isfinite(score(latents)), "exact")


def learn_prior(compiled: Compiled, runs: Runs, seed: int) -> PriorDensity:
    """Return a density learned from stored runs, along the edges of the model itself, within the box that they fill."""
    space = compiled.space
    encoder = _fit(StoredSupply(compiled, runs), _list_generative(compiled), seed)
    ends = [space.split(runs.take(rows))[0] for rows in np.array_split(runs.training, -(-len(runs.training) // PIECE))]
    low = np.min([latents.min(axis=0) for latents in ends], axis=0)
    high = np.max([latents.max(axis=0) for latents in ends], axis=0)

    def score(latents: Floats) -> Floats:
        return np.asarray(TRAINING.run(_score, encoder, space, jnp.asarray(latents)))

    return PriorDensity(score, lambda latents: ((latents >= low) & (latents <= high)).all(axis=1), "learned")


def _fit(supply: StoredSupply, dependencies: Dependencies, seed: int) -> Encoder:
    build, order = split_key(make_key(seed))
    runs, family = supply.runs, suit_family("auto", is_normal=False, bounded=bool(mark_bounded(dependencies).any()))

    def take(rows: Integers) -> Any:
        codes = supply.encode(rows)[0]
        return codes, np.zeros((len(codes), 1), np.float32)

    codes, nothing = take(runs.training[:FIRST])
    blank = build_encoder(dependencies, build, widths=WIDTHS, conditional=family)
    places = blank.coordinates.read_exactly(codes)
    scaling = Scaling.of(dependencies, (), nothing, places)
    encoder = build_encoder(dependencies, build, widths=WIDTHS, conditional=family, scaling=scaling)
    encoder = start_linearly(encoder, nothing, codes, fixed=True)
    plan = Plan(STEPS, min(BATCH, len(runs.training)), pace=Pace(tolerance=0.0), optimizer=choose_paced(RATE))
    weights = None if runs.weights is None else runs.weights[runs.training]
    source = StoredRows(Shelf(take, runs.training, weights), plan.batch)
    return fit_stored(encoder, source, take(runs.held_out), plan, order, title="prior", quiet=True)[0]


def _score(encoder: Encoder, space: Space, latents: jax.Array) -> jax.Array:
    """Return the log density of values, from that of their codes."""
    columns = space.join(latents, jnp.zeros((len(latents), space.observed_layout.width), latents.dtype))
    codes = space.encode_latents(columns)
    nothing = jnp.zeros((len(latents), 1), latents.dtype)
    return encoder.log_prob(codes, nothing) - space.log_det(codes, columns)


def _require_no_observed_parents(net: BayesNet) -> None:
    seen = [name for name in net.latents if any(net.is_observed[net.index(parent)] for parent in net.parents(name))]
    if seen:
        raise OptionError(
            "{names} {have} observed parents, so that no density is theirs before the data",
            seen,
            remedy="Propose new simulations yourself, or observe these parents no longer.",
        )


def _list_generative(compiled: Compiled) -> Dependencies:
    """Return the edges of the model between latents, as an encoder has them that is given nothing but a zero."""
    net, names = compiled.model.net, compiled.model.net.latents
    _require_no_observed_parents(net)
    place = {name: number for number, name in enumerate(names)}
    parents = [[place[parent] for parent in net.parents(name)] for name in names]
    level = np.zeros(len(names), dtype=np.int64)
    for number, row in enumerate(parents):
        level[number] = 1 + max((level[parent] for parent in row), default=-1)
    rows = Rows.from_lists([[0, *(1 + parent for parent in row)] for row in parents])
    return Dependencies(NOTHING, names, rows, (Variable(NOTHING[0]), *map(net.variable, names)), level).by_column()
