"""The linear-Gaussian network: every variable is normal around a linear function of its parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from retrodict.errors import GraphError, quote
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse, Sparsified
from retrodict.graph.names import unknown
from retrodict.graph.rows import Mask
from retrodict.invert import invert
from retrodict.models.gaussian.costs import sparsify
from retrodict.models.gaussian.equations import Equations
from retrodict.models.gaussian.gaussian_factors import GaussianFactors
from retrodict.models.gaussian.numerical import eliminate_numerically
from retrodict.models.gaussian.regression import regress
from retrodict.models.model import Model
from retrodict.plan.layout import Floats

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True, eq=False, repr=False)
class LinearGaussian(Equations, Model):
    r"""A model with :math:`X_i \mid \mathrm{pa} \sim N(b_i + \sum_j w_{ij} x_j,\; s_i)`, all of them scalars.

    ``weights`` stand beside ``net.parent_rows.index``, one for each edge; ``bias`` :math:`b` and ``variance``
    :math:`s` have one entry a variable. Use `from_weights` to give them by name.

    Raises `GraphError` for numbers that are not finite or variances that are not positive.
    Source: Koller & Friedman, definition 7.3.
    """

    def __repr__(self) -> str:
        return f"LinearGaussian({self.net!r})"

    @classmethod
    def from_weights(
        cls,
        net: BayesNet,
        weights: Mapping[Any, Mapping[Any, float]],
        bias: ArrayLike = 0.0,
        variance: ArrayLike = 1.0,
    ) -> LinearGaussian:
        """Build a network from the weights of its edges.

        Arguments:
            net: the structure.
            weights: ``weights[child][parent]``; an edge without a weight has weight 1.
            bias: the mean of each variable where its parents are zero: a number, or one for each variable in
                topological order. Default 0.
            variance: the conditional variance of each variable, in the same form. Default 1.

        Returns: a `LinearGaussian`.

        Raises: `GraphError` for weights of edges that the model does not have, for numbers that are not finite, and for
        variances that are not positive.

        >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
        >>> LinearGaussian.from_weights(net, {"x": {"z": 2.0}}).covariance.tolist()
        [[1.0, 2.0], [2.0, 5.0]]
        """
        _require_edges(net, weights)
        listed = [weights.get(name, {}).get(parent, 1.0) for name in net.names for parent in net.parents(name)]
        n = len(net)
        return cls(
            net,
            np.array(listed, dtype=np.float64),
            np.broadcast_to(np.asarray(bias, dtype=np.float64), n),
            np.broadcast_to(np.asarray(variance, dtype=np.float64), n),
        )

    def posterior(self, inverse: Inverse) -> GaussianFactors:
        r"""Return the exact conditionals :math:`p(z_i \mid \mathrm{Pa}(z_i))` along an inverse.

        If the inverse is faithful their product is the posterior; if not, it is the network of this structure
        that is nearest to the posterior in :math:`\mathrm{KL}(p \,\|\, q)`. Sparse where the inverse was made
        by elimination, dense otherwise.

        Source: Koller & Friedman, theorem 7.4.

        >>> from retrodict import zoo
        >>> model = zoo.binary_tree(depth=4, seed=1)
        >>> factors = model.posterior(invert(model))
        >>> factors.variance.shape
        (7,)
        """
        if inverse.forest is not None:
            return eliminate_numerically(self, inverse)
        return regress(self, inverse)

    def entropy(self) -> float:
        r"""Return the entropy of the posterior, :math:`H(z \mid x)` in nats: the same for every x.

        >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
        >>> model = LinearGaussian.from_weights(net, {})  # the posterior has variance 1/2
        >>> np.isclose(model.entropy(), 0.5 * np.log(2 * np.pi * np.e / 2)).item()
        True
        """
        return self.posterior(invert(self.net, order="min-fill")).entropy()

    def kl_floor(self, inverse: Inverse) -> float:
        r"""Return the smallest KL from the posterior that any encoder with this structure can reach, in nats.

        :math:`\min_q \mathrm{KL}(p(z \mid x) \,\|\, q) = \tfrac12 \sum_i \log s_i(\mathrm{Pa}_i) - H(z \mid x) + c`:
        0 for a faithful inverse, and what no training can pass for another. The same for every x.

        >>> from retrodict import reversal, zoo
        >>> model = zoo.binary_tree(depth=5, seed=0)
        >>> abs(model.kl_floor(invert(model))) < 1e-10, model.kl_floor(reversal(model.net)) > 0.1
        (True, True)
        """
        return self.posterior(inverse).entropy() - self.entropy()

    def sparsify(self, inverse: Inverse, max_nats: float) -> Sparsified:
        """Drop edges of an inverse while their price stays within ``max_nats``; see `Inverse.sparsify`."""
        return sparsify(self, inverse, max_nats)

    def numbers(self) -> Mapping[str, Floats]:
        """Return the parameters, for `digest`."""
        return {"weights": self.weights, "bias": self.bias, "variance": self.variance}

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """Return joint draws, shape ``(n, number of variables)``."""
        import jax

        from retrodict.models.gaussian.gaussian_simulator import GaussianSimulator

        noise = jax.random.normal(key, (len(self.net), n))
        return GaussianSimulator.of(self).run(noise).T

    def log_conditionals(self, columns: jax.Array) -> jax.Array:
        """Return log p of each variable given its parents, in nats."""
        from retrodict.models.gaussian.gaussian_simulator import score

        return score(self, columns)

    def redraw(self, key: jax.Array, columns: jax.Array, which: Mask | jax.Array) -> jax.Array:
        """Return the columns with the marked variables drawn anew given their parents."""
        import jax
        import jax.numpy as jnp

        from retrodict.models.gaussian.gaussian_simulator import GaussianSimulator

        flat = columns.reshape(-1, columns.shape[-1]).T
        noise = jax.random.normal(key, flat.shape)
        return GaussianSimulator.of(self).run(noise, keep=~jnp.asarray(which), values=flat).T.reshape(columns.shape)


def _require_edges(net: BayesNet, weights: Mapping[Any, Mapping[Any, float]]) -> None:
    """Raise `GraphError` for a child that the model does not have, and for one with another parent than its own."""
    strangers = [child for child in weights if child not in net.position]
    if strangers:
        raise unknown(strangers, net.position, "whose weights are given")
    for child, row in weights.items():
        parents = net.parents(child)
        wrong = [name for name in row if name not in parents]
        if wrong:
            near = get_close_matches(str(wrong[0]), [str(parent) for parent in parents], n=1)
            known = f"Name one of {quote(parents)}." if parents else "It has none."
            raise GraphError(
                f"the weights of {child!r} name {{names}}, which {{are}} not among its parents",
                wrong,
                remedy=f"Did you mean {quote(near)}?" if near else known,
            )
