"""Bounds by enumeration and by integration, differentiable: what objectives and their gradients must agree with."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.train.objectives.weights import hold
from tests.train.generators import all_binary


def score_all(pair, observed):
    """Log p(z, x) and log q(z given x) of every binary z, for each row: two arrays (states, rows)."""
    states = all_binary(len(pair.encoder.structure.level))
    latents = jnp.repeat(states[:, None], len(observed), axis=1)
    rows = jnp.broadcast_to(observed, (len(states), *observed.shape))
    return pair.generator.log_joint(latents, rows), pair.encoder.log_prob(latents, rows)


def log_likelihood(pair, observed):
    return jax.nn.logsumexp(score_all(pair, observed)[0], axis=0)


def discrete_elbo(pair, observed):
    """The mean ELBO over rows."""
    log_joint, log_density = score_all(pair, observed)
    return (jnp.exp(log_density) * (log_joint - log_density)).sum(axis=0).mean()


def score_tuples(pair, observed, draws):
    """Log p and log q of the members of every tuple of states: two arrays (tuples, draws, rows)."""
    log_joint, log_density = score_all(pair, observed)
    tuples = np.array(list(itertools.product(range(len(log_joint)), repeat=draws)))
    return log_joint[tuples], log_density[tuples]


def discrete_bound(pair, observed, draws):
    """The mean importance-weighted bound over rows, the sum over all tuples of draws."""
    log_joint, log_density = score_tuples(pair, observed, draws)
    bounds = jax.nn.logsumexp(log_joint - log_density, axis=1) - jnp.log(draws)
    return (jnp.exp(log_density.sum(axis=1)) * bounds).sum(axis=0).mean()


def wake_surrogate(pair, observed, draws):
    """A number with the gradient that reweighted wake-sleep has on average, over all tuples of draws."""
    log_joint, log_density = score_tuples(pair, observed, draws)
    normalized = jax.nn.softmax(hold(log_joint - log_density), axis=1)
    climbed = (normalized * (log_joint + log_density)).sum(axis=1)
    return (jnp.exp(hold(log_density).sum(axis=1)) * climbed).sum(axis=0).mean()


def discrete_cross_entropy(pair, observed):
    """The mean of -log q over the joint distribution of the generator, whatever was observed."""
    log_joint, log_density = score_all(pair, all_binary(observed.shape[1]))
    return -(jnp.exp(hold(log_joint)) * log_density).sum()


def transport(encoder, noise, observed):
    """The latents of a row that an encoder of normals makes of standard normal noise (..., latents)."""
    rows = jnp.broadcast_to(observed, (*noise.shape[:-1], len(observed))).reshape(-1, len(observed))
    noise = noise.reshape(len(rows), -1)
    latents = jnp.zeros_like(noise)
    center, spread = (part[len(observed) :] for part in hold(encoder.scaling))
    for column in np.argsort(encoder.structure.level, kind="stable"):
        inputs = encoder.features(hold(encoder.scaling), jnp.concatenate([rows, latents], axis=1))
        of_column = encoder.network(inputs)[:, column]
        standard = of_column[:, 0] + jnp.exp(encoder.conditional.log_scale(of_column)) * noise[:, column]
        latents = latents.at[:, column].set(center[column] + spread[column] * standard)
    return latents


def normal_log_weights(pair, noise, observed):
    latents = transport(pair.encoder, noise, observed)
    rows = jnp.broadcast_to(observed, (len(latents), len(observed)))
    return pair.generator.log_joint(latents, rows) - pair.encoder.log_prob(latents, rows)


def normal_elbo(pair, observed, points=1501):
    """The mean ELBO over rows of an encoder of two normals, by a grid of noise: networks have kinks."""
    grid = jnp.linspace(-6.5, 6.5, points)
    few, few_weights = np.polynomial.hermite_e.hermegauss(6)
    first, last = np.argsort(pair.encoder.structure.level, kind="stable")
    noise = jnp.zeros((points, len(few), 2)).at[..., first].set(grid[:, None]).at[..., last].set(jnp.asarray(few))
    share = jnp.exp(-0.5 * grid**2)[:, None] * jnp.asarray(few_weights)
    shares = (share / share.sum()).ravel()
    return jnp.stack([shares @ normal_log_weights(pair, noise, row) for row in observed]).mean()


def normal_bound(pair, observed, draws, points=241):
    """The mean importance-weighted bound over rows of an encoder of one normal, by a grid of noise for each draw."""
    grid = np.linspace(-6.0, 6.0, points)
    share = np.exp(-0.5 * grid**2) / np.exp(-0.5 * grid**2).sum()
    tuples = np.array(list(itertools.product(range(points), repeat=draws)))
    shares = jnp.asarray(share[tuples].prod(axis=1))
    bounds = []
    for row in observed:
        log_weights = normal_log_weights(pair, jnp.asarray(grid)[:, None], row)[tuples]
        bounds.append(shares @ (jax.nn.logsumexp(log_weights, axis=1) - jnp.log(draws)))
    return jnp.stack(bounds).mean()


def relaxed_elbo(pair, observed, temperature, points=20001):
    """The mean ELBO over rows of the relaxed pair with one latent, by the midpoints of equal shares of its noise."""
    share = (jnp.arange(points) + 0.5) / points
    noise = jnp.log(share) - jnp.log1p(-share)
    bounds = []
    for row in observed:
        logits = pair.encoder.network(pair.encoder.features(hold(pair.encoder.scaling), jnp.append(row, 0.0)[None]))
        log_odds = logits[0, 0, 1] - logits[0, 0, 0]
        latents = ((log_odds + noise) / temperature)[:, None]
        log_density = jnp.log(temperature) + jax.nn.log_sigmoid(noise) + jax.nn.log_sigmoid(-noise)
        log_joint = pair.generator.relax(temperature).log_joint(latents, jnp.broadcast_to(row, (points, len(row))))
        bounds.append((log_joint - log_density).mean())
    return jnp.stack(bounds).mean()
