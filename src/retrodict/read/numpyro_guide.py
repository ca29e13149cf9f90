"""Read a NumPyro guide beside its program: which sites it draws, from what, and where NumPyro would keep silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist
from numpyro import handlers

from retrodict.errors import ProgramError
from retrodict.graph.names import Name
from retrodict.read.numpyro_model import NumpyroModel
from retrodict.read.numpyro_sets import SetTable
from retrodict.read.numpyro_sites import Program
from retrodict.read.numpyro_supports import DISCRETE, bounds_of, name_support, peel
from retrodict.read.numpyro_walk import follow


class WrongSupport(NamedTuple):
    """A site that guide and program draw on different supports, which are named (and bounded where they are)."""

    site: str
    program: str
    guide: str


class WrongShape(NamedTuple):
    """A site that guide and program draw with different shapes."""

    site: str
    program: tuple[int, ...]
    guide: tuple[int, ...]


@dataclass(frozen=True)
class GuideReading:
    """What a guide does: the parents of each latent that it draws, and what is wrong with its sites.

    ``is_amortized`` says whether any of its sites depends on data through the arguments of the program.
    """

    parents: Mapping[Name, tuple[Name, ...]]
    missing_sites: tuple[str, ...]
    extra_sites: tuple[str, ...]
    wrong_supports: tuple[WrongSupport, ...]
    wrong_shapes: tuple[WrongShape, ...]
    is_amortized: bool


def read_numpyro_guide(model: NumpyroModel, guide: Callable[..., Any]) -> GuideReading:
    """Read a guide that is called as the program of the model is, with data.

    Its sites depend on what their log densities need, found from the traced guide; on an observed site they depend
    through the numbers in the arguments that are the data of that site.

    Raises `ProgramError` for a guide that fails, for latents drawn as functions of an auxiliary site, whose
    dependencies cannot be told apart, and for data that are not among the arguments.
    """
    called = Program(guide, model.program.args, model.program.kwargs)
    found = {name: site for name, site in _run(called, {}).items() if site["type"] == "sample"}
    latents = [name for name, site in model.sites.items() if not site.is_observed]
    drawn = [name for name in latents if name in found]
    _refuse_joint(found, drawn)
    forward = {name: site for name, site in _run(model.program, {}).items() if site["type"] == "sample"}
    uses = _find_uses(model, called, drawn)
    is_amortized = any(data for _, data in uses.values())
    observed = [name for name, site in model.sites.items() if site.is_observed]
    parents: dict[Name, tuple[Name, ...]] = {
        name: (*sites, *(sorted(data, key=observed.index) if is_amortized else observed))
        for name, (sites, data) in uses.items()
    }
    return GuideReading(
        parents,
        missing_sites=tuple(name for name in latents if name not in found),
        extra_sites=tuple(
            name for name, site in found.items() if name not in latents and not site["infer"].get("is_auxiliary")
        ),
        wrong_supports=_compare_supports(forward, found, drawn),
        wrong_shapes=_compare_shapes(forward, found, drawn),
        is_amortized=is_amortized,
    )


def _run(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """Run a program with some of its sites given; what NumPyro says of scales and the like is not of interest."""
    try:
        seeded = handlers.seed(handlers.substitute(program, data=dict(values)), rng_seed=0)
        with handlers.block():
            trace = handlers.trace(seeded).get_trace()
    except ProgramError:
        raise
    except Exception as error:
        shown = str(error).strip().split("\n")[0][:300]
        raise ProgramError(
            f"the guide {program.name!r} raised {type(error).__name__} ({shown})",
            remedy="It is called with the arguments of the program; run it under handlers.seed and correct it.",
        ) from error
    return dict(trace)


def _refuse_joint(found: Mapping[str, Any], drawn: list[str]) -> None:
    """Raise for latents that are point masses, functions of an auxiliary site: densities do not tell of what else."""
    points = [name for name in drawn if isinstance(peel(found[name]["fn"]), dist.Delta)]
    if points:
        raise ProgramError(
            "the guide draws latents as point masses, whose dependencies cannot be told apart",
            points,
            remedy="Draw each latent at its own site from a distribution with a density.",
        )


def _compare_supports(forward: Any, found: Any, drawn: list[str]) -> tuple[WrongSupport, ...]:
    pairs = [(name, _state_support(forward[name]["fn"]), _state_support(found[name]["fn"])) for name in drawn]
    return tuple(WrongSupport(*pair) for pair in pairs if pair[1] != pair[2])


def _compare_shapes(forward: Any, found: Any, drawn: list[str]) -> tuple[WrongShape, ...]:
    pairs = [(name, jnp.shape(forward[name]["value"]), jnp.shape(found[name]["value"])) for name in drawn]
    return tuple(WrongShape(*pair) for pair in pairs if pair[1] != pair[2])


def _state_support(fn: Any) -> str:
    """Name a support, with its ends where they are constants that matter."""
    name = name_support(fn)
    ends = bounds_of(peel(fn))
    if ends is None or name not in {"interval", "unit_interval", *DISCRETE}:
        return name
    try:
        low, high = (float(np.min(np.asarray(end))) for end in ends)
    except jax.errors.TracerArrayConversionError:
        return name
    return f"{'interval' if name == 'unit_interval' else name} [{low:g}, {high:g}]"


def _find_uses(model: NumpyroModel, guide: Program, drawn: list[str]) -> dict[str, tuple[list[str], set[str]]]:
    """Return for each latent drawn by the guide the other latents and the observed sites that its density needs."""
    leaves, tree = jax.tree.flatten((guide.args, dict(guide.kwargs)))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (np.ndarray, jax.Array, float))]
    shapes = {name: _run(guide, {})[name]["value"] for name in drawn}

    def measure(arrays: list[Any], seen: dict[str, Any], own: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        args, kwargs = jax.tree.unflatten(tree, filled)
        forward = _run(Program(model.program.function, args, kwargs), {})
        sites = _run(Program(guide.function, args, kwargs), seen)
        data = [forward[name]["value"] for name, site in model.sites.items() if site.is_observed]
        return data, [jnp.sum(sites[name]["fn"].log_prob(own[name])) for name in drawn]

    arrays = [jnp.asarray(leaves[i]) for i in places]
    traced = jax.make_jaxpr(measure)(arrays, shapes, shapes)
    table, inputs = SetTable(), []
    # One set for each number of the arguments, then one for each latent that others see, and one that nobody needs.
    count = 0
    for array in arrays:
        inputs.append(table.singletons(range(count, count + array.size)).reshape(array.shape))
        count += array.size
    order = sorted(drawn)  # as JAX flattens a mapping
    inputs += [np.full(np.shape(shapes[name]), table.singletons([count + i])[0]) for i, name in enumerate(order)]
    inputs += [np.full(np.shape(shapes[name]), table.singletons([count + len(order)])[0]) for name in order]
    results = follow(traced, inputs, table)
    observed = [name for name, site in model.sites.items() if site.is_observed]
    data = {name: _members(table, result) for name, result in zip(observed, results, strict=False)}
    _require_arguments(data)
    uses = {}
    for name, result in zip(drawn, results[len(observed) :], strict=True):
        needed = _members(table, result)
        sites = [other for i, other in enumerate(order) if count + i in needed and other != name]
        uses[name] = (sites, {source for source, numbers in data.items() if numbers & needed})
    return uses


def _members(table: SetTable, result: Any) -> set[int]:
    return {member for members in table.members(np.unique(result.sets)) for member in members}


def _require_arguments(data: Mapping[str, set[int]]) -> None:
    unseen = [name for name, numbers in data.items() if not numbers]
    if unseen:
        raise ProgramError(
            "data that are not among the arguments, so that nobody can tell whether the guide uses them",
            unseen,
            remedy="Pass them as floats or arrays, to the program and to the guide.",
        )
