"""Trace a NumPyro program without computing anything: its sites, and a refusal of what is no Bayesian network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist
from numpyro import handlers
from numpyro.primitives import Messenger

from retrodict.errors import ProgramError, RetrodictError
from retrodict.read.numpyro.control import enter, is_replayed, kind_of
from retrodict.read.numpyro.distributions.numpyro_supports import name_support, peel
from retrodict.read.numpyro.failures import explain
from retrodict.read.numpyro.observed.given import Given, prepare
from retrodict.read.numpyro.refusals import refuse_message, refuse_site


@dataclass(frozen=True)
class Program:
    """A NumPyro program with its arguments."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self) -> Any:
        """Run it, under the handlers that are active; its data become arrays."""
        with Given():
            return self.function(*self.args, **self.kwargs)

    @property
    def name(self) -> str:
        """Name of the function."""
        return getattr(self.function, "__qualname__", type(self.function).__name__)


@dataclass(frozen=True)
class Site:
    """A random site: ``shape`` of its value, of which the last ``event_dim`` axes are drawn jointly.

    ``in_scan`` says that its first axis counts the iterations of a loop; ``axes`` names the plate behind each axis of
    its elements, None where no plate made it.
    """

    name: str
    shape: tuple[int, ...]
    event_dim: int
    dtype: np.dtype[Any]
    distribution: str
    support: str
    plates: tuple[str, ...]
    is_observed: bool
    in_scan: bool
    axes: tuple[str | None, ...] = ()

    @property
    def element_shape(self) -> tuple[int, ...]:
        """Shape of the elements that are drawn one by one, given the other sites."""
        return self.shape[: len(self.shape) - self.event_dim]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of what is drawn jointly."""
        return self.shape[len(self.shape) - self.event_dim :]

    @property
    def n_elements(self) -> int:
        """How many elements are drawn one by one."""
        return math.prod(self.element_shape)


@dataclass
class Record:
    """What was met while a program ran, in order."""

    names: list[str] = field(default_factory=list)
    dtypes: dict[str, np.dtype[Any]] = field(default_factory=dict)
    in_scan: set[str] = field(default_factory=set)


class Recorder(Messenger):  # type: ignore[misc]
    """Look at each message after the handlers of the user, before it gets a value; refuse what cannot be read."""

    def __init__(self, fn: Callable[..., Any] | None, record: Record, *, in_scan: bool = False) -> None:
        super().__init__(fn)
        self.record = record
        self.in_scan = in_scan
        self.seen: set[str] = set()  # of this run: JAX may trace the body of a loop twice

    def process_message(self, msg: dict[str, Any]) -> None:
        """Look at a message before it has a value."""
        prepare(msg)
        refuse_message(msg, self.seen)
        if msg["type"] == "control_flow":
            is_scan = kind_of(msg) == "scan"
            enter(msg, lambda fn, _: Recorder(fn, self.record, in_scan=is_scan), keep_data=True)
        elif msg["type"] == "sample":
            self.seen.add(msg["name"])
            self.record.names.append(msg["name"])
            if not is_replayed(msg):
                self.record.dtypes[msg["name"]] = _read_dtype(msg)
            if self.in_scan:
                self.record.in_scan.add(msg["name"])


def read_sites(program: Program) -> tuple[Site, ...]:
    """Return the random sites of a program, in the order in which it draws them.

    Raises `ProgramError` naming the site for a program that fails or that no Bayesian network describes.
    """
    sites: list[Site] = []
    record = Record()

    def run(key: jax.Array) -> list[Any]:
        with handlers.trace() as trace, Recorder(None, record), handlers.seed(rng_seed=key):
            program()
        sites.extend(_describe(site, record) for site in trace.values() if is_random(site))
        return []

    try:
        jax.eval_shape(run, jax.random.key(0))
    except RetrodictError:
        raise
    except Exception as error:
        raise explain(error, program, record.names) from error
    if not sites:
        raise ProgramError(f"the program {program.name!r} has no random site", remedy="Draw with numpyro.sample.")
    return tuple(sites)


def _read_dtype(msg: Mapping[str, Any]) -> np.dtype[Any]:
    """Return the type of a draw: data may have another, such as whole numbers for a normal."""
    draw = msg["fn"](rng_key=jax.random.key(0), sample_shape=msg["kwargs"]["sample_shape"])
    return np.dtype(jnp.result_type(draw))


def is_random(site: Mapping[str, Any]) -> bool:
    """Return whether a site of a trace is drawn: not deterministic, nor a point mass, which is the same."""
    return site["type"] == "sample" and not isinstance(peel(site["fn"]), dist.Delta)


def _describe(site: Mapping[str, Any], record: Record) -> Site:
    refuse_site(site)
    distribution, name = peel(site["fn"]), site["name"]
    return Site(
        name=name,
        shape=tuple(jnp.shape(site["value"])),
        event_dim=distribution.event_dim,
        dtype=record.dtypes[name],
        distribution=type(distribution).__name__,
        support=name_support(distribution),
        plates=tuple(frame.name for frame in reversed(site["cond_indep_stack"])),
        is_observed=bool(site["is_observed"]),
        in_scan=name in record.in_scan,
        axes=_name_axes(site, distribution.event_dim),
    )


def _name_axes(site: Mapping[str, Any], event_dim: int) -> tuple[str | None, ...]:
    """Return the plate of each axis of the elements: those that ``to_event`` adds lie behind all plates."""
    names: list[str | None] = [None] * (jnp.ndim(site["value"]) - event_dim)
    behind = site["fn"].event_dim - event_dim
    for frame in site["cond_indep_stack"]:
        names[frame.dim - behind] = frame.name
    return tuple(names)
