"""How far draws can be relied on: R-hat and effective draws of chains, and the tails of any draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from scipy.special import ndtri
from scipy.stats import rankdata

from retrodict.posterior.weights.pareto import Doubles, fit_pareto

# The quantiles whose draws are counted.
TAILS = 0.05, 0.95
# With this shape of its tail a standard deviation converges slowly, as squares of draws have twice the shape.
HEAVY = 0.35
# The largest relative standard error of a standard deviation that is not said.
MOST_ERROR = 0.05
# Beyond this the fourth power of a draw is no number; draws that far out have no moments to speak of.
MOST = 1e70
# Columns with less kurtosis than this have light tails; so many are looked at together, in no fewer draws than these.
KURTOSIS, TOGETHER, LEAST_DRAWS = 10.0, 256, 1000


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
    """Return the least effective number of draws over columns, of locations, of spreads, or of 5 % and 95 % quantiles.

    Source: Vehtari et al. 2021, sections 4.2 and 4.3 (bulk and tail).
    """
    folded = np.abs(draws - np.median(draws, axis=(0, 1)))
    ends = [(draws <= end).astype(float) for end in np.quantile(draws, TAILS, axis=(0, 1))]
    scores = [rank_normalize(part) for part in (draws, folded)]
    most = draws.shape[0] * draws.shape[1]
    return float(min(_find_least(part, most) for part in (*scores, *ends)))


def _find_least(values: Doubles, most: float) -> float:
    """Return the least effective number of draws over the columns that vary."""
    varies = np.ptp(values, axis=(0, 1)) > 0
    return min(float(np.min(effective_sample_size(values[..., varies]))), most) if varies.any() else most


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


def note_tails(draws: Mapping[Any, Any], ess: float) -> tuple[str, ...]:
    r"""Return a sentence on the latents whose standard deviation rests on few far draws, none where there are none.

    The tail of a latent has :math:`\hat k \ge 0.35`, that of its square then 0.7 or more; or its kurtosis
    :math:`\kappa` gives the standard deviation a relative standard error :math:`\sqrt{(\kappa - 1) / 4 S}` above 5 %,
    S being the effective number of draws.

    Source: Vehtari et al. 2024, section 3.

    >>> rng = np.random.default_rng(0)
    >>> note_tails({"light": rng.normal(size=(4000, 2))}, 4000)
    ()
    >>> note_tails({"heavy": rng.standard_cauchy(size=4000)}, 4000)[0].split(",")[0]
    "The standard deviation of 'heavy' rests on few far draws"
    """
    heavy = list(_list_heavy(draws, max(ess, 1.0)))
    if not heavy:
        return ()
    name, error, shape = max(heavy, key=lambda found: found[1])
    others = f" and of {len(heavy) - 1} more" if len(heavy) > 1 else ""
    return (
        f"The standard deviation of {name!r}{others} rests on few far draws, and may be off (standard error "
        f"{error:.0%} or more, k-hat of the tail {shape:.2f}); quantiles are right.",
    )


def _list_heavy(draws: Mapping[Any, Any], ess: float) -> Iterator[tuple[Any, float, float]]:
    """Return latents with a heavy tail, the standard error of their standard deviation, and the shape of the tail."""
    for name, values in draws.items():
        flat = np.asarray(values).reshape(len(values), -1)
        if len(flat) < LEAST_DRAWS or not np.issubdtype(flat.dtype, np.floating):
            continue
        for columns, kurtosis in _take_peaked(flat):
            error, shape = float(np.sqrt((kurtosis - 1) / (4 * ess))), find_tail(columns)
            if error > MOST_ERROR or shape >= HEAVY:
                yield name, error, shape
                break


def _take_peaked(flat: Any) -> Iterator[tuple[Doubles, float]]:
    """Return the columns of draws with much kurtosis, some at a time, and the most that one has."""
    for start in range(0, flat.shape[1], TOGETHER):
        block = np.asarray(flat[:, start : start + TOGETHER], np.float64)
        block = block[:, (np.abs(block) < MOST).all(axis=0)]
        squares = (block - block.mean(axis=0)) ** 2
        kurtosis = (squares**2).mean(axis=0) / np.maximum(squares.mean(axis=0) ** 2, np.finfo(float).tiny)
        if (kurtosis > KURTOSIS).any():
            yield block[:, kurtosis > KURTOSIS], float(kurtosis.max())
