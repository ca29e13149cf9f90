"""What NumPyro accepts and no Bayesian network describes: each refused with the site and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist

from retrodict.errors import ProgramError
from retrodict.read.jaxpr.internals import is_traced
from retrodict.read.numpyro.control import is_replayed
from retrodict.read.numpyro.distributions.numpyro_supports import WRAPPERS, peel

# What takes a program that has a density and cannot be simulated.
BY_DENSITY = " rd.AutoFaithful and rd.answer take its density as it is."


class OutsideRandomnessError(ProgramError):
    """A program draws random numbers outside of its sites."""


def refuse_message(message: Mapping[str, Any], seen: set[str]) -> None:
    """Raise `ProgramError` for a message that cannot be read, before it has a value."""
    kind = message["type"]
    if kind == "sample":
        _refuse_name(message["name"], seen)
        if not is_replayed(dict(message)):
            _refuse_sample(message)
    elif kind == "plate":
        _refuse_subsampling(message)
    elif kind == "control_flow":
        _refuse_control_flow(message)
    elif kind == "prng_key":
        raise OutsideRandomnessError(
            "the program draws random numbers outside of its sites, with numpyro.prng_key",
            remedy="Draw them with numpyro.sample; give values to parameters that start at random, "
            "with handlers.substitute(program, data=params).",
        )
    elif kind == "mutable":
        raise ProgramError(
            "the mutable site {names} changes from run to run",
            [message["name"]],
            remedy="Fix its value and pass it in.",
        )


def _refuse_name(name: str, seen: set[str]) -> None:
    if name in seen:
        raise ProgramError(
            "the program uses the name {names} for two sites", [name], remedy='Name the sites apart, as in f"z{i}".'
        )


def _refuse_sample(message: Mapping[str, Any]) -> None:
    name, value, fn = message["name"], message["value"], message["fn"]
    if not message["is_observed"] and value is not None:
        raise ProgramError(
            "handlers.substitute gives the latent site {names} a value, which does not make it data",
            [name],
            remedy="Use handlers.condition if it is data, handlers.do if it is a constant, or leave it free.",
        )
    inner = peel(fn)
    if isinstance(inner, dist.Unit):
        raise ProgramError(
            "the factor {names} changes the density but draws nothing, so the program cannot be simulated",
            [name],
            remedy="Write what it stands for as a distribution at a site with obs=." + BY_DENSITY,
        )
    if isinstance(inner, dist.ImproperUniform):
        raise ProgramError(
            "{names} has an improper prior, from which nothing can be drawn", [name], remedy=_advise_on_improper(name)
        )
    if isinstance(inner, dist.Delta):
        _refuse_point_mass(message, inner)
    if message["is_observed"] and not isinstance(inner, dist.Delta):
        _refuse_shape(name, jnp.shape(value), tuple(message["kwargs"].get("sample_shape", ())) + fn.shape())


def _advise_on_improper(name: str) -> str:
    if name.endswith("_unwrapped"):  # what CircularReparam makes of a site
        return f"Leave CircularReparam out for {name.removesuffix('_unwrapped')!r}: angles are read as they are."
    return "Give the site a proper prior." + BY_DENSITY


def _refuse_point_mass(message: Mapping[str, Any], inner: Any) -> None:
    weighted = is_traced(inner.log_density) or np.any(np.asarray(inner.log_density) != 0)
    if message["is_observed"] or weighted:
        raise ProgramError(
            "{names} is a Delta with data or a log_density of its own, which is a constraint and not a distribution",
            [message["name"]],
            remedy="Give the site a distribution with a density, or use numpyro.deterministic." + BY_DENSITY,
        )


def _refuse_shape(name: str, given: tuple[int, ...], drawn: tuple[int, ...]) -> None:
    if given != drawn:
        raise ProgramError(
            f"obs= of {{names}} has shape {given}, but a draw from the distribution has shape {drawn}",
            [name],
            remedy="Put the site into a numpyro.plate, or expand its distribution, so that both agree.",
        )


def _refuse_subsampling(message: Mapping[str, Any]) -> None:
    size, subsample = message["args"]
    if subsample is not None and subsample != size:
        raise ProgramError(
            f"the plate {{names}} takes {subsample} of {size} at random, and the rest of the model is not there",
            [message["name"]],
            remedy="Leave subsample_size out." + BY_DENSITY,
        )


def _refuse_control_flow(message: Mapping[str, Any]) -> None:
    """Look at values of outer handlers, which reach the sites of control flow late, where they wait."""
    if len(message["args"]) == 5 and message["args"][4]:
        raise ProgramError(
            "a scan with reverse=True is drawn by NumPyro from the last to the first, but scored the other way",
            remedy="Scan forwards over reversed data.",
        )
    for kind, values in message["kwargs"]["substitute_stack"]:
        if kind not in ("condition", "substitute") or callable(values):
            raise ProgramError(
                f"handlers.{kind} reaches into control flow, where it cannot be read", remedy="Pass values in obs=."
            )
        if kind == "substitute":
            raise ProgramError(
                "handlers.substitute reaches into control flow with values of {names}",
                values,
                remedy="Use handlers.condition for data, or wrap what is inside with handlers.do.",
            )


def refuse_site(site: Mapping[str, Any]) -> None:
    """Raise `ProgramError` for a finished random site whose density is not that of its draws."""
    name = site["name"]
    scale = site.get("scale")
    if scale is not None and (is_traced(scale) or np.any(np.asarray(scale) != 1)):
        raise ProgramError(
            "handlers.scale weighs the density of {names}, which then belongs to no distribution",
            [name],
            remedy="Read the program without it." + BY_DENSITY,
        )
    if jnp.size(site["value"]) == 0:
        raise ProgramError("the site {names} draws an array without elements", [name], remedy="Leave it out.")
    if jnp.iscomplexobj(site["value"]):
        raise ProgramError(
            "{names} draws complex values, which are not read", [name], remedy="Draw real and imaginary part."
        )


def list_masks(fn: Any) -> list[Any]:
    """Return the masks in the wrappers of a distribution."""
    found = []
    while isinstance(fn, WRAPPERS):
        if isinstance(fn, dist.MaskedDistribution):
            found.append(fn._mask)
        fn = fn.base_dist
    return found


def refuse_mask(name: str) -> None:
    """Raise `ProgramError` for a site that a mask hides, or may hide, in part."""
    raise ProgramError(
        "a mask takes values of {names} out of the density that are drawn all the same",
        [name],
        remedy="Leave these entries out. For obs_mask=, make a site for what is seen and one for what is not."
        + BY_DENSITY,
    )
