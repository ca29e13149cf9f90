"""Draws with importance weights, which correct an encoder and tell how far its draws can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retrodict.errors import WeightError, quote
from retrodict.graph.names import Name
from retrodict.pictures.table import Table, Tabular
from retrodict.plan.counts import read_count, read_seed
from retrodict.plan.layout import Floats
from retrodict.posterior.weights.effective_draws import count_effective, foresee_share
from retrodict.posterior.weights.pareto import Doubles, Smoothed, bound_shape, smooth, threshold

# Weights with a smaller share of effective draws are not reliable, whatever k-hat is.
LEAST_SHARE = 0.1
# The largest share of draws without a density that counts as chance.
MOST_UNDEFINED = 0.01
# The most observations that an answer in words describes one by one.
MOST_SHOWN = 8


@dataclass(frozen=True, eq=False, repr=False)
class Importance(Tabular):
    r"""Draws of an encoder, weighted towards the exact posterior.

    All results but `log_evidence` are computed from Pareto smoothed weights, `weights`.

    Arguments:
        draws: values of the latents, ``{latent: array (n, *batch, ...)}``.
        log_weights: :math:`\log p(z, x) - \log q(z \mid x)` in nats, not normalized, an array ``(n, *batch)``. The
            mean of the weights estimates the evidence :math:`p(x)`.

    Raises: `WeightError` where all weights of an observation are zero, or one is not a number.

    Source: Vehtari et al. 2024 (Pareto smoothed importance sampling).

    >>> rng = np.random.default_rng(0)
    >>> z = rng.normal(size=4000)  # draws of N(0, 1), weighted towards N(1/2, 1)
    >>> weighed = Importance({"z": z}, z / 2)
    >>> round(float(weighed.mean["z"]), 1), round(float(weighed.sd["z"]), 1), bool(weighed.reliable)
    (0.5, 1.0, True)
    """

    draws: Mapping[Name, Floats]
    log_weights: Floats

    def __post_init__(self) -> None:
        weights = self.log_weights
        nameless = np.isnan(weights) | (weights == np.inf)
        if nameless.any():
            raise WeightError(
                f"{int(nameless.sum())} of {weights.size} importance weights are NaN or infinite",
                remedy="The model or the encoder gives a density that is NaN or infinite; score such draws with both.",
            )
        empty = np.argwhere(np.isneginf(weights).all(axis=0))
        if len(empty):
            where = f" of observations {quote(tuple(i.tolist()) for i in empty)}" if weights.ndim > 1 else ""
            raise WeightError(
                f"every importance weight{where} is zero: under the model, no draw could have given the data",
                remedy="Check that the data lie in the support of the model, or train for longer.",
            )

    def __repr__(self) -> str:
        n, *batch = self.log_weights.shape
        faults = [f"{int(mask.sum())} by {name}" if batch else name for name, mask in self.faults.items() if mask.any()]
        because = f": {', '.join(faults)}" if faults else ""
        if batch:
            count = int(self.reliable.sum())
            return f"Importance({n} draws of {self.reliable.size} observations, {count} reliable{because})"
        verdict = f"not reliable{because}" if faults else "reliable"
        return f"Importance({n} draws, ess {float(self.ess):.0f}, k-hat {float(self.khat):.2f}, {verdict})"

    def __str__(self) -> str:
        more = len(self.reasons) - MOST_SHOWN
        lines = [*self.reasons[:MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        remedy = ["Train for longer, or with another conditional; more draws alone do not help."] if lines else []
        return "\n  ".join([repr(self), *lines, *remedy])

    @property
    def table(self) -> Table:
        """The weighted mean and standard deviation of each number of each latent, for each observation."""
        rows = []
        for name, means in self.mean.items():
            for place, mean in np.ndenumerate(means):
                label = f"{name}[{', '.join(map(str, place))}]" if place else str(name)
                rows.append((label, f"{mean:.4g}", f"{self.sd[name][place]:.4g}"))
        return Table(("latent", "mean", "sd"), rows, repr(self))

    @cached_property
    def _smoothed(self) -> Smoothed:
        """The smoothed log weights of all observations side by side, and their shapes."""
        n, *batch = self.log_weights.shape
        raw = np.asarray(self.log_weights, np.float64).reshape(n, -1).T
        columns = [smooth(column) for column in raw]
        joined = np.stack([column.log_weights for column in columns], axis=-1).reshape(n, *batch)
        shapes = [bound_shape(column.khat, of) for column, of in zip(columns, raw, strict=True)]
        return Smoothed(joined, np.array(shapes).reshape(batch))  # type: ignore[arg-type]

    @cached_property
    def weights(self) -> Doubles:
        """Pareto smoothed weights, which sum to one over the draws, shape ``(n, *batch)``."""
        return np.asarray(np.exp(self._smoothed.log_weights))

    @property
    def khat(self) -> Doubles:
        r"""The shape :math:`\hat k` of the tail of the weights of each observation, shape ``batch``.

        Above 1 the mean of the weights does not exist; -inf says that weights hardly differ, inf that too few
        draws have a weight to tell. Where the largest of :math:`S` weights is below :math:`S^{0.2}` averages, the
        exponent of the largest weight if that is less.
        """
        return np.asarray(self._smoothed.khat)

    @property
    def ess(self) -> Doubles:
        r"""Effective number of draws of each observation, :math:`1 / \sum_s w_s^2`, shape ``batch``."""
        return count_effective(self.weights)

    @property
    def threshold(self) -> float:
        r"""The largest reliable shape, :math:`\min(1 - 1/\log_{10} S, 0.7)` for :math:`S` draws."""
        return threshold(len(self.log_weights))

    @property
    def reliable(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether the weights of each observation can be relied on, shape ``batch``: nothing is in ``faults``."""
        return ~np.any(list(self.faults.values()), axis=0)

    @cached_property
    def faults(self) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
        r"""Which observations fail by which rule, ``{rule: shape batch}``.

        ``"k-hat"``: :math:`\hat k` is not below the threshold. ``"ess"``: less than a tenth of the draws is
        effective. ``"falling ess"``: the share falls as draws are added, and would be less than a tenth with 256 times
        as many, though it is not yet. The weights then have no variance, or draws hardly ever reach a part of the
        posterior.
        """
        low, will_be_low = self.ess / len(self.log_weights) < LEAST_SHARE, foresee_share(self.weights) < LEAST_SHARE
        return {"k-hat": ~(self.khat < self.threshold), "ess": low, "falling ess": will_be_low & ~low}

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Why weights cannot be relied on, a sentence for each rule and observation that fails it; none if all can.

        >>> print(*Importance({}, np.where(np.arange(1000) < 20, 0.0, -9.0)).reasons)
        20 of 1,000 draws are effective, less than a tenth.
        """
        found = [(tuple(i.tolist()), name) for name, mask in self.faults.items() for i in np.argwhere(mask)]
        return tuple((f"Observation {quote(i)}: " if i else "") + self._say(name, i) for i, name in sorted(found))

    def _say(self, fault: str, observation: tuple[int, ...]) -> str:
        """Say in a sentence what is wrong with an observation."""
        n, ess, khat = len(self.log_weights), float(self.ess[observation]), float(self.khat[observation])
        if fault == "k-hat":
            return f"k-hat {khat:.2f} is not below {self.threshold:.2f}, its limit for {n:,} draws."
        if fault == "ess":
            return f"{ess:,.0f} of {n:,} draws are effective, less than a tenth."
        return f"{ess:,.0f} of {n:,} draws are effective, but the share falls as draws are added, to less than a tenth."

    @property
    def log_evidence(self) -> Doubles:
        r"""Estimate of :math:`\log p(x)` in nats, the log of the mean weight (not smoothed), shape ``batch``.

        The mean weight is unbiased. Its log is below :math:`\log p(x)` by about :math:`(1/\mathrm{ess} - 1/S) / 2`.
        """
        top = self.log_weights.max(axis=0).astype(np.float64)
        return np.asarray(top + np.log(np.exp(self.log_weights - top).mean(axis=0)))

    @cached_property
    def mean(self) -> dict[Name, Doubles]:
        """Posterior mean of each latent, shape ``(*batch, ...)``."""
        return {name: self._average(values) for name, values in self.draws.items()}

    @cached_property
    def sd(self) -> dict[Name, Doubles]:
        """Posterior standard deviation of each latent, shape ``(*batch, ...)``."""
        centered = {name: np.asarray(values, np.float64) - self.mean[name] for name, values in self.draws.items()}
        return {name: np.sqrt(self._average(values**2)) for name, values in centered.items()}

    @cached_property
    def sd_error(self) -> dict[Name, Doubles]:
        r"""Relative standard error of each `sd`, :math:`\sqrt{\sum_i w_i^2 ((z_i - m)^2 - s^2)^2} / (2 s^2)`.

        Zero where all draws are the same. Latents with heavy tails need many times the draws of others.

        Source: Owen 2013, Monte Carlo theory, methods and examples, section 9.2 (the delta method).

        >>> weighed = Importance({"z": np.random.default_rng(0).standard_normal(5000)}, np.zeros(5000))
        >>> round(float(weighed.sd_error["z"]), 3)  # the root of 1 / 10,000
        0.01
        """
        found = {}
        for name, values in self.draws.items():
            weights, variance = _widen(self.weights, values), self.sd[name] ** 2
            away = np.where(weights > 0, np.asarray(values, np.float64) - self.mean[name], 0.0) ** 2 - variance
            error = 0.5 * np.sqrt(((weights * away) ** 2).sum(axis=0))
            found[name] = np.divide(error, variance, out=np.zeros_like(variance), where=variance > 0)
        return found

    def resample(self, n: int | None = None, *, seed: int = 0) -> dict[Name, Floats]:
        """Return draws of equal weight for each observation, taken from the weighted ones with replacement.

        A draw of weight w is taken n w times, rounded up or down, and the draws are shuffled (systematic resampling).

        Arguments:
            n: number of draws for each observation. Default: as many as there are.
            seed: the same seed gives the same draws. Default 0.

        Returns: ``{latent: array (n, *batch, ...)}``.

        Raises: `OptionError` for counts and seeds that are none.

        Source: Carpenter, Clifford & Fearnhead 1999.

        >>> weighed = Importance({"z": np.array([0.0, 1.0])}, np.log([0.25, 0.75]))
        >>> sorted(weighed.resample(4)["z"].tolist())
        [0.0, 1.0, 1.0, 1.0]
        """
        size, *batch = self.log_weights.shape
        wanted = size if n is None else read_count("n", n)
        rng = np.random.default_rng(read_seed(seed))
        columns = self.weights.reshape(size, -1).T
        chosen = np.stack([choose_systematically(rng, column, wanted) for column in columns], axis=-1).reshape(
            wanted, *batch
        )
        return {name: np.take_along_axis(values, _widen(chosen, values), 0) for name, values in self.draws.items()}

    def _average(self, values: Floats) -> Doubles:
        weights = _widen(self.weights, values)
        return np.asarray((weights * np.where(weights > 0, values, 0.0)).sum(axis=0))  # what has overflowed weighs none


def leave_out(log_weights: Floats) -> Floats:
    """Return log weights without those few that are NaN: of draws so far out that densities cannot be computed there.

    They weigh nothing where they are at most one in a hundred of an observation; more are left for `Importance` to
    refuse, since then the model or the encoder is at fault.

    >>> leave_out(np.append(np.zeros(199), np.nan))[-1].item(), leave_out(np.array([0.0, np.nan]))[-1].item()
    (-inf, nan)
    """
    undefined = np.isnan(log_weights)
    few = undefined.mean(axis=0) <= MOST_UNDEFINED
    return np.asarray(np.where(undefined & few, -np.inf, log_weights))


def choose_systematically(rng: np.random.Generator, weights: Doubles, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return numbers of n draws by their weights, each taken n w times, rounded up or down, and shuffled."""
    places = (np.arange(n) + rng.random()) / n
    taken = np.searchsorted(np.cumsum(weights) / weights.sum(), places, side="right")
    return rng.permutation(np.minimum(taken, len(weights) - 1))


def _widen(array: np.ndarray[Any, Any], values: Floats) -> np.ndarray[Any, Any]:
    """Add the axis of a variable that holds several numbers."""
    return array.reshape(*array.shape, *[1] * (values.ndim - array.ndim))
