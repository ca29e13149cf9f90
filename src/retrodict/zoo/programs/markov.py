"""Deep Markov models: states whose transitions and emissions are networks, for binary observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from retrodict.errors import OptionError
from retrodict.lift.templates.template import Template
from retrodict.models.series_program import SeriesProgram
from retrodict.zoo.sizes import require_at_least

LEAST_SCALE = 1e-3
TEMPLATES = {
    "plain": "z[t] | z[t-1]; x[t] | z[t]",
    "autoregressive": "z[t] | z[t-1] x[t-1]; x[t] | z[t] x[t-1]",
    "static": "s; z[t] | z[t-1] s; x[t] | z[t] s",
    "layered": "z2[t] | z2[t-1]; z1[t] | z2[t] z1[t-1]; x[t] | z1[t]",
}


class Dense(eqx.Module):
    """An affine map of the last axis."""

    weight: jax.Array
    bias: jax.Array

    def __init__(self, inputs: int, outputs: int, key: jax.Array, *, same: bool = False) -> None:
        self.weight = jnp.eye(inputs, outputs) if same else jax.random.normal(key, (inputs, outputs)) / inputs**0.5
        self.bias = jnp.zeros(outputs)

    def __call__(self, values: jax.Array) -> jax.Array:
        """Return the map of values."""
        return values @ self.weight + self.bias


class GatedTransition(eqx.Module):
    r"""The transition :math:`N((1 - g) \odot (W z + b) + g \odot h, \mathrm{softplus}(V \mathrm{relu}(h)))`.

    g and h are networks of the last state with one hidden layer, W begins at the identity. Further parents are inputs
    of these networks, and of the line.

    Source: Krishnan, Shalit & Sontag 2017, section 5.
    """

    gate: tuple[Dense, Dense]
    proposal: tuple[Dense, Dense]
    line: Dense
    spread: Dense
    first: jax.Array

    def __init__(self, states: int, more: int, hidden: int, key: jax.Array) -> None:
        keys = jax.random.split(key, 6)
        inputs = states + more
        self.gate = Dense(inputs, hidden, keys[0]), Dense(hidden, states, keys[1])
        self.proposal = Dense(inputs, hidden, keys[2]), Dense(hidden, states, keys[3])
        self.line = Dense(inputs, states, keys[4], same=True)
        self.spread = Dense(states, states, keys[5])
        self.first = jnp.zeros(states)

    def __call__(self, last: jax.Array, more: jax.Array | None, time: jax.Array) -> Any:
        """Return the distribution of a state given the last one; before the first there is one that is learned."""
        last = jnp.where(time == 0, self.first, last)
        inputs = last if more is None else jnp.concatenate([last, more], axis=-1)
        gate = jax.nn.sigmoid(_pass(self.gate, inputs))
        proposal = _pass(self.proposal, inputs)
        scale = LEAST_SCALE + jax.nn.softplus(self.spread(jax.nn.relu(proposal)))
        return dist.Normal((1 - gate) * self.line(inputs) + gate * proposal, scale, validate_args=False)


class DeepMarkov(SeriesProgram):
    """A deep Markov model of binary observations; ``kind`` is a key of ``TEMPLATES``."""

    transitions: dict[str, GatedTransition]
    emission: tuple[Dense, Dense, Dense]
    kind: str = eqx.field(static=True)
    sizes: tuple[tuple[str, int], ...] = eqx.field(static=True)

    @property
    def template(self) -> Template:
        """The structure of this kind."""
        return Template(TEMPLATES[self.kind], observed=["x"])

    @property
    def columns(self) -> Mapping[str, int]:
        """The widths of latents, and the number of keys."""
        return dict(self.sizes)

    def condition(self, name: str, parents: Mapping[str, jax.Array], time: jax.Array) -> Any:
        """Return the conditional of a latent, or of the keys."""
        if name == "s":
            return dist.Normal(jnp.zeros(self.columns["s"]), 1.0, validate_args=False)
        given = dict(parents)
        if name in self.transitions:
            last = given.pop(f"{name}[t-1]")
            return self.transitions[name](last, _join(given, last.shape[:-1]) if given else None, time)
        first, second, third = self.emission
        shape = jnp.broadcast_shapes(*(value.shape[:-1] for value in given.values()))
        hidden = jax.nn.relu(second(jax.nn.relu(first(_join(given, shape)))))
        return dist.Bernoulli(logits=third(hidden), validate_args=False)


def deep_markov(
    latents: int = 100, keys: int = 88, emission: int = 100, transition: int = 200, kind: str = "plain", seed: int = 0
) -> DeepMarkov:
    """Return a deep Markov model to be learned, with gated transitions between ``latents`` states.

    Arguments:
        latents: the width of the latent, of each layer where there are two.
        keys: the number of binary observations at a time.
        emission: the width of both hidden layers between states and observations.
        transition: the width of the hidden layers of the transition.
        kind: ``"plain"``; ``"autoregressive"``, whose states and observations have the last observation as a parent;
            ``"static"``, with a latent s once for each series; ``"layered"``, two layers of states with memory.
        seed: seed of the first weights. Default 0.

    Raises: `OptionError` for sizes that are too small and for other kinds.

    Source: Krishnan, Shalit & Sontag 2017.

    >>> deep_markov(latents=2, keys=3, kind="layered").columns
    {'z2': 2, 'z1': 2, 'x': 3}
    """
    require_at_least(1, latents=latents, keys=keys, emission=emission, transition=transition)
    require_kind(kind)
    layers = ("z2", "z1") if kind == "layered" else ("z",)
    own = jax.random.split(jax.random.key(seed), 3 + len(layers))
    fed = keys if kind == "autoregressive" else latents if kind == "static" else 0
    more = [0, latents] if kind == "layered" else [fed]
    transitions = {
        name: GatedTransition(latents, extra, transition, key)
        for name, extra, key in zip(layers, more, own[3:], strict=True)
    }
    emissions = (
        Dense(latents + fed, emission, own[0]),
        Dense(emission, emission, own[1]),
        Dense(emission, keys, own[2]),
    )
    latent_sizes = [*(["s"] if kind == "static" else []), *layers]
    sizes = (*((name, latents) for name in latent_sizes), ("x", keys))
    return DeepMarkov(transitions, emissions, kind, sizes)


def require_kind(kind: str) -> None:
    """Raise `OptionError` for a kind of deep Markov model that there is not."""
    if kind not in TEMPLATES:
        raise OptionError(f"kind={kind!r} does not exist", remedy=f"Choose one of {', '.join(TEMPLATES)}.")


def _pass(layers: tuple[Dense, Dense], values: jax.Array) -> jax.Array:
    return layers[1](jax.nn.relu(layers[0](values)))


def _join(parents: Mapping[str, jax.Array], shape: tuple[int, ...]) -> jax.Array:
    """Return all parents side by side, in the order of their names, in the shape of the first axes."""
    rows = [jnp.broadcast_to(parents[name], (*shape, parents[name].shape[-1])) for name in sorted(parents)]
    return jnp.concatenate(rows, axis=-1)
