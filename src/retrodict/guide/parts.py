"""The parts of a NumPyro guide, built once for the arguments of a program: model, inverse, encoder, plates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers
from numpyro.primitives import Messenger

from retrodict.encode.encoder import Encoder
from retrodict.encode.peaks.marginal_density import MarginalDensity
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.errors import DataError, OptionError, RetrodictWarning, warn_user
from retrodict.exact.find_forms import Forms, list_others, plan_closed_forms
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.guide.guide_factors import GuideFactor, HeldFactor, bind
from retrodict.guide.linear_encoder import build_linear
from retrodict.guide.standing import Standing, begin_at_rest
from retrodict.guide.start import FromData, InitLocFn, choose_start, collect, find_starts, find_units, locate
from retrodict.plan.moving import mark_moving
from retrodict.plan.supports import is_discrete
from retrodict.posterior.factors import Factor, GenerativeFactor
from retrodict.posterior.randomness import require_own_randomness
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program, is_random


class Beginning(NamedTuple):
    """Where latents begin, if the user says so, and their first standard deviation."""

    init_loc_fn: InitLocFn | None
    scale: float


@dataclass(frozen=True)
class Frame:
    """How a latent site stands in the program: the number of axes of its event, and its plates, outermost first."""

    event_dim: int
    plates: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, eq=False)
class GuideParts:
    """What a guide is made of, and how latent sites stand in the program.

    The ``encoder``, untrained, begins at ``location``; there is none where every latent is barren or has a closed form.
    ``joint`` says that all latents are drawn at one site.
    """

    model: NumpyroModel
    inverse: Inverse
    forms: Forms
    frames: Mapping[str, Frame]
    joint: bool
    encoder: Encoder | None = None
    location: jax.Array | None = None

    @cached_property
    def space(self) -> Space:
        """The columns of the model and of the encoder."""
        drawn = list_others(self.inverse, self.forms) if self.forms else None
        return Space(self.inverse, drawn=drawn, model=self.model)

    @cached_property
    def exact_sites(self) -> tuple[str, ...]:
        """The sites that closed forms draw."""
        drawn = {name for form in self.forms for name in form.variables}
        return tuple(name for name in self.frames if name in drawn)

    @cached_property
    def turns(self) -> dict[range, list[str]]:
        """The steps of the encoder that draw inferred sites, several where they share a step, in their sequence."""
        level = () if self.encoder is None else self.encoder.structure.level
        found: dict[range, list[str]] = {}
        for name, own in self.space.code_columns.items():
            found.setdefault(range(level[own[0]], level[own[-1]] + 1), []).append(str(name))
        return dict(sorted(found.items(), key=lambda turn: turn[0].start))

    def to_columns(self, data: Mapping[Any, Any]) -> jax.Array:
        """Return the values of observed sites as columns of the model, zero elsewhere."""
        return collect(data, self.model)

    def list_factors(self, program: Program, trained: tuple[Encoder, Standing] | None) -> tuple[Factor, ...]:
        """Return what draws all latents, with the arguments of this call of the program."""
        space = replace(self.space, model=bind(self.model, program))  # supports may end where the arguments say
        neural: tuple[Factor, ...] = ()
        if trained is not None:
            encoder, standing = trained
            neural = (GuideFactor(encoder=encoder, standing=standing, space=space),)
        barren = self.inverse.generative
        rest = (GenerativeFactor(bind(self.model, program), barren),) if barren else ()
        return (*neural, *self.list_held(program), *rest)

    def list_held(self, program: Program) -> tuple[HeldFactor, ...]:
        """Return what draws the latents with closed forms."""
        same = _is_same(program, self.model.program)
        return tuple(HeldFactor(form if same else bind(form, program), self.space) for form in self.forms)

    def find_places(self, names: Iterable[Name]) -> Integers:
        """Return the columns of the model that belong to some variables."""
        net = self.inverse.net
        return np.flatnonzero(self.space.mark(np.isin(np.arange(len(net)), [net.index(name) for name in names])))


class DiscreteLatentError(OptionError):
    """A guide would have to draw a discrete latent that has no closed form."""


class FromModel(Messenger):  # type: ignore[misc]
    """Give sites of a program their values, and let handlers outside see only the sites to be drawn, and parameters."""

    def __init__(self, values: Mapping[str, Any], drawn: list[str]) -> None:
        super().__init__(None)
        self.values, self.drawn = values, drawn

    def process_message(self, msg: dict[str, Any]) -> None:
        """Set the value of a known site; hide what is none of the guide's."""
        if msg["type"] in ("param", "prng_key") or msg.get("name") in self.drawn:
            return
        if msg["type"] == "sample" and msg["name"] in self.values:
            msg["value"] = self.values[msg["name"]]
        msg["stop"] = True


def build_parts(
    model: NumpyroModel, recipe: Recipe, seed: int, *, linear: bool, joint: bool, exact: bool, beginning: Beginning
) -> GuideParts:
    """Invert a program, find closed forms, and build an encoder of the other latents in the units of the data.

    Its steps are those of the inverse if all latents are drawn jointly, else they go from site to site. Latents are
    drawn jointly where a support ends at another latent, which may be drawn later.
    """
    joint = joint or bool(mark_moving(model.net).any())
    trace = _trace(model)
    closed = plan_closed_forms(model, recipe.order, recipe.minimize) if exact and _is_fixed(trace) else None
    inverse, forms = (recipe.invert(model), ()) if closed is None else closed
    parts = GuideParts(model, inverse, forms, _read_frames(model, trace), joint)
    names = list_others(inverse, forms)
    _refuse_discrete(inverse, names)
    if any(len(own) == 0 for own in parts.space.code_columns.values()):  # a simplex of one state has no step of its own
        parts = replace(parts, joint=True)
    require_own_randomness(model, parts.space)
    recipe = replace(recipe, order=inverse, drawn=names if forms else None)
    summaries = recipe.read_summaries(model)
    if not names:
        return parts
    start = _find_start(parts, beginning, seed)
    scaling = find_units(parts.space, summaries, start)
    dependencies = parts.space.dependencies if parts.joint else parts.space.dependencies.by_latent()
    if linear:
        encoder = build_linear(dependencies, recipe.conditional, scaling, summaries, _find_sites(model))
    else:
        encoder = begin_at_rest(recipe.build(model, jax.random.key(seed), scaling, dependencies))
    features = FromData.at(encoder.features, scaling, parts.space.encode_observed(start))
    encoder = eqx.tree_at(lambda e: e.features, encoder, features)
    return replace(parts, encoder=encoder, location=locate(parts.space, start))


def _find_start(parts: GuideParts, beginning: Beginning, seed: int) -> jax.Array:
    """Return the columns at which a guide begins."""
    if beginning.init_loc_fn is None:
        return choose_start(MarginalDensity(parts.model, parts.space, parts.forms), seed, beginning.scale)
    return find_starts(parts.model, beginning.init_loc_fn, jax.random.key(seed)[None])[0]


def _is_fixed(trace: Mapping[str, Any]) -> bool:
    """Return whether closed forms may be kept: densities of a program with parameters change as these are trained."""
    own = [name for name, site in trace.items() if site["type"] == "param"]
    if own:
        message = (
            f"The guide learns all latents, since closed forms are for programs without parameters, and this one has "
            f"{', '.join(own)}; give exact=False if that is what you want."
        )
        warn_user(message, RetrodictWarning)
    return not own


def _is_same(program: Program, other: Program) -> bool:
    """Return whether two calls of a program have the very same arguments."""
    ours, theirs = ((p.args, dict(p.kwargs)) for p in (program, other))
    if str(jax.tree.structure(ours)) != str(jax.tree.structure(theirs)):
        return False
    return all(a is b for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True))


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


def _refuse_discrete(inverse: Inverse, names: Iterable[Name]) -> None:
    discrete = [name for name in names if is_discrete(inverse.net.variable(name))]
    if discrete:
        raise DiscreteLatentError(
            "a guide for SVI cannot draw {names}: Trace_ELBO gives discrete latents wrong gradients without a warning",
            discrete,
            remedy="Train with rd.amortize(rd.from_numpyro(...)), which needs no gradients of draws, or sum them out "
            "of the program, as dist.MixtureSameFamily does.",
        )


def _find_sites(model: NumpyroModel) -> dict[Name, str]:
    """Return the site of each variable."""
    owned = model.structure.variables.items()
    return {model.net.names[unit]: name for name, units in owned for unit in units.ravel().tolist()}


def _trace(model: NumpyroModel) -> dict[str, Any]:
    """Return the messages of one run of the program."""
    with handlers.trace() as trace, handlers.seed(rng_seed=0):
        model.program()
    return dict(trace)


def _read_frames(model: NumpyroModel, trace: Mapping[str, Any]) -> dict[str, Frame]:
    """Return how each latent site stands in the program."""
    frames = {}
    for name, site in model.sites.items():
        if not site.is_observed:
            plates = [(frame.name, frame.size, frame.dim) for frame in reversed(trace[name]["cond_indep_stack"])]
            frames[name] = Frame(trace[name]["fn"].event_dim, tuple(plates))
    return frames
