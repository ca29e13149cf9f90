"""Read a NumPyro guide beside its program: the sites that it draws, their parents, and faults that NumPyro accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist
from numpyro import handlers
from numpyro.primitives import Messenger

from retrodict.errors import ProgramError
from retrodict.guide.judging.uses import find_uses, list_units
from retrodict.guide.judging.verdict import GuideReading, WrongShape, WrongSupport
from retrodict.plan.supports import DISCRETE
from retrodict.read.numpyro.distributions.numpyro_supports import bounds_of, name_support, peel
from retrodict.read.numpyro.failures import write_error
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program


def read_numpyro_guide(model: NumpyroModel, guide: Callable[..., Any]) -> GuideReading:
    """Read a guide that is called as the program of the model is, with data.

    The result describes the variables of the model: sites, or their elements where it was read element by element. A
    latent depends on what its log density needs in the traced guide, and on an observed variable through the numbers in
    the arguments that are its data.

    Raises `ProgramError` for a guide that fails, for latents drawn as functions of an auxiliary site, whose
    dependencies cannot be told apart, for data that are not among the arguments, and for sites observed in part.
    """
    _refuse_parts(model)
    called = Program(guide, model.program.args, model.program.kwargs)
    seen = model.structure.observed_sites
    found = {name: site for name, site in _run(called, {}).items() if site["type"] == "sample"}
    latents = [name for name in model.sites if name not in seen]
    drawn = [name for name in latents if name in found]
    _refuse_joint(found, drawn)
    forward = {name: site for name, site in _run(model.program, {}).items() if site["type"] == "sample"}
    uses = find_uses(model, called, {name: found[name]["value"] for name in drawn}, _run)
    is_amortized = any(use.observed for use in uses.values())
    observed = tuple(unit for name in model.sites if name in seen for unit in list_units(model, name))
    parents = {name: (*use.latents, *(use.observed if is_amortized else observed)) for name, use in uses.items()}
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


class Filled(Messenger):  # type: ignore[misc]
    """Let parameters that begin at zero have other values: what they are multiplied by will matter once they have."""

    def postprocess_message(self, msg: dict[str, Any]) -> None:
        """Change the zeros of a parameter."""
        if msg["type"] == "param":
            msg["value"] = jax.tree.map(_fill, msg["value"])


def _fill(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array) or not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    noise = jax.random.uniform(jax.random.key(0), leaf.shape, leaf.dtype, 0.01, 0.1)
    return jnp.where(leaf == 0, noise, leaf)


def _run(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """Run a program with some of its sites given, and return its sites."""
    try:
        seeded = handlers.seed(handlers.substitute(program, data=dict(values)), rng_seed=0)
        with handlers.block(), Filled():
            trace = handlers.trace(seeded).get_trace()
    except ProgramError:
        raise
    except Exception as error:
        raise ProgramError(
            f"the guide {program.name!r} raised {write_error(error)}",
            remedy="It is called with the arguments of the program; run it under handlers.seed and correct it.",
        ) from error
    return dict(trace)


def _refuse_parts(model: NumpyroModel) -> None:
    """Raise for sites that are latent in some elements only: a guide draws whole sites."""
    latent = set(model.net.latents)
    parts = [name for name in model.structure.observed_sites if not latent.isdisjoint(list_units(model, name))]
    if parts:
        raise ProgramError(
            "{names} {are} observed in part, and a guide draws whole sites",
            sorted(parts),
            remedy="Let the program have one site for what is seen and one for what is not.",
        )


def _refuse_joint(found: Mapping[str, Any], drawn: list[str]) -> None:
    """Raise for latents that are point masses, functions of an auxiliary site: densities do not tell of what else."""
    points = [name for name in drawn if isinstance(peel(found[name]["fn"]), dist.Delta)]
    if points:
        raise ProgramError(
            "the guide draws {names} as point masses, whose dependencies cannot be told apart",
            points,
            remedy="Draw each latent at its own site from a distribution with a density, as rd.AutoFaithful does with "
            "exact=False and without joint=True or elementwise=True.",
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
