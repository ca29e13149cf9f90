"""Whether single precision carries a log density: it does where next to equal values have next to equal densities."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.posterior.weights.pareto import Doubles

# Values are moved by some units of the last place, and so many of them are looked at.
MOVE, LOOKED = 2e-6, 64
# Densities may move by so many nats, in all but so large a share of them.
MOST_MOVED, SHARE = 0.3, 0.1


def find_roughness(score: Callable[[jax.Array], jax.Array], codes: Doubles) -> float:
    """Return the share of codes at which a log density jumps, or is no number, where codes move in the last place.

    >>> codes = np.linspace(-3, 3, 32)[:, None]
    >>> find_roughness(lambda one: -0.5 * (one**2).sum(), codes)
    0.0
    >>> find_roughness(lambda one: -0.5 * ((one + 1e8) ** 2 - (one + 1e8) ** 2 + 1e8 * one**2).sum(), codes)
    1.0
    """
    chosen = codes[np.linspace(0, len(codes) - 1, LOOKED).astype(int)]
    signs = np.where(np.arange(chosen.size).reshape(chosen.shape) % 2, 1.0, -1.0)
    scores = jax.jit(jax.vmap(score))
    here, there = (np.asarray(scores(jnp.asarray(rows))) for rows in (chosen, chosen * (1 + MOVE * signs)))
    with np.errstate(invalid="ignore"):
        return float(np.mean(~(np.abs(there - here) <= MOST_MOVED)))


def say_rough(score: Callable[[jax.Array], jax.Array], codes: Doubles) -> tuple[str, ...]:
    """Return the reason that single precision gives against draws, and its remedy, if it is one."""
    if jax.config.jax_enable_x64 or len(codes) == 0:  # type: ignore[attr-defined]
        return ()
    share = find_roughness(score, codes)
    text = (
        f"Single precision does not carry the log density, which jumps at {share:.0%} of the draws: call "
        "jax.config.update('jax_enable_x64', True) before anything else, or make the program better conditioned."
    )
    return (text,) if share > SHARE else ()
