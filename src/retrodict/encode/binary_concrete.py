"""Relaxed binary latents: an encoder whose draws of them can be differentiated."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import Mixed
from retrodict.encode.families.conditionals import Columns, Conditional, Parameters
from retrodict.encode.families.discrete import Categorical, Count
from retrodict.encode.features import REAL
from retrodict.errors import OptionError
from retrodict.graph.rows import Mask


class BinaryConcrete(Conditional):
    r"""The logit of a relaxed binary variable, :math:`y = (l + \epsilon) / \tau`, :math:`\epsilon \sim` Logistic(0, 1).

    l is parameter 1 minus parameter 0, the log odds that `Categorical` has of two categories. The relaxed value is
    sigmoid(y); as the temperature tau goes to 0 it becomes 1 with probability sigmoid(l), else 0. Densities are
    those of y.

    Source: Maddison et al. 2016, section 3.2 and appendix B; Jang et al. 2016, section 2.

    >>> family = BinaryConcrete(0.5)
    >>> jnp.exp(family.log_prob(jnp.zeros((1, 2)), jnp.zeros(1))).tolist()
    [0.125]
    """

    temperature: Float[Array, ""]
    n_parameters: int = eqx.field(static=True)

    def __init__(self, temperature: Float[Array, ""] | float) -> None:
        self.temperature, self.n_parameters = jnp.asarray(temperature, jnp.float32), 2

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density of each logit, in nats."""
        temperature = jax.lax.stop_gradient(self.temperature)
        noise = temperature * values - self._log_odds(parameters)
        return jnp.log(temperature) + jax.nn.log_sigmoid(noise) + jax.nn.log_sigmoid(-noise)

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one logit for each column."""
        noise = jax.random.logistic(key, parameters.shape[:-1], parameters.dtype)
        return (self._log_odds(parameters) + noise) / jax.lax.stop_gradient(self.temperature)

    @property
    def reparameterized(self) -> bool:
        """Draws can be differentiated."""
        return True

    def _log_odds(self, parameters: Parameters) -> Columns:
        return parameters[..., 1] - parameters[..., 0]


def relax_encoder(encoder: Encoder, temperature: Float[Array, ""] | float) -> Encoder:
    """Return the encoder of the same weights whose binary latents are relaxed: their columns hold logits.

    Observed columns, and latents that are real numbers, stay as they are. The temperature may be traced.
    Raises `OptionError` when there is no binary latent, or a discrete one that is not binary.

    >>> from retrodict import BayesNet, invert
    >>> from retrodict.encode.build import build_encoder
    >>> from retrodict.graph.bayesnet import Variable
    >>> binary = Variable("z", support="boolean", categories=2, bounds=(0, 1))
    >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"], variables=[binary])
    >>> relaxed = relax_encoder(build_encoder(invert(net), jax.random.key(0)), 0.5)
    >>> relaxed.conditional.reparameterized
    True
    """
    if _find_other_categories(encoder).any() or any(isinstance(one, Count) for one in _list_families(encoder)):
        raise OptionError(
            "only binary latents can be relaxed", remedy="Choose 'vimco' or 'rws' for other whole numbers."
        )
    family = BinaryConcrete(temperature)
    families = tuple(family if isinstance(one, Categorical) else one for one in _list_families(encoder))
    if not any(one is family for one in families):
        raise OptionError("the encoder has no binary latents to relax", remedy="Leave the relaxation out.")
    old = encoder.conditional
    conditional = eqx.tree_at(lambda mixed: mixed.families, old, families) if isinstance(old, Mixed) else family
    features = encoder.features.relax(_count_seen(encoder))
    return eqx.tree_at(lambda one: (one.conditional, one.features), encoder, (conditional, features))


def _list_families(encoder: Encoder) -> tuple[Conditional, ...]:
    return encoder.conditional.families if isinstance(encoder.conditional, Mixed) else (encoder.conditional,)


def _count_seen(encoder: Encoder) -> int:
    """Return the number of observed columns."""
    return len(encoder.scaling.center) - len(encoder.structure.level)


def _find_other_categories(encoder: Encoder) -> Mask:
    """Return for each latent column whether it has categories, but not two."""
    sources = np.array(encoder.features.source)[np.array(encoder.features.category) != REAL]
    categories = np.bincount(sources, minlength=len(encoder.scaling.center))[_count_seen(encoder) :]
    return (categories > 0) & (categories != 2)
