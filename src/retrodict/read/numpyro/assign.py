"""A handler that decides the value of every random site: the one given, a fresh draw, or some of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist
from numpyro import handlers
from numpyro.distributions.transforms import biject_to
from numpyro.primitives import Messenger

from retrodict.errors import ProgramError
from retrodict.graph.rows import Mask
from retrodict.read.numpyro.control import enter, is_replayed
from retrodict.read.numpyro.distributions.numpyro_supports import peel, support_of
from retrodict.read.numpyro.distributions.sampling import draw
from retrodict.read.numpyro.observed.given import prepare
from retrodict.read.numpyro.sites import Program, Site, is_random


class Assign(Messenger):  # type: ignore[misc]
    """Give every site its value from ``given``, or a fresh draw where ``fresh`` marks its elements.

    It overrules data of the program, unless ``keep_data``: a draw of the model draws its observed sites, too. Each
    element of a site in a loop is treated in its own iteration, so that what comes later sees what was drawn before.
    What is given for elements that ``coded`` marks are codes: NumPyro's bijection to the support, which may depend on
    what came before, makes values of them.
    """

    def __init__(
        self,
        fn: Callable[..., Any] | None,
        sites: Mapping[str, Site],
        given: Mapping[str, Any],
        fresh: Mapping[str, Mask],
        key: jax.Array | None = None,
        iteration: Any = None,
        *,
        keep_data: bool = False,
        coded: Mapping[str, Mask] | None = None,
    ) -> None:
        super().__init__(fn)
        self.coded = coded or {}
        self.sites, self.given, self.fresh, self.key, self.iteration = sites, given, fresh, key, iteration
        self.keep_data = keep_data
        self.order = {name: i for i, name in enumerate(sites)}

    def process_message(self, msg: dict[str, Any]) -> None:
        """Set the value of a site, and go along into control flow."""
        if msg["type"] == "prng_key":
            _answer_alone(msg)
            return
        prepare(msg)
        if msg["type"] == "control_flow":
            enter(msg, self._go_along, keep_data=self.keep_data)
        elif msg["type"] == "sample" and not is_replayed(msg) and not (self.keep_data and msg["is_observed"]):
            if isinstance(peel(msg["fn"]), dist.Delta):
                msg["value"] = self._draw(msg, jax.random.key(0))
            else:
                msg["value"] = self._choose(msg)

    def _go_along(self, fn: Callable[..., Any], iteration: Any) -> Assign:
        return Assign(
            fn,
            self.sites,
            self.given,
            self.fresh,
            self.key,
            iteration,
            keep_data=self.keep_data,
            coded=self.coded,
        )

    def _choose(self, msg: dict[str, Any]) -> Any:
        name = msg["name"]
        if name not in self.sites:
            raise ProgramError(
                "the program drew the site {names}, which it did not have when it was read",
                [name],
                remedy="A program must draw the same sites in every run.",
            )
        site = self.sites[name]
        fresh: Any = self.fresh.get(name)
        if name in self.coded:
            return self._decode(msg["fn"], site, self._here(self.given[name], site))
        fixed = not isinstance(fresh, jax.Array)  # else which elements are fresh is known to the program alone
        if fresh is None or (fixed and not fresh.any()):
            return self._here(self.given[name], site)
        drawn = jnp.asarray(self._draw(msg, self._key(name)), site.dtype)
        if fixed and fresh.all():
            return drawn
        mask = fresh.reshape((*site.element_shape, *[1] * site.event_dim))
        return jnp.where(self._here(jnp.asarray(mask), site), drawn, self._here(self.given[name], site))

    def _decode(self, fn: Any, site: Site, given: Any) -> Any:
        """Return the values that belong to codes, and what else is given as it is."""
        coded = self._here(
            jnp.asarray(self.coded[site.name].reshape((*site.element_shape, *[1] * site.event_dim))), site
        )
        values = biject_to(support_of(peel(fn)))(given)
        return jnp.where(coded, values, given)

    def _here(self, value: Any, site: Site) -> Any:
        """Return the part of a value that belongs to this iteration."""
        return value[self.iteration] if site.in_scan and self.iteration is not None else value

    def _key(self, name: str) -> jax.Array:
        if self.key is None:
            raise ValueError("fresh draws need a key")
        key = jax.random.fold_in(self.key, self.order[name])
        return key if self.iteration is None else jax.random.fold_in(key, self.iteration)

    @staticmethod
    def _draw(msg: dict[str, Any], key: jax.Array) -> Any:
        return draw(msg["fn"], key, msg["kwargs"]["sample_shape"])


def _answer_alone(msg: dict[str, Any]) -> None:
    """Give a key that nothing depends on, where NumPyro asks for one in case that a site has no value.

    Else the handler of a program around would split its own key while JAX traces the body of a loop, and keep the
    result for later, when the trace is over.
    """
    msg["value"], msg["stop"] = jax.random.key(0), True


def run(
    program: Program,
    sites: Mapping[str, Site],
    given: Mapping[str, Any],
    fresh: Mapping[str, Mask] | None = None,
    key: jax.Array | None = None,
    *,
    keep_data: bool = False,
    coded: Mapping[str, Mask] | None = None,
    also: Collection[str] = (),
) -> dict[str, Any]:
    """Run a program with values given and drawn; return its random sites, and those of other kinds that are named."""
    with handlers.trace() as trace, Assign(None, sites, given, fresh or {}, key, keep_data=keep_data, coded=coded):
        program()
    return {name: site for name, site in trace.items() if is_random(site) or name in also}


def all_fresh(sites: Mapping[str, Site]) -> dict[str, Mask]:
    """Mark every element of every site."""
    return {name: np.ones(site.element_shape, dtype=bool) for name, site in sites.items()}
