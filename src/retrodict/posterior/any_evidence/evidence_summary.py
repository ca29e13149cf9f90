"""The distribution of each variable out of weighted draws: of states their probabilities, of numbers mean and sd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrodict.exact.queries.query import Marginals
from retrodict.graph.names import Name
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.model import Model
from retrodict.plan.supports import is_categorical
from retrodict.posterior.any_evidence.blanket import average_given_parents, condition_on_blanket
from retrodict.posterior.any_evidence.evidence_drawing import Drawn, EvidenceDrawer, EvidenceTask
from retrodict.posterior.any_evidence.evidence_reading import GivenValues
from retrodict.posterior.weights.importance import Importance, leave_out

Doubles = NDArray[np.float64]


def summarize(
    drawer: EvidenceDrawer, read: GivenValues, task: EvidenceTask, drawn: Drawn, weighted: bool | None = None
) -> Marginals:
    """Return marginals, weighted where weights can be relied on, or where they are all that knows of an intervention.

    Raises `WeightError` where every weight is zero.
    """
    weighed = Importance({}, leave_out(drawn.log_weights))
    trusted = bool(weighed.reliable) if weighted is None else weighted
    trusted = trusted or bool(read.done.any() and task.plan.active.any())
    n = len(drawn.columns)
    weights = weighed.weights if trusted else np.full(n, 1 / n)
    along = Along(drawer, task, drawn, weights, trusted)
    rows: dict[Name, Mapping[str, float]] = {}
    for v in np.flatnonzero(~read.known).tolist():
        rows |= along.summarize_variable(v)
    return Marginals(rows, read.list_given(drawer.model), float(weighed.log_evidence))


@dataclass(frozen=True, eq=False)
class Along:
    """Draws with weights: ``trusted`` ones are towards the exact posterior, others are equal."""

    drawer: EvidenceDrawer
    task: EvidenceTask
    drawn: Drawn
    weights: Doubles
    trusted: bool

    def summarize_variable(self, v: int) -> dict[Name, Mapping[str, float]]:
        """Return a row for each number of a variable."""
        model = self.drawer.model
        name, layout = model.net.names[v], model.layout
        own = range(int(layout.start[v]), int(layout.start[v + 1]))
        labels = [name] if len(own) == 1 else [f"{name}[{i}]" for i in range(len(own))]
        variable = model.net.variable(name)
        if not is_categorical(variable):
            return {label: self._average(column) for label, column in zip(labels, own, strict=True)}
        states, low = list_states(model, name), int(variable.bounds[0]) if variable.bounds is not None else 0
        if isinstance(model, DiscreteNetwork):
            return {name: dict(zip(states, self._sum_conditionals(model, v).tolist(), strict=True))}
        rows: dict[Name, Mapping[str, float]] = {}
        for label, column in zip(labels, own, strict=True):
            codes = (self.drawn.columns[:, column] - low).astype(np.int64)
            found = np.bincount(codes, self.weights, minlength=len(states))
            rows[label] = dict(zip(states, found.tolist(), strict=True))
        return rows

    def _sum_conditionals(self, model: DiscreteNetwork, v: int) -> Doubles:
        """Return the mean of whole conditionals along the draws: of the network, or of the model where weighted."""
        if self._redrawn[v]:
            return average_given_parents(model, self._codes, v, self.weights)
        if self.trusted:
            found = np.asarray(self.weights @ condition_on_blanket(model, self._codes, v))
            return np.asarray(found / found.sum())
        place = self._places[v]
        return np.asarray(self.weights @ np.exp(self.drawn.log_states[:, place, : int(model.cards[v])].astype(float)))

    @cached_property
    def _codes(self) -> NDArray[np.int64]:
        # Columns lie together: a variable is read in one go.
        return np.asarray(self.drawn.columns).astype(np.int64, order="F")

    @cached_property
    def _redrawn(self) -> NDArray[np.bool_]:
        return np.asarray(self.task.redrawn)

    @cached_property
    def _places(self) -> Mapping[int, int]:
        return self.drawer.list_drawn(self.task)

    def _average(self, column: int) -> dict[str, float]:
        values = self.drawn.columns[:, column].astype(np.float64)
        mean = float(self.weights @ values)
        return {"mean": mean, "sd": float(np.sqrt(self.weights @ (values - mean) ** 2))}


def list_states(model: Model, name: Name) -> list[str]:
    """Return the names of the states of a variable, their numbers where they have none."""
    variable = model.net.variable(name)
    low = int(variable.bounds[0]) if variable.bounds is not None else 0
    return list(variable.states) or [str(low + k) for k in range(variable.categories or 0)]
