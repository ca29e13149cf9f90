"""How a guide meets its program: as it can be simulated or by its density, parameters begun, sites or elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from numpyro import handlers

from retrodict.errors import ProgramError
from retrodict.read.numpyro.density.density_reader import DensityModel, read_either
from retrodict.read.numpyro.density.rewriting import Rewritten
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.reader import from_numpyro
from retrodict.read.numpyro.refusals import OutsideRandomnessError

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Begun:
    """A program whose parameters have their first values, where these are drawn: reading it draws nothing."""

    function: Function
    values: Mapping[str, Any]

    def __post_init__(self) -> None:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        object.__setattr__(self, "__qualname__", name)  # by which messages call a function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program."""
        with handlers.substitute(data=dict(self.values)):
            return self.function(*args, **kwargs)


def meet(
    program: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, elementwise: bool
) -> tuple[NumpyroModel, Function]:
    """Return a program as a model, and the function whose terms are its sites, which has its own parameters."""
    try:
        model = _read(program, args, kwargs, elementwise)
    except OutsideRandomnessError:
        begun = _begin_parameters(program, args, kwargs)
        if begun is None:
            raise
        model = _read(begun, args, kwargs, elementwise)
    if not isinstance(model, DensityModel):
        return model, program
    scored = model.program.function
    return model, replace(scored, function=program) if isinstance(scored, Rewritten) else program


def _read(program: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], elementwise: bool) -> NumpyroModel:
    read = partial(from_numpyro, program, *args, elementwise=elementwise, **kwargs)
    return read_either(read, program, args, kwargs, elementwise=elementwise)


def _begin_parameters(program: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Begun | None:
    """Run a program once for the first values of its parameters; return None where it has none."""
    try:
        with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=0):
            program(*args, **kwargs)
    except Exception as error:
        raise ProgramError(
            f"the program raised {type(error).__name__} ({error})", remedy="Run it under handlers.seed and correct it."
        ) from error
    values = {name: site["value"] for name, site in trace.items() if site["type"] == "param"}
    return Begun(program, values) if values else None
