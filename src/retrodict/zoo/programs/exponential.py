"""Deep exponential families: layers of gamma latents with positive weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from retrodict.errors import OptionError
from retrodict.zoo.sizes import require_at_least, require_layers

OBSERVATIONS = ("poisson", "bernoulli")


class DeepExponentialFamily(eqx.Module):
    """Layers of gamma latents above counts or binary pixels; ``z1`` is next to them.

    ``raw_weights`` are the maps between layers from the top down, shape ``(below, above)``, before softplus.
    """

    raw_weights: tuple[jax.Array, ...]
    shape: float = eqx.field(static=True)
    observation: str = eqx.field(static=True)

    def __call__(self) -> None:
        """Describe one observation."""
        depth = len(self.raw_weights)
        mean = jnp.ones(self.raw_weights[0].shape[1])
        for layer, raw in zip(range(depth, 0, -1), self.raw_weights, strict=True):
            latents = numpyro.sample(f"z{layer}", dist.Gamma(self.shape, self.shape / mean))
            mean = jax.nn.softplus(raw) @ latents
        numpyro.sample("x", self._observe(mean))

    def _observe(self, rate: jax.Array) -> dist.Distribution:
        if self.observation == "poisson":
            return dist.Poisson(rate)
        return dist.Bernoulli(logits=rate + jnp.log(-jnp.expm1(-rate)))  # P(x = 0) = exp(-rate)


def deep_exponential_family(
    sizes: Sequence[int] = (5, 10),
    pixels: int = 64,
    observation: str = "poisson",
    shape: float = 0.3,
    seed: int = 0,
) -> DeepExponentialFamily:
    r"""Return a deep exponential family with gamma layers; ``sizes`` are its layers from the top down.

    :math:`z_L \sim \mathrm{Gamma}(a, a)`, and :math:`z_l \sim \mathrm{Gamma}(a, a / \mu_l)` with mean
    :math:`\mu_l = W_l z_{l+1}`, where W is positive (a softplus) and ``shape`` a below one makes latents sparse.
    With ``observation="poisson"``, x is Poisson with rate :math:`r = W_0 z_1`; with ``"bernoulli"``, it says whether
    such a count is above zero, :math:`P(x_i = 0) = e^{-r_i}`. The paper's a is 0.1; there one draw in 5,000
    underflows float32, at 0.2 none.

    Raises `OptionError` for sizes that are too small, another observation, or a shape that is not positive.

    Source: Ranganath, Tang, Charlin & Blei 2015.

    >>> from retrodict import from_numpyro
    >>> model = from_numpyro(deep_exponential_family((2, 3), pixels=4), observed=["x"], elementwise=True)
    >>> model.net.variable("z1[0]").support, model.net.variable("x[0]").support, model.net.n_edges
    ('positive', 'count', 18)
    """
    require_at_least(1, pixels=pixels)
    require_layers(sizes=sizes)
    if observation not in OBSERVATIONS:
        raise OptionError(f"observation={observation!r} is not offered", remedy=f"Use {' or '.join(OBSERVATIONS)}.")
    if not 0 < shape < float("inf"):
        raise OptionError(f"shape={shape} is out of range", remedy="Give a positive number.")
    units = (*sizes, pixels)
    keys = jax.random.split(jax.random.key(seed), len(sizes))
    # Means of one or so in every layer: the softplus of these is about 1 / above.
    raw = tuple(
        jnp.log(jnp.expm1(1.0 / above)) + 0.5 * jax.random.normal(key, (below, above))
        for (above, below), key in zip(itertools.pairwise(units), keys, strict=True)
    )
    return DeepExponentialFamily(raw, float(shape), observation)
