"""What a NumPyro guide is made of, found once for the arguments of a program: model, inverse, encoder, plates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro import handlers
from numpyro.primitives import Messenger

from retrodict.encode.build import assemble
from retrodict.encode.encoder import Encoder
from retrodict.encode.features import SCALING_DRAWS, Scaling, list_categories
from retrodict.encode.space import Space
from retrodict.errors import DataError, OptionError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.invert import invert
from retrodict.plan.counts import read_seed
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.supports import is_discrete
from retrodict.posterior.randomness import require_own_randomness
from retrodict.read.numpyro.model import NumpyroModel
from retrodict.read.numpyro.reader import from_numpyro
from retrodict.read.numpyro.sites import Program, is_random

Summaries = Mapping[Any, Callable[[jax.Array], jax.Array]]


@dataclass(frozen=True)
class Options:
    """What a guide is asked to be; the names are those of `AutoFaithful`."""

    order: str | Sequence[Name] | Inverse
    minimize: str
    elementwise: bool
    network: str
    widths: Sequence[int] | None
    conditional: str
    summaries: Summaries
    seed: int


@dataclass(frozen=True)
class Frame:
    """How a latent site stands in the program: its value's shape and type, the axes of its event, its plates."""

    shape: tuple[int, ...]
    dtype: Any
    event_dim: int
    stack: tuple[tuple[str, int, int], ...]

    @contextmanager
    def plates(self) -> Iterator[None]:
        """Stand inside of the same plates, outermost first."""
        with ExitStack() as stack:
            for name, size, dim in self.stack:
                stack.enter_context(numpyro.plate(name, size, dim=dim))
            yield


@dataclass(frozen=True, eq=False)
class GuideParts:
    """Model, inverse and untrained encoder (none where every latent is barren), and how latent sites stand."""

    model: NumpyroModel
    inverse: Inverse
    encoder: Encoder | None
    summaries: Summaries
    frames: Mapping[str, Frame]

    @cached_property
    def space(self) -> Space:
        """The columns of the model and of the encoder."""
        return Space(self.inverse)

    def list_drawn(self, columns: Integers) -> list[str]:
        """Return the latents to which these columns belong."""
        return [str(name) for name, own in self.space.code_columns.items() if np.isin(own, columns).any()]

    def to_columns(self, data: Mapping[Any, Any]) -> jax.Array:
        """Return the values of observed sites as columns of the model, zero elsewhere."""
        columns = jnp.zeros(self.space.width)
        for name, value in data.items():
            columns = columns.at[self.model.structure.columns[name]].set(jnp.asarray(value, columns.dtype))
        return columns

    def renew(self, program: Callable[..., Any], args: Any, kwargs: Any) -> NumpyroModel:
        """Return the model with the program at other arguments, where draws from the program are needed."""
        if not self.space.generative.any():
            return self.model
        return replace(self.model, program=Program(program, args, kwargs))


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


def build_parts(
    program: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: Options
) -> GuideParts:
    """Read the program, invert it, and build an encoder in the units of simulations of it."""
    model = from_numpyro(program, *args, elementwise=options.elementwise, **kwargs)
    order, summaries = options.order, options.summaries
    inverse = order if isinstance(order, Inverse) else invert(model, order, options.minimize)
    if inverse.net != model.net:
        raise OptionError("the inverse belongs to another model", remedy="Make it from rd.from_numpyro(program, ...).")
    _refuse_discrete(inverse)
    _require_summaries(model, summaries)
    parts = GuideParts(model, inverse, None, summaries, _read_frames(model))
    return parts if inverse.is_generative.all() else replace(parts, encoder=_build_encoder(parts, options))


def _build_encoder(parts: GuideParts, options: Options) -> Encoder:
    require_own_randomness(parts.model, parts.space)
    build_key, scale_key = jax.random.split(jax.random.key(read_seed(options.seed)))
    dependencies = _summarize(Dependencies.of(parts.inverse), parts.model, parts.summaries)
    scaling = _find_scaling(parts, dependencies, scale_key)
    chosen = options.network, options.widths
    return assemble(dependencies, build_key, *chosen, conditional=options.conditional, scaling=scaling, skip=True)


def read_data(parts: GuideParts, program: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    """Return the values of the observed sites for these arguments.

    Raises `DataError` naming the site for missing data and for another shape than the guide was set up for.
    """
    with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=0):
        Program(program, args, kwargs)()
    sites = {name: site for name, site in trace.items() if is_random(site)}
    for name, site in parts.model.sites.items():
        if name not in sites:
            raise DataError("the program no longer has sites that it had when the guide was set up", [name])
        shape = jnp.shape(sites[name]["value"])
        if shape != site.shape:
            raise DataError(
                f"a value of shape {shape} where the guide was set up for {site.shape}",
                [name],
                remedy="Make a guide for each shape, or pad the data.",
            )
        if site.is_observed and not sites[name]["is_observed"]:
            raise DataError(
                "the guide is amortized over sites to which this call gives no data",
                [name],
                remedy="Pass the data as in training. For new draws of them, first draw the latents with "
                "Predictive(guide, ...), then run Predictive(program, draws) without data.",
            )
    return {name: sites[name]["value"] for name, site in parts.model.sites.items() if site.is_observed}


def place_data(parts: GuideParts, data: Mapping[Any, Any], summaries: Summaries) -> jax.Array:
    """Return the observed columns as the encoder sees them: values of some sites, summaries of others."""
    codes = parts.space.encode_observed(parts.to_columns(data))
    pieces, start = [], 0
    for name in parts.model.net.observed:
        size = parts.model.net.variable(name).size
        pieces.append(summaries[name](data[name]) if name in summaries else codes[start : start + size])
        start += size
    return jnp.concatenate(pieces)


def fix_scaling(encoder: Encoder, untrained: Encoder) -> Encoder:
    """Return an encoder with the units that it was built with: they are no parameters."""
    return eqx.tree_at(
        lambda tree: (tree.scaling, tree.conditional), encoder, (untrained.scaling, untrained.conditional)
    )


def _refuse_discrete(inverse: Inverse) -> None:
    inferred = [name for name in inverse.net.latents if name not in inverse.generative]
    discrete = [name for name in inferred if is_discrete(inverse.net.variable(name))]
    if discrete:
        raise OptionError(
            "a guide for SVI cannot draw discrete latents, of which Trace_ELBO takes wrong gradients without a word: "
            + ", ".join(map(repr, discrete)),
            remedy="Train with rd.amortize(rd.from_numpyro(...)), which needs no gradients of draws, or sum them out "
            "of the program, as dist.MixtureSameFamily does.",
        )


def _require_summaries(model: NumpyroModel, summaries: Summaries) -> None:
    strangers = [name for name in summaries if name not in model.net.observed]
    if strangers:
        raise OptionError(
            "summaries of names that are no observed sites: " + ", ".join(map(repr, strangers)),
            remedy=f"The observed sites are {', '.join(map(repr, model.net.observed))}.",
        )


def _summarize(dependencies: Dependencies, model: NumpyroModel, summaries: Summaries) -> Dependencies:
    """Return the dependencies with the size of its summary for each observed site that has one."""
    variables = list(dependencies.variables)
    for i, name in enumerate(dependencies.observed):
        if name in summaries:
            site = model.sites[str(name)]
            made = jax.eval_shape(summaries[name], jnp.zeros(site.shape, site.dtype))
            if len(made.shape) != 1:
                raise OptionError(
                    f"the summary of {name!r} has shape {made.shape}", remedy="It must return a vector of features."
                )
            variables[i] = Variable(name, size=made.shape[0])
    return replace(dependencies, variables=tuple(variables))


def _find_scaling(parts: GuideParts, dependencies: Dependencies, key: jax.Array) -> Scaling:
    """Return the units of what the encoder sees and draws, from simulations."""
    structure = parts.model.structure
    observed = {name: structure.columns[name] for name, site in parts.model.sites.items() if site.is_observed}

    def see(row: jax.Array) -> jax.Array:
        data = {name: row[places].astype(parts.model.sites[name].dtype) for name, places in observed.items()}
        return place_data(parts, data, parts.summaries)

    @jax.jit
    def join(columns: jax.Array) -> jax.Array:
        return jnp.concatenate([jax.vmap(see)(columns), parts.space.encode_latents(columns)], axis=-1)

    return Scaling.fit(join(parts.model.draw(key, SCALING_DRAWS)), list_categories(dependencies))


def _read_frames(model: NumpyroModel) -> dict[str, Frame]:
    """Return how each latent site stands in the program."""
    with handlers.trace() as trace, handlers.seed(rng_seed=0):
        model.program()
    frames = {}
    for name, site in model.sites.items():
        if not site.is_observed:
            stack = [(frame.name, frame.size, frame.dim) for frame in reversed(trace[name]["cond_indep_stack"])]
            frames[name] = Frame(site.shape, site.dtype, trace[name]["fn"].event_dim, tuple(stack))
    return frames
