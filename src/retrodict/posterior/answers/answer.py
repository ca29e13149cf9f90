"""The posterior of one observation as it is asked for and handed out: draws, moments, how found, whether reliable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np

from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.pictures.table import Table, Tabular
from retrodict.plan.layout import Floats
from retrodict.posterior.answers.draw_tails import note_tails
from retrodict.posterior.arviz import export
from retrodict.posterior.weights.importance import Importance
from retrodict.posterior.weights.pareto import Doubles

STAGES = ("exact", "encoder", "weighted", "refined", "mcmc")
# The most numbers that the table in the repr lists.
MOST_LISTED = 40


@dataclass(frozen=True, eq=False, repr=False)
class Answer(Tabular):
    """The posterior of all latents for one observation.

    Arguments:
        draws: draws of equal weight, ``{latent: array (n, ...)}``.
        mean: the posterior mean of each latent; from all weighted draws, where there are weights.
        sd: the posterior standard deviation of each latent.
        khat: the shape of the tail of the weights; of the draws themselves after ``"mcmc"``; -inf for exact draws, NaN
            for a model without a density.
        ess: how many exact draws the moments are worth.
        stage: what sufficed: ``"exact"``, every factor is; ``"encoder"``, its draws as they are; ``"weighted"``, its
            draws with weights; ``"refined"``, those of factors fitted to this observation; ``"mcmc"``, chains.
        reasons: why the answer is not reliable, a sentence each; empty where it is.
        notes: what else is to be known, a sentence each.
        exact: the factors that are exact, ``{latent: kind}``.
        seconds: how long it took.
        inverse: the inverse along which latents were drawn.
        data: what was observed.

    >>> import numpy as np
    >>> from retrodict import amortize, zoo
    >>> answer = amortize(zoo.binary_tree(depth=2)).answer({"x1": 0.5, "x2": 1.0}, 1000)
    >>> answer.stage, answer.reliable, answer.draws["x0"].shape
    ('exact', True, (1000,))
    """

    draws: Mapping[Name, Floats]
    mean: Mapping[Name, Doubles]
    sd: Mapping[Name, Doubles]
    khat: float
    ess: float
    stage: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    exact: Mapping[Name, str]
    seconds: float
    inverse: Inverse | LiftedInverse
    data: Mapping[Name, Any]

    @property
    def reliable(self) -> bool:
        """Whether nothing speaks against the answer."""
        return not self.reasons

    @property
    def verdict(self) -> str:
        """The stage and, where the answer is not reliable, why, in a line."""
        if self.reasons:
            return f"Answer NOT RELIABLE ({self.stage}): {' '.join(self.reasons)}"
        return f"Answer ({self.stage}): {self._describe()}"

    def __repr__(self) -> str:
        head, *rows = [("latent", "mean", "sd", "5 %", "95 %"), *self._list_rows()]
        shown = [head, *rows[:MOST_LISTED]]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in shown]
        more = [f"and {len(rows) - MOST_LISTED:,} more"] if len(rows) > MOST_LISTED else []
        return "\n".join([self.verdict, *self.notes, *lines, *more])

    def __str__(self) -> str:
        return repr(self)

    @property
    def table(self) -> Table:
        """Mean, standard deviation and quantiles of each number of each latent."""
        return Table(("latent", "mean", "sd", "5 %", "95 %"), list(self._list_rows()), self.verdict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the draws as plain values that JSON can hold; what is not finite is None."""
        return {
            "stage": self.stage,
            "reliable": self.reliable,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "khat": _keep_finite(self.khat),
            "ess": _keep_finite(self.ess),
            "seconds": self.seconds,
            "exact": {str(name): kind for name, kind in self.exact.items()},
            "latents": {
                label: dict(zip(("mean", "sd", "5%", "95%"), map(_keep_finite, row), strict=True))
                for label, *row in self.list_numbers()
            },
        }

    def to_arviz(self) -> Any:
        """Return the draws for ArviZ as one chain, with the data.

        Returns: an ``InferenceData``, or with ArviZ 1 a ``DataTree``.

        Raises: `MissingPackageError` when ArviZ is not installed.
        """
        n = len(next(iter(self.draws.values())))
        return export(self.draws, self.data, {"stage": np.full(n, STAGES.index(self.stage))})

    def list_numbers(self) -> Iterator[tuple[str, float, float, float, float]]:
        """Return label, mean, standard deviation, 5 % and 95 % quantile of each number of each latent."""
        for name, values in self.draws.items():
            low, high = np.quantile(np.asarray(values, np.float64), [0.05, 0.95], axis=0)
            for place, mean in np.ndenumerate(self.mean[name]):
                label = f"{name}[{', '.join(map(str, place))}]" if place else str(name)
                yield label, float(mean), float(self.sd[name][place]), float(low[place]), float(high[place])

    def _list_rows(self) -> Iterator[tuple[str, ...]]:
        return ((label, *(f"{number:.4g}" for number in numbers)) for label, *numbers in self.list_numbers())

    def _describe(self) -> str:
        if self.stage == "exact":
            return "every factor is exact"
        khat = "" if np.isnan(self.khat) else f", k-hat {self.khat:.2f}"
        return f"reliable, ess {self.ess:,.0f}{khat}, {self.seconds:.0f} s"


@dataclass(frozen=True, eq=False, kw_only=True)
class AskedPosterior:
    """What is asked of a posterior: n draws for one observation, within some seconds.

    Arguments:
        data: what was observed, as it was given.
        n: number of draws to return.
        seed: the same seed gives the same answer, as long as time suffices.
        seconds: how long it may take.
        inverse: the inverse along which latents are drawn.
        exact: the factors that are exact, ``{latent: kind}``.
        notes: what else the answer is to say, a sentence each.
        doubts: what speaks against it, whichever stage it is of.
        begun: when the seconds began.
    """

    data: Mapping[Any, Any]
    n: int
    seed: int
    seconds: float
    inverse: Inverse | LiftedInverse
    exact: Mapping[Any, str]
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    begun: float = field(default_factory=monotonic)

    def by(self, share: float) -> float:
        """Return when a share of the seconds is over."""
        return self.begun + share * self.seconds

    def say(
        self,
        stage: str,
        draws: Mapping[Any, Any],
        moments: tuple[Mapping[Any, Any], Mapping[Any, Any]] | None = None,
        *,
        khat: float,
        ess: float,
        reasons: Sequence[str] = (),
    ) -> Answer:
        """Return the answer; moments are those of the draws where none are given."""
        mean, sd = moments or find_moments(draws)
        return Answer(
            draws,
            mean,
            sd,
            khat=float(khat),
            ess=float(ess),
            stage=stage,
            reasons=(*self.doubts, *reasons),
            notes=(*self.notes, *note_tails(draws, ess)),
            exact=self.exact,
            seconds=monotonic() - self.begun,
            inverse=self.inverse,
            data=self.data,
        )

    def say_weighed(self, weighed: Importance, stage: str, reasons: Sequence[str] = ()) -> Answer:
        """Return the answer of weighted draws."""
        draws, moments = weighed.resample(self.n, seed=self.seed), (weighed.mean, weighed.sd)
        return self.say(stage, draws, moments, khat=float(weighed.khat), ess=float(weighed.ess), reasons=reasons)


def find_moments(draws: Mapping[Any, Any]) -> tuple[dict[Any, Doubles], dict[Any, Doubles]]:
    """Return mean and standard deviation of the draws of each latent."""
    return _map(np.mean, draws), _map(np.std, draws)


def _map(function: Callable[..., Any], draws: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: function(np.asarray(values, np.float64), axis=0) for name, values in draws.items()}


def _keep_finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
