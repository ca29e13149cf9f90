"""Where a guide begins: a value for each latent site, and the units of the data at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.distributions import biject_to
from numpyro.distributions.distribution import validation_enabled
from numpyro.infer import init_to_uniform

from retrodict.encode.features import Features, Scaling, list_categories
from retrodict.encode.peaks.marginal_density import MarginalDensity
from retrodict.encode.space import Space
from retrodict.encode.summaries import Summaries, Summarized
from retrodict.errors import OptionError
from retrodict.read.numpyro.distributions.numpyro_supports import peel
from retrodict.read.numpyro.numpyro_model import NumpyroModel

# A strategy of NumPyro's such as `init_to_median`: from a site to its value.
InitLocFn = Callable[[dict[str, Any]], Any]
# Where a distribution has no quantiles in closed form, its median is that of so many draws.
MEDIAN_DRAWS = 1001
# Where the log density around the median of the prior is lower than at it by more than so many nats a code, so many
# random places are tried. Each is judged by so many draws around it.
FALL, RANDOM_STARTS, NOISES = 20.0, 8, 16


def init_to_prior_median(site: dict[str, Any]) -> Any:
    """Return the median of the prior of a latent site, given those before it; None for other sites.

    It is exact where NumPyro knows the quantiles. A median of few draws would lie far off where a prior is wide.
    """
    if site["type"] != "sample" or site["is_observed"] or site["fn"].support.is_discrete:
        return None
    fn = site["fn"]
    try:
        if not peel(fn).event_shape:
            return peel(fn).icdf(jnp.full(fn.shape(), 0.5))
    except (NotImplementedError, ImportError):  # some quantiles need a package that NumPyro does not
        pass
    draws = fn.sample(site["kwargs"]["rng_key"], (MEDIAN_DRAWS,))
    bijection = biject_to(fn.support)
    return bijection(jnp.median(bijection.inv(draws), axis=0))


def find_starts(model: NumpyroModel, init_loc_fn: InitLocFn, keys: jax.Array) -> jax.Array:
    """Return columns of a model for each key: the data of its program, and what a strategy gives to its latents."""

    def start(key: jax.Array) -> jax.Array:
        started = handlers.substitute(handlers.seed(model.program, key), substitute_fn=init_loc_fn)
        with handlers.block(), validation_enabled(False):  # what is outside of a support is told by its name
            trace = handlers.trace(started).get_trace()
        return collect({name: trace[name]["value"] for name in model.sites}, model)

    return jax.jit(jax.vmap(start))(keys)


def choose_start(density: MarginalDensity, seed: int, scale: float) -> jax.Array:
    """Return the columns at the median of the prior, or at a random place if draws around it have hardly any density.

    That is so where a scale is small a priori, and all that hangs on it is drawn with a larger one at first. From such
    a place training is slow. The best of some random places (`init_to_uniform`) is taken then, if it is better.
    """
    model = cast(NumpyroModel, density.model)
    keys = jax.random.split(jax.random.key(seed), RANDOM_STARTS)
    median = find_starts(model, init_to_prior_median, keys[:1])
    (at,), (around,) = _judge(density, median, 0.0), _judge(density, median, scale)
    if not np.isfinite(at) or at - around <= FALL * density.space.encode_latents(median[0]).size:
        return median[0]
    others = find_starts(model, init_to_uniform, keys)
    found = _judge(density, others, scale)
    return others[int(np.argmax(found))] if found.max() > around else median[0]


def _judge(density: MarginalDensity, starts: jax.Array, scale: float) -> Float[np.ndarray, " starts"]:
    """Return the mean log density around each of some starts, minus infinity where it is none."""

    @jax.jit
    def judge(starts: jax.Array, scale: jax.Array) -> jax.Array:
        codes = jax.vmap(density.space.encode_latents)(starts)
        observed = density.space.split(starts)[1]
        noise = jax.random.normal(jax.random.key(0), (NOISES, *codes.shape))
        return jax.vmap(density, in_axes=(0, None))(codes + scale * noise, observed).mean(axis=0)

    found = np.asarray(judge(starts, jnp.asarray(scale)), float)
    return np.where(np.isfinite(found), found, -np.inf)


def locate(space: Space, start: jax.Array) -> jax.Array:
    """Return the codes of the latents that an encoder draws, whose values are these columns.

    Raises `OptionError`, naming the latents, where they are not finite numbers inside of the supports.
    """
    codes = space.encode_latents(start)
    wrong = ~np.isfinite(np.asarray(codes))
    off = [name for name, own in space.code_columns.items() if wrong[own].any()]
    if off:
        raise OptionError(
            "the guide cannot begin where init_loc_fn puts {names}: the values are not finite, or outside of the "
            "support",
            off,
            remedy="Choose another strategy of NumPyro's, such as init_to_uniform or init_to_value(values={...}).",
        )
    return codes


def find_units(space: Space, summaries: Sequence[Summarized], start: jax.Array) -> Scaling:
    """Return the units of the inputs of an encoder: data as far as they are from those at hand, latents as they are.

    The spread is that of the numbers of a site, or their size, if that says nothing.
    """
    data = np.asarray(space.encode_observed(start), np.float64)
    whole = space.dependencies
    real = list_categories(whole)[: len(data)] == 0
    owner = np.repeat(np.arange(len(whole.observed)), whole.observed_sizes)
    spread = np.array([_measure(data[owner == own]) for own in range(len(whole.observed))])[owner]
    kept = np.array(Summaries.of(whole, summaries).kept, dtype=np.int64)
    features = sum(summary.size for summary in summaries)
    parts = (
        (np.where(real, data, 0.0)[kept], np.where(real, spread, 1.0)[kept]),
        Scaling.none(features + int(whole.latent_sizes.sum())),
    )
    return Scaling(*(jnp.concatenate([jnp.asarray(p, jnp.float32) for p in pair]) for pair in zip(*parts, strict=True)))


class FromData(Features):
    """Inputs of which those made of observed columns are zero at the data at hand, indicators of categories included.

    For these data alone they change nothing. They would otherwise be as many first steps for the location of a latent
    as there are data.
    """

    origin: Float[Array, " inputs"] | None = None

    @classmethod
    def at(cls, features: Features, scaling: Scaling, data: Float[Array, " columns"]) -> FromData:
        """Return features that are zero for these data, those of summaries apart: what they will be is learned."""
        origin = features(scaling, data[None])[0]
        if features.summaries is not None:
            kept = int(np.searchsorted(np.array(features.source), len(features.summaries.kept)))
            origin = jnp.where(jnp.arange(len(origin)) < kept, origin, 0.0)
        named = {field.name: getattr(features, field.name) for field in fields(features)}
        return cls(**named, origin=origin)

    def __call__(self, scaling: Scaling, columns: Float[Array, "rows columns"]) -> Float[Array, "rows inputs"]:
        """Return the inputs made of these columns, which are the observed ones or all."""
        made = super().__call__(scaling, columns)
        if self.origin is None:
            return made
        return made.at[:, : len(self.origin)].add(-jax.lax.stop_gradient(self.origin))


def _measure(numbers: Any) -> float:
    """Return the standard deviation of the numbers of a site, their size where they are one, or 1."""
    found = float(np.std(numbers)) if len(numbers) > 1 else float(np.abs(numbers).max(initial=0.0))
    return found if np.isfinite(found) and found > 0 else 1.0


def collect(values: Mapping[str, Any], model: NumpyroModel) -> jax.Array:
    """Return the values of sites as columns of a model, zero elsewhere."""
    columns = jnp.zeros(model.layout.width)
    for name, value in values.items():
        columns = columns.at[model.structure.columns[name]].set(jnp.asarray(value, columns.dtype))
    return columns
