"""Linear-Gaussian networks, where everything has a closed form: the oracle for whatever has not.

``equations`` hold the numbers and ``network`` the model; ``factors`` are its exact posterior along an inverse, got
by ``elimination`` (sparse, for inverses made by eliminating) or by ``regression`` (dense, for any structure at all);
``simulation`` is what needs JAX.
"""

from __future__ import annotations

from retrodict.models.gaussian.gaussian_factors import GaussianFactors
from retrodict.models.gaussian.linear_gaussian import LinearGaussian

__all__ = ["GaussianFactors", "LinearGaussian"]
