"""A share of draws from the prior among those of an encoder, so that no weight can be too large.

With other latents integrated out, the likelihood of the rest is bounded, and so are weights of a mixture that holds
the prior: an encoder may have lighter tails than the posterior, where little data speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.exact.lifted.find_lifted import find_descendants
from retrodict.posterior.lifted.exact_factors import Draws, ExactFactors
from retrodict.posterior.lifted.template_data import TemplateData

# The share of draws from the prior.
SHARE = 0.2


@dataclass(frozen=True, eq=False)
class PriorShare:
    """The latents that an encoder draws, and their prior.

    Arguments:
        factors: the closed forms of all others, with the densities of the model.
        names: the latents that the encoder draws.
    """

    factors: ExactFactors
    names: tuple[str, ...]

    @property
    def space(self) -> TemplateSpace:
        """Where variables stand."""
        return self.factors.space

    @property
    def given(self) -> TemplateData:
        """The observation."""
        return self.factors.given

    def is_apart(self) -> bool:
        """Return whether the model draws these latents from nothing else, at these sizes."""
        template = self.space.source.template
        parents = {r.parent for r in template.relations if r.child in self.names}
        below = find_descendants(template, [name for form in self.factors.forms for name in form.names])
        sizes = self.space.source.sizes
        fits = all(self.given.sizes[dim] <= sizes[dim] for name in self.names for dim in self.space.dims[name])
        return bool(self.names) and parents <= set(self.names) and not below & set(self.names) and fits

    def draw(self, key: jax.Array, n: int) -> Draws:
        """Return codes of draws from the prior."""
        codes = self.space.encode(self.space.source.model.draw(key, n))
        within = {name: (slice(None), *map(slice, self.given.shape(name))) for name in self.names}
        return {name: np.asarray(codes[name])[within[name]] for name in self.names}

    def score(self, codes: Draws) -> Any:
        """Return the log density of codes under the prior, of values, in nats; barren instances aside."""
        return self.factors.score_some(codes, self.names)


def mix(encoded: Any, prior: Any) -> Any:
    """Return the log density of the mixture of an encoder and the prior."""
    return np.asarray(jnp.logaddexp(np.log1p(-SHARE) + encoded, np.log(SHARE) + prior), np.float64)
