"""Programs with parameters: Equinox modules, and NumPyro functions whose parameters are ``numpyro.param`` sites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from numpyro import handlers
from numpyro.distributions import constraints
from numpyro.distributions.transforms import biject_to

from retrodict.encode.trees import list_arrays
from retrodict.errors import OptionError, ProgramError

Tree = Any


class WithParameters(eqx.Module):
    """A NumPyro function together with the values of its ``numpyro.param`` sites, unconstrained.

    >>> import numpyro, numpyro.distributions as dist
    >>> def program():
    ...     scale = numpyro.param("scale", 2.0, constraint=constraints.positive)
    ...     numpyro.sample("x", dist.Normal(0, scale))
    >>> {name: round(float(value), 3) for name, value in WithParameters.of(program).values.items()}
    {'scale': 2.0}
    """

    parameters: dict[str, Tree]
    function: Callable[[], Any] = eqx.field(static=True)
    supports: tuple[tuple[str, Any], ...] = eqx.field(static=True)

    @classmethod
    def of(cls, function: Callable[[], Any]) -> WithParameters:
        """Run a function once and gather what its ``numpyro.param`` sites begin with."""
        with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=0):
            function()
        sites = {name: site for name, site in trace.items() if site["type"] == "param"}
        supports = {name: site["kwargs"].get("constraint", constraints.real) for name, site in sites.items()}
        free = {name: _unconstrain(site["value"], supports[name]) for name, site in sites.items()}
        return cls(free, function, tuple(supports.items()))

    @property
    def values(self) -> dict[str, Tree]:
        """The parameters as the program sees them, each in its support."""
        supports = dict(self.supports)
        return {name: _constrain(value, supports[name]) for name, value in self.parameters.items()}

    def __call__(self) -> Any:
        """Run the function with these parameters."""
        with handlers.substitute(data=self.values):
            return self.function()


def as_module(program: Callable[[], Any]) -> eqx.Module:
    """Return a program as a module whose floating-point arrays are its parameters.

    Raises `ProgramError` for a program without parameters, and `OptionError` for what cannot be called.
    """
    if not callable(program):
        raise OptionError(f"a program must be a function or an Equinox module, not a {type(program).__name__}")
    module = program if isinstance(program, eqx.Module) else WithParameters.of(program)
    if not list_arrays(module):
        raise ProgramError(
            "the program has no parameters to be learned",
            remedy="Write it as an Equinox module, or use numpyro.param; for a model without parameters there is "
            "rd.amortize.",
        )
    return module


def _unconstrain(value: Tree, support: Any) -> Tree:
    value = jax.tree.map(lambda leaf: jnp.array(leaf) if eqx.is_inexact_array_like(leaf) else leaf, value)
    return value if support is constraints.real else jax.tree.map(biject_to(support).inv, value)


def _constrain(value: Tree, support: Any) -> Tree:
    return value if support is constraints.real else jax.tree.map(biject_to(support), value)
