r"""The number of draws that weighted ones are worth, and whether their share lasts when there are more of them.

A share that falls as draws are added belongs to weights whose variance is infinite, or to a region that draws hardly
ever reach, such as the border of a support: moments are off there, while the tail of the weights that were met may
look regular.
"""

from __future__ import annotations

import numpy as np

from retrodict.posterior.weights.pareto import Doubles

# A sixteenth of the draws is compared with all of them, where it has at least this many draws.
PART, LEAST_PART = 16, 50
# The change is extrapolated by this many steps, to 256 times as many draws.
STEPS_AHEAD = 2


def count_effective(weights: Doubles) -> Doubles:
    r"""Return :math:`(\sum_s w_s)^2 / \sum_s w_s^2` over the first axis.

    Source: Kong 1992.

    >>> count_effective(np.array([0.25, 0.25, 0.5, 0.0])).round(2).item()
    2.67
    """
    return np.asarray(weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0))


def foresee_share(weights: Doubles) -> Doubles:
    """Return the share of draws that would be effective if it went on falling as from a sixteenth of them to all.

    The share of all draws itself where it does not fall, and where a sixteenth is fewer than 50 draws.

    >>> float(foresee_share(np.ones(1000)))
    1.0
    """
    n = len(weights)
    share = count_effective(weights) / n
    if n < PART * LEAST_PART:
        return share
    return np.asarray(share * np.minimum(share / _share_of_parts(weights), 1.0) ** STEPS_AHEAD)


def _share_of_parts(weights: Doubles) -> Doubles:
    """Return the mean share of effective draws of sixteenths of them; draws are in no order, so any will do."""
    length = len(weights) // PART
    parts = weights[: PART * length].reshape(PART, length, *weights.shape[1:])
    with np.errstate(invalid="ignore"):  # a part without weight has no share
        shares = np.stack([count_effective(part) for part in parts]) / length
    return np.asarray(np.nanmean(shares, axis=0))
