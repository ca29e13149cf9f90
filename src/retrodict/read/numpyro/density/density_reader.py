"""Read a program that has a density and cannot be simulated: its terms as sites, its structure the factor graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retrodict.errors import ProgramError, RetrodictError, SimulationError
from retrodict.graph.names import Name
from retrodict.read.numpyro.density.rewriting import Rewritten, find_points
from retrodict.read.numpyro.failures import write_error
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.observed.fixed import ComputedDataError, read_data, require_finite
from retrodict.read.numpyro.program_structure import read_structure
from retrodict.read.numpyro.sites import Program, read_sites


@dataclass(frozen=True, eq=False, repr=False)
class DensityModel(NumpyroModel):
    """A program of which only the density counts: its program has its terms as sites, and draws places to begin at."""

    def simulate(self, n: int = 1000, *, seed: int = 0) -> dict[Name, Any]:
        """Raise `SimulationError`."""
        raise SimulationError(
            f"the program {self.program.name!r} has a density and cannot be simulated",
            remedy="Train rd.AutoFaithful(program), or ask rd.answer(program, ...).",
        )


def read_density(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, elementwise: bool = False
) -> DensityModel:
    """Return a program as a model of its density.

    Masks and scales become weights of terms; factors, weighed latents, ``Delta(log_density=)`` and data that are
    computed from latents become observed sites of their own; improper priors are flat; data that are used twice are
    constants at the second place, and so they are when other data are given.

    Raises `ProgramError` for what has no density that can be followed.

    >>> import numpyro, numpyro.distributions as dist
    >>> def program(y):
    ...     a = numpyro.sample("a", dist.ImproperUniform(dist.constraints.real, (), ()))
    ...     b = numpyro.sample("b", dist.Normal(0, 1))
    ...     numpyro.factor("near", -((a - b) ** 2))
    ...     numpyro.sample("y", dist.Normal(a, 1), obs=y)
    >>> import numpy as np
    >>> read_density(program, (np.array(1.0),), {}).net.parents("near")
    ('a', 'b')
    """
    computed: frozenset[str] = frozenset()
    points = _find_points(Program(function, args, dict(kwargs)))
    while True:
        called = Program(Rewritten(function, computed, points), args, dict(kwargs))
        try:
            sites = read_sites(called)
            data = read_data(called, sites)
            break
        except ComputedDataError as error:
            found = computed | set(map(str, error.variables))
            if found == computed:
                raise
            computed = found
    structure = read_structure(called, sites, None, elementwise, related=False)
    require_finite(data, structure)
    return DensityModel(called, structure)


def read_either(
    read: Callable[[], NumpyroModel],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    elementwise: bool = False,
) -> NumpyroModel:
    """Return a program as a model that can be simulated, or as one of its density where it cannot.

    Where neither can be read, the error says why it cannot be simulated.
    """
    try:
        return read()
    except ProgramError as error:
        try:
            return read_density(function, args, kwargs, elementwise=elementwise)
        except ProgramError:
            raise error from None


def _find_points(program: Program) -> frozenset[str]:
    try:
        return find_points(program)
    except RetrodictError:
        raise
    except Exception as error:
        raise ProgramError(
            f"the program {program.name!r} raised {write_error(error)}",
            remedy="Run it under handlers.seed and correct it.",
        ) from error
