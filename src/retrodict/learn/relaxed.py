"""A NumPyro program with binary Concrete variables where it draws from Bernoulli."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, Key
from numpyro import handlers
from numpyro.primitives import Messenger

from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.distributions.numpyro_supports import peel
from retrodict.read.numpyro.elements import log_density
from retrodict.read.numpyro.numpyro_model import NumpyroModel


def score_relaxed(
    model: NumpyroModel, row: Float[Array, " columns"], binary: Collection[str], temperature: Float[Array, ""]
) -> Float[Array, ""]:
    """Return the log joint density of one row of columns, those of ``binary`` sites being logits."""
    given = _to_values(model, row, binary)
    seen = {name: jax.nn.sigmoid(value) if name in binary else value for name, value in given.items()}
    trace = run(model.program, model.sites, seen)
    total = jnp.zeros(())
    for name in model.sites:
        fn = trace[name]["fn"]
        if name in binary:
            density = concrete(peel(fn), temperature).log_prob(given[name])
        else:
            density, inside = log_density(fn, given[name], model.sites[name])
            density = jnp.where(inside, density, -jnp.inf)
        total = total + density.sum()
    return total


def draw_relaxed(
    model: NumpyroModel, key: Key[Array, ""], binary: Collection[str], temperature: Float[Array, ""]
) -> Float[Array, " columns"]:
    """Return one row of joint draws, logits for ``binary`` sites."""
    relax = Relax(model, key, binary, temperature)
    with handlers.block(), relax:
        model.program()
    row = jnp.zeros(model.layout.width)
    for name in model.sites:
        row = row.at[model.structure.columns[name]].set(jnp.asarray(relax.drawn[name], jnp.float32))
    return row


class Relax(Messenger):  # type: ignore[misc]
    """Draw every site, data or not: relaxed values at some Bernoulli sites, whose logits are kept in ``drawn``."""

    def __init__(
        self, model: NumpyroModel, key: Key[Array, ""], binary: Collection[str], temperature: Float[Array, ""]
    ) -> None:
        super().__init__(None)
        self.model, self.binary, self.temperature = model, binary, temperature
        self.keys = dict(zip(model.sites, jax.random.split(key, len(model.sites)), strict=True))
        self.drawn: dict[str, Any] = {}

    def process_message(self, msg: dict[str, Any]) -> None:
        """Draw the value of a site."""
        name = msg["name"]
        if msg["type"] != "sample":
            return
        if name in self.binary:
            noise = jax.random.logistic(self.keys[name], self.model.sites[name].shape)
            self.drawn[name] = (peel(msg["fn"]).logits + noise) / self.temperature
            msg["value"] = jax.nn.sigmoid(self.drawn[name])
        else:  # point masses, which are no sites of the model, need no randomness
            key = self.keys.get(name, jax.random.key(0))
            self.drawn[name] = msg["value"] = msg["fn"](rng_key=key, sample_shape=msg["kwargs"]["sample_shape"])


def concrete(bernoulli: Any, temperature: Float[Array, ""]) -> Any:
    """Return the distribution of the logit of a relaxed Bernoulli variable."""
    return dist.Logistic(bernoulli.logits / temperature, 1 / temperature)


def _to_values(model: NumpyroModel, row: Float[Array, " columns"], binary: Collection[str]) -> dict[str, Array]:
    """Return the values of all sites, of ``binary`` ones their logits."""
    values = {}
    for name, site in model.sites.items():
        found = row[model.structure.columns[name]]
        real = name in binary or np.issubdtype(site.dtype, np.floating)
        values[name] = found if real else jnp.round(found).astype(site.dtype)
    return values
