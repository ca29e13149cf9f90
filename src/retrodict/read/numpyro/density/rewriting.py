"""A program rewritten so that each term of its log density is a site: then it reads as any other program.

A term that draws nothing becomes an observed site without data, whose parents are the latents that meet in it. In the
moral graph these are neighbors: given all that is observed, separation in the directed graph is separation in the
undirected one of latents and terms (the factor graph), so that inverses are eliminated on it, and certified against it.

Source: Koller & Friedman, section 4.5 (from Markov to Bayesian networks by observed children).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro import distributions as dist
from numpyro import handlers
from numpyro.primitives import Messenger

from retrodict.errors import ProgramError
from retrodict.read.jaxpr.internals import is_traced
from retrodict.read.numpyro.control import enter, is_replayed
from retrodict.read.numpyro.density.terms import Flat, Potential, has_masks, weigh
from retrodict.read.numpyro.distributions.numpyro_supports import peel

# What is added to the name of a latent for the site of its weighed density.
ENDING = "_log_density"


@dataclass(frozen=True)
class Rewritten:
    """A program whose terms are sites.

    ``computed`` names sites whose ``obs=`` is computed from latents, ``points`` point masses with a log density.
    """

    function: Callable[..., Any]
    computed: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        object.__setattr__(self, "__qualname__", name)  # by which messages call a function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program, rewritten."""
        with Rewriting(self.computed, self.points):
            return self.function(*args, **kwargs)


class Rewriting(Messenger):  # type: ignore[misc]
    """Turn what changes the density and draws nothing into sites."""

    def __init__(
        self, computed: frozenset[str], points: frozenset[str], function: Callable[..., Any] | None = None
    ) -> None:
        super().__init__(function)
        self.computed, self.points = computed, points
        self.added: dict[str, Any] = {}  # terms that stand beside a latent, until it has its value
        self.given: dict[str, Any] = {}  # what a site returns in the place of its zeros
        self.own: set[str] = set()

    def process_message(self, msg: dict[str, Any]) -> None:
        """Change a message before anybody else sees it."""
        if msg["type"] == "plate":
            _take_first_rows(msg)
        elif msg["type"] == "control_flow":
            enter(msg, lambda inner, _: Rewriting(self.computed, self.points, inner), keep_data=True)
        elif msg["type"] == "sample" and not is_replayed(msg):
            if msg["name"] in self.own:
                msg["scale"] = None
            elif msg["is_observed"]:
                self._rewrite_data(msg)
            else:
                self._rewrite_latent(msg)

    def postprocess_message(self, msg: dict[str, Any]) -> None:
        """State the term of a latent, and return the data that a term was made of."""
        if msg["type"] != "sample":
            return
        name = msg["name"]
        if name in self.given:
            msg["value"] = self.given.pop(name)
        if name in self.added:
            term, own = self.added.pop(name), f"{name}{ENDING}"
            self.own.add(own)
            density = Potential(term(msg["value"]))
            numpyro.sample(own, density, obs=jnp.zeros(density.batch_shape))

    def _rewrite_data(self, msg: dict[str, Any]) -> None:
        msg["fn"] = _widen_to_data(msg)
        fn, scale, name = msg["fn"], _read_scale(msg), msg["name"]
        if isinstance(peel(fn), dist.Unit | dist.Delta) or name in self.computed:
            density = fn.log_prob(msg["value"]) * (1.0 if scale is None else scale)
            self.given[name] = msg["value"]
            msg["fn"], msg["value"], msg["scale"] = Potential(density), jnp.zeros(jnp.shape(density)), None
        elif scale is not None or has_masks(fn):
            msg["fn"], msg["scale"] = weigh(fn, scale), None

    def _rewrite_latent(self, msg: dict[str, Any]) -> None:
        fn, scale, name = msg["fn"], _read_scale(msg), msg["name"]
        inner = peel(fn)
        if isinstance(inner, dist.Delta):
            if name in self.points:
                self.added[name] = fn.log_prob
                msg["fn"] = dist.Delta(inner.v, event_dim=inner.event_dim)
        elif isinstance(inner, dist.ImproperUniform):
            msg["fn"] = Flat.of(fn).to_event(fn.event_dim - inner.event_dim)
        elif scale is not None:
            # The weighed density need not integrate to a constant, so that it is no conditional.
            _refuse_rows(msg)
            density = weigh(fn, scale)
            self.added[name] = density.log_prob
            msg["fn"] = Flat.of(fn).to_event(fn.event_dim - inner.event_dim)
        elif has_masks(fn):
            msg["fn"] = weigh(fn, None)
        if not isinstance(inner, dist.Delta):
            msg["scale"] = None


def find_points(program: Callable[[], Any]) -> frozenset[str]:
    """Return the names of latent point masses that have a log density of their own.

    The program is traced: a log density that depends on a latent is zero for some of its values only.
    """
    found: set[str] = set()

    class Looking(Messenger):  # type: ignore[misc]
        def process_message(self, msg: dict[str, Any]) -> None:
            inner = peel(msg["fn"]) if msg["type"] == "sample" else None
            if isinstance(inner, dist.Delta) and not msg["is_observed"]:
                weighted = is_traced(inner.log_density) or np.any(np.asarray(inner.log_density) != 0)
                found.update([msg["name"]] if weighted else [])
            if isinstance(inner, dist.ImproperUniform):
                msg["fn"] = Flat.of(msg["fn"])
            if msg["type"] == "plate":
                _take_first_rows(msg)
            if msg["type"] == "control_flow":
                enter(msg, lambda inner, _: Looking(inner), keep_data=True)

    def run(key: jax.Array) -> list[Any]:
        with handlers.block(), handlers.seed(rng_seed=key), Looking(None):
            program()
        return []

    jax.eval_shape(run, jax.random.key(0))
    return frozenset(found)


def _widen_to_data(msg: dict[str, Any]) -> Any:
    """Return the distribution of an observed site, repeated where its data have more axes, as its density is then.

    NumPyro scores ``sample("y", Normal(mu, 1), obs=values)`` as if a plate of the values were around.
    """
    fn, given = msg["fn"], jnp.shape(msg["value"])
    batch = given[: len(given) - fn.event_dim]
    if msg["kwargs"].get("sample_shape") or len(given) < fn.event_dim or batch == fn.batch_shape:
        return fn
    fits = given[len(batch) :] == fn.event_shape and len(batch) >= len(fn.batch_shape)
    behind = batch[len(batch) - len(fn.batch_shape) :]
    fits = fits and all(own in (1, there) for own, there in zip(fn.batch_shape, behind, strict=True))
    return fn.expand(batch) if fits else fn


def _read_scale(msg: dict[str, Any]) -> Any:
    """Return the scale of a message; None for one, which weighs nothing."""
    scale = msg.get("scale")
    plain = scale is None or (not is_traced(scale) and np.all(np.asarray(scale) == 1))
    return None if plain else scale


def _take_first_rows(msg: dict[str, Any]) -> None:
    """Let a plate that takes some rows at random take the first: which terms there are does not depend on it."""
    size, rows = msg["args"]
    if rows is not None and rows != size and msg["value"] is None:
        msg["value"], msg["args"] = jnp.arange(rows), (rows, rows)


def _refuse_rows(msg: dict[str, Any]) -> None:
    """Raise `ProgramError` for a latent in a plate of which some rows are taken: others are latent another time."""
    name = msg["name"]
    raise_for = [frame.name for frame in msg["cond_indep_stack"]]
    scale = np.asarray(msg["scale"]) if not is_traced(msg["scale"]) else None
    if raise_for and scale is not None and scale.ndim == 0 and float(scale) > 1:
        raise ProgramError(
            "the latent {names} stands in a plate of which only some rows are taken, or under handlers.scale, and a "
            "guide would have to draw it for rows that it does not see",
            [name],
            remedy="Leave subsample_size out, or draw the latent outside of the plate.",
        )
