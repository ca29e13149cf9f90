"""Gaussian conditionals along any structure, from the dense joint: slow, obvious, and right for all of them."""

from __future__ import annotations

import numpy as np

from retrodict.graph.inverse import Inverse
from retrodict.graph.rows import Rows
from retrodict.models.gaussian.equations import Equations
from retrodict.models.gaussian.gaussian_factors import GaussianFactors


def regress(model: Equations, inverse: Inverse) -> GaussianFactors:
    r"""Return :math:`p(z_i \mid \mathrm{Pa}_i)` for every latent, by regressing it on its parents.

    With :math:`C` the joint covariance: weights :math:`C_{PP}^{-1} C_{Pi}`, variance
    :math:`C_{ii} - C_{iP} C_{PP}^{-1} C_{Pi}`. Cubic in the size of the parent sets.

    Source: Koller & Friedman, theorem 7.4.
    """
    inverse.require_size()
    mean, covariance = model.mean, model.covariance
    latents = model.net.latent_index
    rows = Rows.from_lists([inverse.parent_index(latent).tolist() for latent in range(len(latents))])
    weights, bias, variance = np.empty(len(rows.index)), mean[latents].copy(), np.diag(covariance)[latents].copy()
    for latent, variable in enumerate(latents.tolist()):
        parents = rows[latent]
        if len(parents):
            shared = covariance[parents, variable]
            slope = np.linalg.solve(covariance[np.ix_(parents, parents)], shared)
            weights[rows.pointer[latent] : rows.pointer[latent + 1]] = slope
            bias[latent] -= slope @ mean[parents]
            variance[latent] -= slope @ shared
    return GaussianFactors(inverse, rows, weights, bias, variance)
