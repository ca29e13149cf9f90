"""The means of the observed sites of a learned model, given its latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.plan.counts import read_seed
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.numpyro_model import NumpyroModel


def expect(model: NumpyroModel, latents: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """Return the mean of each observed site given values of the latent ones, ``{site: array (rows, ...)}``.

    Where observed elements depend on each other, such as in an autoregressive decoder, each mean is given draws of
    those before it.
    """
    observed = [name for name in model.sites if name not in latents]
    fresh = {name: np.ones(model.sites[name].element_shape, bool) for name in observed}

    @jax.jit
    def expect_one(key: jax.Array, values: dict[str, jax.Array]) -> dict[str, jax.Array]:
        trace = run(model.program, model.sites, values, fresh, key)
        return {name: jnp.broadcast_to(trace[name]["fn"].mean, model.sites[name].shape) for name in observed}

    given = {name: jnp.asarray(value, model.sites[name].dtype) for name, value in latents.items()}
    count = len(next(iter(given.values())))
    keys = jax.random.split(jax.random.key(read_seed(seed)), count)
    return {name: np.asarray(value) for name, value in jax.vmap(expect_one)(keys, given).items()}
