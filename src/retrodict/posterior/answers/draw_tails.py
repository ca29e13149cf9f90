"""How far chains of draws can be relied on: R-hat, effective draws, and the tails of the draws."""

from __future__ import annotations

import numpy as np
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from scipy.special import ndtri
from scipy.stats import rankdata

from retrodict.posterior.weights.pareto import Doubles, fit_pareto


def rank_normalize(draws: Doubles) -> Doubles:
    """Return draws, ``(chains, draws, columns)``, as the normal scores of their ranks.

    Source: Vehtari et al. 2021.

    >>> rank_normalize(np.arange(4.0).reshape(2, 2, 1)).round(2).ravel().tolist()
    [-1.05, -0.3, 0.3, 1.05]
    """
    flat = draws.reshape(-1, draws.shape[-1])
    ranks = rankdata(flat, axis=0)
    return np.asarray(ndtri((ranks - 0.375) / (len(flat) + 0.25)).reshape(draws.shape))


def find_rhat(draws: Doubles) -> float:
    """Return the largest rank-normalized split R-hat over columns, of locations or of spreads."""
    folded = np.abs(draws - np.median(draws, axis=(0, 1)))
    varies = np.ptp(draws, axis=(0, 1)) > 0
    both = [split_gelman_rubin(rank_normalize(part[..., varies])) for part in (draws, folded)]
    return float(np.max(both, initial=1.0)) if varies.any() else 1.0


def find_ess(draws: Doubles) -> float:
    """Return the least effective number of draws over columns, of locations or of spreads."""
    folded = np.abs(draws - np.median(draws, axis=(0, 1)))
    varies = np.ptp(draws, axis=(0, 1)) > 0
    if not varies.any():
        return float(draws.shape[0] * draws.shape[1])
    both = [effective_sample_size(rank_normalize(part[..., varies])) for part in (draws, folded)]
    return float(min(np.min(both), draws.shape[0] * draws.shape[1]))


def find_tail(draws: Doubles) -> float:
    r"""Return the largest :math:`\hat k` of both tails of each column of draws ``(n, columns)``.

    From 1/2 on a column has no variance, and from 1 on no mean, that draws could give.

    Source: Vehtari et al. 2024, section 3.

    >>> find_tail(np.random.default_rng(0).normal(size=(4000, 1))) < 0.3
    True
    """
    n = len(draws)
    length = int(np.ceil(min(n / 5, 3 * np.sqrt(n))))
    shapes = [-np.inf]
    for column in np.asarray(draws, np.float64).T:
        for signed in (column, -column):
            ordered = np.sort(signed)
            excess = ordered[-length:] - ordered[-length - 1]
            if excess[int(length / 4)] > 0:
                shapes.append(fit_pareto(excess[excess > 0])[0])
    return float(np.max(shapes))
