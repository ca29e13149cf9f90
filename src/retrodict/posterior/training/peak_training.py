"""An encoder in the units of the posterior, trained on simulations whose peaks are found once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from retrodict.encode.features import Scaling
from retrodict.encode.keys import fold_key
from retrodict.encode.peaks.build_peaks import Peaks, join_peaks, look_from, make_peaks
from retrodict.encode.peaks.peak_encoder import PeakEncoder, Viewer
from retrodict.encode.recipe import Recipe
from retrodict.encode.start.linear_start import start_linearly
from retrodict.errors import RetrodictWarning, warn_user
from retrodict.exact.find_forms import Forms
from retrodict.graph.names import Name
from retrodict.plan.dependencies import mark_bounded
from retrodict.plan.layout import Floats
from retrodict.posterior.programs import Compiled
from retrodict.posterior.tables.supplies import Supply
from retrodict.train.compiled import TRAINING
from retrodict.train.devices.agreement import agree
from retrodict.train.failed_simulations import set_aside
from retrodict.train.inference import fit_rows
from retrodict.train.loop import History, Plan

# Simulations that are kept; with further codes from the posterior of each, training has eight times as many rows.
KEPT = 2048
# Simulations that share a key, those whose peaks are found between two looks at the clock, and those that judge.
PIECE, LOOK, HELD_OUT = 256, 4, 1024
# The share of a budget of seconds that the search for peaks may take, and the fewest simulations to train on.
SEARCHING, FEWEST = 0.5, 256
# A code that lies so many units from its peak was missed by the search, and is set aside: few of them would make the
# draws for all other data as wide as they lie far. Where more than this share is missed, peaks do not say where a
# posterior is. Of data of a mixture of two normals that overlap as the prior says, a quarter is missed.
SHARE, FAR = 0.3, 8.0
# Only rounding puts a latent so many units from its peak: its data have exploded, and say nothing of other peaks.
EXPLODED = 1e4
# Latents between two ends have peaks where most posteriors are narrower than this share of the prior: wider ones lean
# against an end, where truncated mixtures do better. The residual scale of a regression on 62 rows has a share of 0.11,
# and data for which it is small are met far better from its peak; two moons, with 0.21, gain nothing.
NARROW = 0.15
FEW = (
    "The peaks of {} of {:,} simulations were found before half of the seconds were over, too few to train on: each "
    "latent is drawn from the normal distribution at the peak that belongs to the data. Give more seconds= to train."
)


class Trained(NamedTuple):
    """An encoder, how it was trained, and how it was built."""

    encoder: PeakEncoder
    history: History
    recipe: Recipe


class Seen(NamedTuple):
    """Simulations as an encoder of noise has them: noise that codes are made of, and what is seen of data.

    For each simulation there is the noise of its own codes, and then that of further ones from the same posterior.
    """

    noise: Float[np.ndarray, "simulations draws codes"]
    features: Float[np.ndarray, "simulations features"]

    @property
    def narrowest(self) -> float:
        """The spread of the narrowest code around its peak, in units of the prior: the median over simulations."""
        return float(np.exp(np.median(self.features[:, self.noise.shape[-1] : -1], axis=0).min()))

    @property
    def distance(self) -> Float[np.ndarray, " simulations"]:
        """How many units the codes of each simulation lie from their peak."""
        return np.asarray(np.abs(self.noise[:, 0]).max(axis=1))

    def take(self, rows: slice) -> tuple[Floats, Floats]:
        """Return the noise of some simulations, draw by draw, without what is far from the peak."""
        noise = self.noise[rows]
        near = np.abs(noise).max(axis=2) <= FAR
        return noise[near], np.broadcast_to(self.features[rows, None], (*near.shape, self.features.shape[1]))[near]


class SearchClock:
    """How long peaks are looked for: half of the seconds, more for the fewest simulations, if these can be reached."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.begun, self.looked, self.is_over = seconds, monotonic(), 0, False
        self.ready, self.at_first = self.begun, 0  # when the program had been compiled

    def count(self, looked: int) -> bool:
        """Count simulations, and return whether the time is over, on which all processes agree."""
        self.looked += looked
        if self.at_first == 0:
            self.ready, self.at_first = monotonic(), looked
        if self.seconds < np.inf:
            self.is_over = bool(agree([float(self._is_late(monotonic()))])[0])
        return self.is_over

    def _is_late(self, now: float) -> bool:
        if now < self.begun + self.seconds * SEARCHING:
            return False
        pace = (now - self.ready) / max(self.looked - self.at_first, 1)
        return self.looked >= FEWEST or now + pace * (FEWEST - self.looked) > self.begun + self.seconds


def amortize_by_peaks(
    supply: Supply,
    recipe: Recipe,
    forms: Forms,
    plan: Plan | None,
    keys: tuple[jax.Array, jax.Array, jax.Array],
    names: tuple[Name, ...],
    *,
    quiet: bool,
) -> Trained | None:
    """Return an encoder in the units of the posterior; None where its peaks cannot be found, or say little.

    ``keys`` are those of the first weights, of the simulations, and of training.
    """
    compiled, space = supply.compiled, supply.compiled.space
    peaks = make_peaks(compiled.model, space, forms)
    if peaks is None:
        return None
    build_key, simulate_key, train_key = keys
    codes, observed = supply.give(KEPT) or _simulate(compiled, simulate_key, KEPT)
    peaks = look_from(peaks, codes)
    clock = SearchClock(np.inf if plan is None or plan.seconds is None else plan.seconds)
    seen = _see(peaks.viewer, codes, observed, fold_key(simulate_key, 1), clock)
    if seen is None:
        return None
    if clock.is_over and clock.looked < min(FEWEST, len(codes)):
        warn_user(FEW.format(clock.looked, len(codes)), RetrodictWarning)
        return _stand(compiled, recipe, peaks, build_key)
    recipe = replace(recipe, drawn=space.drawn, peaks=peaks).settle(compiled.model)
    dependencies = peaks.show(space.dependencies)
    apart = min(HELD_OUT, len(seen.noise) // 4)
    noise, features = seen.take(slice(apart, None))
    own = recipe.build(compiled.model, build_key, Scaling.of(dependencies, (), features, noise))
    own, history = start_linearly(own, features, noise, fixed=True), History()
    if plan is not None:
        rows, (judging, shown) = (jnp.asarray(noise), jnp.asarray(features)), seen.take(slice(apart))
        held_out = jnp.asarray(judging), jnp.asarray(shown)
        own, history = fit_rows(own, rows, held_out, plan, train_key, names=names, title="amortize", quiet=quiet)
    return Trained(join_peaks(peaks, own), history, recipe)


def stand_at_peaks(
    compiled: Compiled, recipe: Recipe, forms: Forms, build: jax.Array, draw: jax.Array
) -> Trained | None:
    """Return the normal distributions found from peaks, without any training; None where there are none to be found.

    It needs no simulated data, which may all be beyond what numbers hold, but codes of latents drawn from the prior.
    """
    space = compiled.space
    peaks = make_peaks(compiled.model, space, forms)
    if peaks is None:
        return None
    codes = np.asarray(TRAINING.run(compiled.simulate_codes, draw, PIECE)[0])
    peaks = look_from(peaks, codes[np.isfinite(codes).all(axis=1)])
    return _stand(compiled, recipe, peaks, build)


def _stand(compiled: Compiled, recipe: Recipe, peaks: Peaks, build: jax.Array) -> Trained:
    space = compiled.space
    recipe = replace(recipe, conditional="normal", drawn=space.drawn, peaks=peaks).settle(compiled.model)
    noise = np.random.default_rng(0).standard_normal((KEPT, len(peaks.viewer.order))).astype(np.float32)
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    features = np.zeros((KEPT, peaks.shown.size), np.float32)
    own = recipe.build(compiled.model, build, Scaling.none(noise.shape[1] + features.shape[1]))
    own = start_linearly(own, features, noise, fixed=True)
    return Trained(join_peaks(peaks, own), History(), recipe)


def _simulate(compiled: Compiled, key: jax.Array, n: int) -> tuple[Floats, Floats]:
    """Return codes and observed values of simulations, without those that fail."""
    latents, observed = TRAINING.run(compiled.simulate_codes, key, n)
    joined = np.concatenate([observed, latents], axis=-1)
    data, codes = np.split(set_aside(joined, compiled.space.code_names), [observed.shape[-1]], axis=1)
    return codes, data


def _see(viewer: Viewer, codes: Floats, observed: Floats, key: jax.Array, clock: SearchClock) -> Seen | None:
    """Return noise and features of simulations; None where peaks say too little, which the first of them tell.

    Beyond a limit of the clock no further ones are looked at.
    """
    parts: list[Seen] = []
    enough = False
    for start in range(0, len(codes), LOOK):
        chosen = (start + np.arange(LOOK)) % len(codes)
        block, place = divmod(start, PIECE)
        keys = jax.random.split(fold_key(key, block * PIECE), PIECE)[place : place + LOOK]
        found = TRAINING.run(_study, viewer, keys, jnp.asarray(observed[chosen]), jnp.asarray(codes[chosen]))
        parts.append(Seen(*(np.asarray(part)[: len(codes) - start] for part in found)))
        late = clock.count(LOOK)
        if not enough and (late or start + LOOK >= min(PIECE, len(codes))):
            enough = _say_enough(_join(parts), viewer)
            if not enough:
                return None
        if late:
            break
    found = _join(parts)
    known = (found.distance <= FAR) & np.isfinite(found.features).all(axis=1)
    return Seen(found.noise[known], found.features[known])


def _join(parts: Sequence[Seen]) -> Seen:
    return Seen(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _say_enough(seen: Seen, viewer: Viewer) -> bool:
    """Return whether latents are near their peaks and, where they lie between two ends, far from those."""
    distance = seen.distance
    near, counted = (distance <= FAR).sum(), (distance <= EXPLODED).sum()
    bounded = mark_bounded(viewer.density.space.dependencies).any()
    return bool(
        counted > len(distance) / 2 and near >= (1 - SHARE) * counted and not (bounded and seen.narrowest > NARROW)
    )


def _study(viewer: Viewer, keys: jax.Array, observed: jax.Array, codes: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Study simulations one by one: side by side, each would take as many rounds as the slowest, of ever wider arrays.

    On a CPU that takes two to five times as long, and twice as long to compile.
    """

    def study(one: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        noise, sight = viewer.study(*one)
        return noise, sight.features

    return jax.lax.map(study, (keys, observed, codes))
