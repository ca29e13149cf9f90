"""Exact bounds of programs with few binary latents, as sums over all states."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from retrodict.errors import SizeError
from retrodict.learn.generator import ProgramGenerator, find_binary
from retrodict.train.autoencoder import Pair

# The most binary latents whose states are all scored for each row of a minibatch.
MOST_LATENTS = 10


def list_states(generator: ProgramGenerator) -> Float[Array, "states latents"]:
    """Return all states of the latents of a program, one a row.

    Raises `OptionError` for a program with no binary latents, and `SizeError` for one with more than 10, or with
    other latents beside them.
    """
    model, codes = generator.template, generator.space.code_columns.values()
    binary, count = find_binary(model, generator.space.inverse), sum(map(len, codes))
    columns = sum(model.structure.columns[name].size for name in binary)
    if columns != count or count > MOST_LATENTS:
        raise SizeError(
            f"the states of {count} latents, {columns} of them binary, cannot be listed",
            remedy=f"Use a program with at most {MOST_LATENTS} latents, all binary.",
        )
    return jnp.asarray(list(itertools.product([0.0, 1.0], repeat=count)), jnp.float32)


def enumerate_bound(
    pair: Pair, states: Float[Array, "states latents"], observed: Float[Array, "batch observed"]
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    r"""Return the evidence lower bound of each row and its log-likelihood in nats, both exact.

    :math:`\sum_z q(z \mid x) \log \frac{p(z, x)}{q(z \mid x)} \le \log \sum_z p(z, x)`, differentiable by all
    parameters.

    >>> from retrodict import Training, fit_model, zoo
    >>> rows = jnp.eye(4)
    >>> learned = fit_model(
    ...     zoo.programs.sigmoid_belief_network((2,), 4), {"x": rows}, objective="vimco", epochs=1, quiet=True,
    ...     training=Training(draws=2, batch=2, held_out={"x": rows}))
    >>> bound, exact = enumerate_bound(learned.pair, list_states(learned.generator), jnp.asarray(rows))
    >>> bool((bound <= exact + 1e-6).all()), bool(jnp.allclose(exact, learned.program.log_likelihood(rows), atol=1e-5))
    (True, True)
    """
    shape = (len(states), len(observed))
    latents = jnp.broadcast_to(states[:, None], (*shape, states.shape[-1]))
    rows = jnp.broadcast_to(observed, (*shape, observed.shape[-1]))
    log_joint = pair.generator.log_joint(latents, rows)
    log_density = pair.encoder.log_prob(latents, rows)
    bound = (jnp.exp(log_density) * (log_joint - log_density)).sum(axis=0)
    return bound, jax.nn.logsumexp(log_joint, axis=0)
