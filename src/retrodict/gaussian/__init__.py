"""Linear-Gaussian networks, where everything has a closed form: the oracle for whatever has not.

``network`` holds the model, ``factors`` its exact posterior along an inverse, got either by ``elimination``
(sparse, for inverses made by eliminating) or by ``regression`` (dense, for any structure at all);
``simulation`` is what needs JAX.
"""

from __future__ import annotations

from retrodict.gaussian.factors import GaussianFactors
from retrodict.gaussian.network import LinearGaussian

__all__ = ["GaussianFactors", "LinearGaussian"]
