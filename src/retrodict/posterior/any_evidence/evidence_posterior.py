"""The posterior of a model for any evidence: drawn, weighed, and summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.certificate.certify import Certificate, certify
from retrodict.errors import DensityError, OptionError, SizeError
from retrodict.exact.queries.query import Marginals, most_probable, query
from retrodict.graph.frozen import Portable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask
from retrodict.invert import invert
from retrodict.models.black_box import BlackBox
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.model import Model
from retrodict.plan.counts import read_count, read_seed
from retrodict.posterior.any_evidence.evidence_calibration import EvidenceCalibration, calibrate_evidence
from retrodict.posterior.any_evidence.evidence_drawing import Drawn, EvidenceDrawer, EvidenceTask
from retrodict.posterior.any_evidence.evidence_reading import GivenValues, read_given
from retrodict.posterior.any_evidence.evidence_storage import save_evidence
from retrodict.posterior.any_evidence.evidence_summary import summarize
from retrodict.posterior.any_evidence.gated.evidence_sets import EvidencePool, list_drawn, list_numbers
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.any_evidence.gated.slot_plans import InputMoments
from retrodict.posterior.tables.runs import Runs
from retrodict.posterior.tables.truths import choose_rows
from retrodict.posterior.weights.importance import Importance, leave_out
from retrodict.read.numpyro.numpyro_model import NumpyroModel


@dataclass(frozen=True, eq=False, repr=False)
class EvidencePosterior(Portable):
    r"""One network for any evidence, :math:`q(v \mid x_S)` with S the parents of v in the inverse of this evidence.

    Variables are drawn in one order for all evidence. What has nothing known below it is drawn by the model itself.
    `amortize` with ``evidence=`` makes it.

    Arguments:
        model: the model.
        network: the networks, one for each number that stands for a value.
        weights: their weights.
        moments: mean and covariance of what they see, from which regressions follow for every evidence.
        pool: the sets of evidence of training.
        history: the mean of the objective over each 50 steps, in nats; empty where nothing was trained.
        runs: the stored simulations that training was given, which are not saved. None where they were drawn.
    """

    model: Model
    network: GatedNetwork
    weights: GatedWeights
    moments: InputMoments
    pool: EvidencePool
    history: tuple[float, ...]
    runs: Runs | None = None

    def __repr__(self) -> str:
        how = f"{len(self.history)} epochs" if self.history else "not trained"
        return f"EvidencePosterior({self.model!r}, {'exact' if self.is_exact else how})"

    @property
    def is_exact(self) -> bool:
        """Whether draws are from the exact posterior: of a linear-Gaussian network, unless ``exact=False``."""
        return isinstance(self.model, LinearGaussian) and not self.history and self.moments.ridge == 0

    def inverse(self, given: Iterable[Name]) -> Inverse:
        """Return the inverse along which this evidence is answered; something must be given."""
        net = self.model.net
        numbers = dict.fromkeys(v for name in given for v in list_numbers(self.model, name))
        if not numbers:
            raise OptionError(
                "given=[] is empty, and without evidence there is nothing to invert",
                remedy="Name at least one variable; where nothing is known, the model itself draws.",
            )
        known = np.isin(np.arange(len(net)), list(numbers))
        order = net.to_names(list_drawn(net, known)[::-1])
        return invert(net, order, given=net.to_names(np.flatnonzero(known)), of=order)

    def certify(self, given: Iterable[Name]) -> Certificate:
        """Return the verdict on that inverse."""
        return certify(self.inverse(given))

    def sample(
        self,
        given: Mapping[Name, Any] | None = None,
        n: int = 1000,
        *,
        do: Mapping[Name, Any] | None = None,
        seed: int = 0,
    ) -> dict[Name, Any]:
        """Return draws of all other variables.

        Arguments:
            given: values of any variables, or sites of a program: numbers, names of states. NaN and None are missing.
            n: number of draws. Default 1000.
            do: values of variables that are set from outside: edges into them are cut. Draws are then resampled by
                their weights, unless nothing given tells of anything.
            seed: the same seed gives the same draws. Default 0.

        Returns: ``{name: array (n, ...)}``; of states their names, of sites of a program known elements, too.

        Raises: `UnknownVariableError` and `UnknownStateError` for names that are not in the model, `GraphError` for
            what is both given and set, `DataError` for values that do not fit and for states of probability zero,
            `OptionError` for what training never inferred.
        """
        read, _, drawn = self._draw(given, do, n, seed, weigh=do is not None)
        columns = drawn.columns
        if read.done.any() and np.ptp(drawn.log_weights) > 0:
            weighed = Importance({"row": np.arange(len(columns), dtype=float)}, leave_out(drawn.log_weights))
            columns = columns[weighed.resample(seed=seed)["row"].astype(int)]
        return self._name(read, columns, states=True)

    def marginals(
        self,
        given: Mapping[Name, Any] | None = None,
        n: int | None = None,
        *,
        do: Mapping[Name, Any] | None = None,
        weighted: bool | None = None,
        seed: int = 0,
    ) -> Marginals:
        """Return the distribution of each other variable: probabilities of states, ``mean`` and ``sd`` of numbers.

        Arguments:
            given: as in `sample`.
            n: number of draws. Of states not those drawn are counted, but all probabilities of their conditionals are
                averaged (Rao-Blackwell). Default: exact sums of networks of tables and of lines, where these are
                feasible, else 10,000.
            do: as in `sample`; draws are then weighted.
            weighted: whether draws are weighted towards the exact posterior. Default: where weights can be relied on.
            seed: the same seed gives the same result. Default 0.

        Returns: a table; ``log_evidence`` is the log probability of what is given, from weights where not exact, NaN
            where only simulations are known.

        Raises: what `sample` raises, and `DensityError` for ``weighted=True`` where only simulations are known.
        """
        if n is None and isinstance(self.model, DiscreteNetwork | LinearGaussian):
            known, cut = self._split(read_given(self.model, given, do))
            with suppress(SizeError):
                return query(self.model, known, do=cut)
        weigh = weighted is True or not isinstance(self.model, BlackBox)
        read, task, drawn = self._draw(given, do, 10_000 if n is None else n, seed, states=True, weigh=weigh)
        found = summarize(self._drawer, read, task, drawn, weighted if weigh else False)
        return found if weigh else replace(found, log_evidence=float("nan"))

    def importance(
        self,
        given: Mapping[Name, Any] | None = None,
        n: int = 10_000,
        *,
        do: Mapping[Name, Any] | None = None,
        seed: int = 0,
    ) -> Importance:
        r"""Return draws with weights :math:`p(z, x) / q(z \mid x)` towards the exact posterior; states are numbers.

        Arguments are those of `sample`.

        Raises: what `sample` raises, `WeightError` where no draw could have given what is known, and `DensityError`
            where only simulations of the model are known.
        """
        read, _, drawn = self._draw(given, do, n, seed)
        return Importance(self._name(read, drawn.columns, states=False), leave_out(drawn.log_weights))

    def most_probable(
        self, given: Mapping[Name, Any] | None = None, *, do: Mapping[Name, Any] | None = None
    ) -> dict[Name, Any]:
        """Return the most probable values of all other variables together, exactly.

        Of a linear-Gaussian network they are the means.

        Raises: `OptionError` for programs, which have no exact maximum, and what `most_probable` raises.
        """
        known, cut = self._split(read_given(self.model, given, do))
        if isinstance(self.model, DiscreteNetwork):
            return dict(most_probable(self.model, known, do=cut))
        if isinstance(self.model, LinearGaussian):
            return {name: row["mean"] for name, row in query(self.model, known, do=cut).marginals.items()}
        raise OptionError(
            "a program has no exact maximum", remedy="Take the draw of importance() with the largest joint density."
        )

    def calibration(
        self, simulations: Any = 1000, draws: int = 99, *, seed: int = 0, alpha: float = 0.001
    ) -> EvidenceCalibration:
        """Return whether the posterior is calibrated over the sets of evidence of its training.

        Each simulation has one of these sets: the rank of what is not known among draws is uniform if the posterior is
        exact. All simulations together are tested, and those with few and with many variables known.

        Arguments:
            simulations: number of truths, 100 or more, or a table of runs that training has not seen. Of stored runs
                a tenth is kept for this. Default 1000.
            draws: number of draws for each truth, 19 or more. Default 99.
            seed: the same seed gives the same result. Default 0.
            alpha: probability that an exact posterior is rejected for any variable. Default 0.001.

        Returns: the outcome, which is true when nothing was rejected.

        Raises: `OptionError` for numbers out of range, `DataError` for fewer than 100 stored runs.

        Source: Talts et al. 2018.
        """
        per, chosen = read_count("draws", draws, 19), choose_rows(self.model, self.runs, simulations)
        if not 0 < alpha < 1:
            raise OptionError(f"alpha={alpha} is not the probability of an error", remedy="Give one between 0 and 1.")
        stored = chosen if isinstance(chosen, int) else chosen[0]
        return calibrate_evidence(self._drawer, self.pool, stored, per, read_seed(seed), alpha)

    def save(self, folder: str | Path) -> None:
        """Write the posterior into a folder, all of it or nothing; `rd.load` reads it back, given the model.

        Arguments:
            folder: where to write ``evidence.safetensors``. The folder is made if it is not there.

        Raises: `FileError` where the folder cannot be written.
        """
        save_evidence(folder, self.model, self.network, self.weights, self.moments, self.pool, self.history)

    # -- inside --------------------------------------------------------------------------------------

    @cached_property
    def _drawer(self) -> EvidenceDrawer:
        return EvidenceDrawer(self.model, self.network, self.weights, self.moments)

    def _draw(
        self, given: Any, do: Any, n: int, seed: int, *, states: bool = False, weigh: bool = True
    ) -> tuple[GivenValues, EvidenceTask, Drawn]:
        n, seed, read = read_count("n", n), read_seed(seed), read_given(self.model, given, do)
        if read.done.any() and isinstance(self.model, BlackBox):
            raise DensityError(
                "do= needs the conditionals of the model, and of {names} only simulations are known",
                self.model.net.names,
                remedy="Give amortize a Model that can be simulated and scored, such as rd.from_numpyro(program).",
            )
        task = self._drawer.prepare(read.columns, read.known, read.done)
        self._require_trained(~read.known & ~np.asarray(task.redrawn))
        # Of tables, weights say whether what is given can be.
        drawn = self._drawer.draw(task, n, seed, states=states, weigh=weigh or isinstance(self.model, DiscreteNetwork))
        if not np.isfinite(drawn.log_weights).any():
            self._require_possible(read)
        return read, task, drawn

    def _require_possible(self, read: GivenValues) -> None:
        """Raise `DataError`, naming the variable, where exact sums find that what is given has probability zero."""
        if isinstance(self.model, DiscreteNetwork):
            known, cut = self._split(read)
            with suppress(SizeError):
                query(self.model, known, [], do=cut)

    def _require_trained(self, inferred: Mask) -> None:
        """Raise `OptionError` for variables that a trained network never inferred."""
        never = np.flatnonzero(inferred & ~self.pool.inferred.any(axis=0))
        if self.history and len(never):
            raise OptionError(
                "training never inferred {names}, known or drawn by the model itself in all of its sets of evidence",
                self.model.net.to_names(never),
                remedy="Give them, or train with evidence= that leaves them out, such as 'any'.",
            )

    def _split(self, read: GivenValues) -> tuple[dict[Name, Any], dict[Name, Any]]:
        """Return what is given and what is set, as exact queries take them."""
        listed, set_names = read.list_given(self.model), self.model.net.to_names(np.flatnonzero(read.done))
        return {k: v for k, v in listed.items() if k not in set_names}, {name: listed[name] for name in set_names}

    def _name(self, read: GivenValues, columns: Any, *, states: bool) -> dict[Name, Any]:
        """Return columns by name: of programs whole sites, of networks of tables names of states."""
        model, values = self.model, dict(self.model.layout.unpack(columns))
        unknown = set(model.net.to_names(np.flatnonzero(~read.known)))
        if isinstance(model, NumpyroModel):
            kept = [site for site, group in model.groups.items() if unknown.intersection(group.variables)]
            joined: dict[Any, Any] = dict(model.join(values))
            return {site: joined[site] for site in kept}
        values = {name: value for name, value in values.items() if name in unknown}
        if isinstance(model, DiscreteNetwork):
            return model.to_states(values) if states else values
        return values
