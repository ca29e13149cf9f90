"""One program of the benchmark: how it is called, its data, and the parameters whose posterior is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro

Values = Mapping[str, Any]
Parameters = dict[str, np.ndarray]


@dataclass(frozen=True)
class Entry:
    """A program and its data.

    Arguments:
        name: what the benchmark calls it.
        program: the NumPyro program; it draws all of its sites, data included.
        arguments: what the program is called with: constants, no data.
        data: the value of each observed site.
        parameters: from draws ``(n, ...)`` of the latent sites to draws ``(n,)`` of each parameter by name.
        elementwise: whether the program is read element by element, which a scan needs.
        summed: the same program with its discrete latents summed out.
        uncentered: the same posterior with effects that are not centered, for NUTS.
        vague: whether draws of the prior overflow, so that NUTS cannot begin at their median.
        double: whether its density takes double precision.
    """

    name: str
    program: Callable[..., Any]
    arguments: tuple[Any, ...]
    data: Values
    parameters: Callable[[Values], Parameters] = field(default_factory=lambda: name_elements)
    elementwise: bool = False
    summed: Callable[..., Any] | None = None
    uncentered: Callable[..., Any] | None = None
    vague: bool = False
    double: bool = False

    @property
    def sampled(self) -> Callable[..., Any]:
        """The program that NUTS takes: continuous latents, the data in their place."""
        return self._put_data(self.uncentered or self.summed or self.program)

    @property
    def guided(self) -> Callable[..., Any]:
        """The program that a guide is for: continuous latents, the data in their place."""
        return self._put_data(self.summed or self.program)

    def _put_data(self, program: Callable[..., Any]) -> Callable[..., Any]:
        data = {site: jnp.asarray(values) for site, values in self.data.items()}  # a scan cuts them by traced numbers
        return numpyro.handlers.condition(program, data=data)


def name_elements(draws: Values, first: int = 0) -> Parameters:
    """Return every element of every site by the name ``site[i,j]``; what does not vary is no parameter."""
    named = {}
    for site, values in draws.items():
        array = np.asarray(values, dtype=float)
        for index in np.ndindex(array.shape[1:]):
            suffix = f"[{','.join(str(i + first) for i in index)}]" if index else ""
            named[f"{site}{suffix}"] = array[(slice(None), *index)]
    return {name: column for name, column in named.items() if np.ptp(column) > 0}


def select(*sites: str, first: int = 0) -> Callable[[Values], Parameters]:
    """Return a map from draws to the elements of some sites."""
    return lambda draws: name_elements({site: draws[site] for site in sites}, first)


def standardize(values: Any) -> np.ndarray:
    """Return values with mean 0 and standard deviation 1, column by column."""
    array = np.asarray(values, dtype=float)
    return (array - array.mean(axis=0)) / array.std(axis=0)
