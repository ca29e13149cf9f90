"""What encoders of figure 2 are measured by: the exact posterior, and the best that a structure allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.graph.inverse import Inverse
from retrodict.invert import invert
from retrodict.models.gaussian import GaussianFactors, LinearGaussian
from retrodict.plan.layout import Floats
from retrodict.posterior.sharing import share

DATASETS = 5
DRAWS_PER_DATASET = 100
WATCHED_DRAWS = 1_000
JUDGED_DRAWS = 20_000


@eqx.filter_jit
def _log_prob(encoder: Encoder, latents: jax.Array, observed: jax.Array) -> jax.Array:
    return encoder.log_prob(latents, observed)


def measure_kl(exact: GaussianFactors, encoder: Encoder, latents: Floats, observed: Floats) -> tuple[float, float]:
    r"""Return :math:`E_{p(z, x)}[\log p(z \mid x) - \log q(z \mid x)]` over joint draws, and its standard error."""
    judged = np.asarray(_log_prob(encoder, jnp.asarray(latents), jnp.asarray(observed)), dtype=np.float64)
    true = exact.log_density(latents.astype(np.float64), observed.astype(np.float64))
    gap = true - judged
    return float(gap.mean()), float(gap.std() / np.sqrt(len(gap)))


@dataclass(frozen=True, eq=False)
class Yardstick:
    r"""What encoders with one structure are measured by: the posterior, and the best that the structure allows.

    With :math:`r` the latter, :math:`\mathrm{KL}(p \,\|\, q) = \mathrm{KL}(p \,\|\, r) + E_p[\log r - \log q]`: the
    floor, in closed form, and a mean with little noise.
    """

    exact: GaussianFactors
    best: GaussianFactors
    floor: float

    @classmethod
    def of(cls, model: LinearGaussian, inverse: Inverse) -> Yardstick:
        """Work out both for a structure."""
        return cls(
            model.posterior(invert(model, "min-fill")), model.posterior(inverse), max(0.0, model.kl_floor(inverse))
        )

    def measure(self, encoder: Encoder, latents: Floats, observed: Floats) -> tuple[float, float]:
        """Return the KL from the posterior over joint draws, in nats, and its standard error."""
        gap, error = measure_kl(self.best, encoder, latents, observed)
        return self.floor + gap, error


def watch_both(
    model: LinearGaussian, yardstick: Yardstick, inverse: Inverse, seed: int
) -> Callable[[Encoder], Mapping[str, float]]:
    r"""Return what measures both panels after each epoch, on data that no encoder is trained on.

    ``kl``: the objective minus its constant, on fixed joint draws. The constant is subtracted draw by draw, as
    :math:`\log p(z \mid x)`, whose mean is the entropy: the same quantity with a fraction of the noise.
    ``log_posterior``: the mean exact log-posterior of encoder samples under five fixed datasets.
    """
    draw_key, data_key, sample_key = jax.random.split(jax.random.key(seed + 1_000_003), 3)
    latents, observed = map(np.asarray, share(model, inverse).simulate_codes(draw_key, WATCHED_DRAWS))
    datasets = model.draw(data_key, DATASETS)[:, model.net.observed_index]
    rows = jnp.repeat(datasets, DRAWS_PER_DATASET, axis=0)
    sample = eqx.filter_jit(lambda encoder: encoder.sample(sample_key, rows))

    def watch(encoder: Encoder) -> Mapping[str, float]:
        draws = np.asarray(sample(encoder), dtype=np.float64)
        return {
            "kl": yardstick.measure(encoder, latents, observed)[0],
            "log_posterior": float(yardstick.exact.log_density(draws, np.asarray(rows, dtype=np.float64)).mean()),
        }

    return watch
