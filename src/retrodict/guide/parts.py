"""The parts of a NumPyro guide, built once for the arguments of a program: model, inverse, encoder, plates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from numpyro import handlers
from numpyro.primitives import Messenger

from retrodict.encode.encoder import Encoder
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.errors import DataError, OptionError
from retrodict.graph.inverse import Inverse
from retrodict.plan.moving import mark_moving
from retrodict.plan.supports import is_discrete
from retrodict.posterior.amortization import build_untrained
from retrodict.posterior.randomness import require_own_randomness
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program, is_random


@dataclass(frozen=True)
class Frame:
    """How a latent site stands in the program: the number of axes of its event, and its plates, outermost first."""

    event_dim: int
    plates: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, eq=False)
class GuideParts:
    """Model, inverse and untrained encoder (none where every latent is barren), and how latent sites stand.

    ``joint`` says that all latents are drawn at one site.
    """

    model: NumpyroModel
    inverse: Inverse
    encoder: Encoder | None
    frames: Mapping[str, Frame]
    joint: bool

    @cached_property
    def space(self) -> Space:
        """The columns of the model and of the encoder."""
        return Space(self.inverse, model=self.model)

    @cached_property
    def turns(self) -> dict[range, list[str]]:
        """The steps of the encoder that draw inferred sites, several where they are of one code, in their sequence."""
        level = () if self.encoder is None else self.encoder.structure.level
        found: dict[range, list[str]] = {}
        for name, own in self.space.code_columns.items():
            found.setdefault(range(level[own[0]], level[own[-1]] + 1), []).append(str(name))
        return dict(sorted(found.items(), key=lambda turn: turn[0].start))

    def to_columns(self, data: Mapping[Any, Any]) -> jax.Array:
        """Return the values of observed sites as columns of the model, zero elsewhere."""
        columns = jnp.zeros(self.space.width)
        for name, value in data.items():
            columns = columns.at[self.model.structure.columns[name]].set(jnp.asarray(value, columns.dtype))
        return columns


class FromModel(Messenger):  # type: ignore[misc]
    """Give sites of a program their values, and let handlers outside see only the sites to be drawn, and parameters."""

    def __init__(self, values: Mapping[str, Any], drawn: list[str]) -> None:
        super().__init__(None)
        self.values, self.drawn = values, drawn

    def process_message(self, msg: dict[str, Any]) -> None:
        """Set the value of a known site; hide what is none of the guide's."""
        if msg["type"] == "param" or msg.get("name") in self.drawn:
            return
        if msg["type"] == "sample" and msg["name"] in self.values:
            msg["value"] = self.values[msg["name"]]
        msg["stop"] = True


def build_parts(model: NumpyroModel, recipe: Recipe, seed: int, *, joint: bool) -> GuideParts:
    """Invert a program, and build an encoder in the units of simulations of it.

    Its steps are those of the inverse if all latents are drawn jointly, else they go from site to site. Latents are
    drawn jointly where a support ends at another latent, which may be drawn later.
    """
    joint = joint or bool(mark_moving(model.net).any())
    settled = recipe.settle(model)
    inverse = settled.invert(model)
    _refuse_discrete(inverse)
    parts = GuideParts(model, inverse, None, _read_frames(model), joint)
    if inverse.is_generative.all():
        return parts
    require_own_randomness(model, parts.space)
    whole = parts.space.dependencies
    dependencies = whole if joint else whole.by_latent()
    build_key, scale_key = jax.random.split(jax.random.key(seed))
    encoder = build_untrained(model, settled, build_key, scale_key, dependencies=dependencies, by_bounds=True)
    return replace(parts, encoder=encoder)


def read_data(parts: GuideParts, program: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    """Return the values of the observed sites for these arguments.

    Raises `DataError` naming the site for missing data and for another shape than the guide was set up for.
    """
    with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=0):
        Program(program, args, kwargs)()
    sites = {name: site for name, site in trace.items() if is_random(site)}
    for name, site in parts.model.sites.items():
        if name not in sites:
            raise DataError(
                "{names} {are} missing from the program, which had it when the guide was set up",
                [name],
                remedy="Make another guide for this program.",
            )
        shape = jnp.shape(sites[name]["value"])
        if shape != site.shape:
            raise DataError(
                f"{{names}} {{have}} shape {shape}, and the guide was set up for {site.shape}",
                [name],
                remedy="Make a guide for each shape, or pad the data.",
            )
        if site.is_observed and not sites[name]["is_observed"]:
            raise DataError(
                "this call gives no data to {names}, over which the guide is amortized",
                [name],
                remedy="Pass the data as in training. For new draws of them, first draw the latents with "
                "Predictive(guide, ...), then run Predictive(program, draws) without data.",
            )
    return {name: sites[name]["value"] for name, site in parts.model.sites.items() if site.is_observed}


def _refuse_discrete(inverse: Inverse) -> None:
    inferred = [name for name in inverse.net.latents if name not in inverse.generative]
    discrete = [name for name in inferred if is_discrete(inverse.net.variable(name))]
    if discrete:
        raise OptionError(
            "a guide for SVI cannot draw {names}: Trace_ELBO gives discrete latents wrong gradients without a warning",
            discrete,
            remedy="Train with rd.amortize(rd.from_numpyro(...)), which needs no gradients of draws, or sum them out "
            "of the program, as dist.MixtureSameFamily does.",
        )


def _read_frames(model: NumpyroModel) -> dict[str, Frame]:
    """Return how each latent site stands in the program."""
    with handlers.trace() as trace, handlers.seed(rng_seed=0):
        model.program()
    frames = {}
    for name, site in model.sites.items():
        if not site.is_observed:
            plates = [(frame.name, frame.size, frame.dim) for frame in reversed(trace[name]["cond_indep_stack"])]
            frames[name] = Frame(trace[name]["fn"].event_dim, tuple(plates))
    return frames
