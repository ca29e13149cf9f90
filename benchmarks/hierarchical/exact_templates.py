"""Templates whose posteriors are known at every size: linear-Gaussian ones, and a hidden Markov model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from retrodict.lift.templates.template import Template
from retrodict.models.discrete import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.template_model import TemplateModel

Weights = Mapping[tuple[str, str, int], float]


class ExactTemplate(NamedTuple):
    """A linear-Gaussian template: the weight of each kind of edge is 1 unless stated, as is each variance.

    ``trained`` are the largest sizes of training, ``twice`` those beyond, at which it is also asked.
    """

    text: str
    observed: str
    trained: Mapping[str, int]
    twice: Mapping[str, int]
    weights: Weights
    variance: Mapping[str, float]

    def at(self, sizes: Mapping[str, int]) -> TemplateModel:
        """Return the template with its model at these sizes."""
        return make_gaussian(self.text, sizes, self.weights, self.variance, self.observed)


GAUSSIAN = {
    "hierarchy": ExactTemplate(
        "mu; theta[j] | mu; y[j,n] | theta[j]", "y", {"j": 20, "n": 8}, {"j": 40, "n": 8}, {}, {"theta": 0.5}
    ),
    "three levels": ExactTemplate(
        "mu; a[s] | mu; b[s,c] | a[s]; y[s,c,k] | b[s,c]",
        "y",
        {"s": 10, "c": 4, "k": 4},
        {"s": 20, "c": 4, "k": 4},
        {},
        {"a": 0.5, "b": 0.5},
    ),
    "local level": ExactTemplate(
        "z[t] | z[t-1]; x[t] | z[t]", "x", {"t": 100}, {"t": 200}, {("z", "z", 1): 0.95}, {"z": 0.2}
    ),
    "order 2": ExactTemplate(
        "z[t] | z[t-1] z[t-2]; x[t] | z[t]",
        "x",
        {"t": 100},
        {"t": 200},
        {("z", "z", 1): 1.2, ("z", "z", 2): -0.4},
        {"z": 0.2},
    ),
    "plate of series": ExactTemplate(
        "phi; z[j,t] | z[j,t-1] phi; x[j,t] | z[j,t]",
        "x",
        {"j": 8, "t": 20},
        {"j": 16, "t": 20},
        {("z", "z", 1): 0.8, ("z", "phi", 0): 0.3},
        {"z": 0.3, "x": 0.5},
    ),
}


def make_gaussian(
    text: str, sizes: Mapping[str, int], weights: Weights, variance: Mapping[str, float], observed: str
) -> TemplateModel:
    """Return a template whose variables are normal around weighted sums of their parents, at these sizes."""
    template = Template(text, observed=[observed])
    grounding = template.ground(sizes)
    every = np.array(grounding.names, dtype=object)
    names = {
        v.name: every[grounding.list_instances(v.name)].reshape(grounding.shapes[v.name]) for v in template.variables
    }
    place = {str(name): (v, i) for v, own in names.items() for i, name in np.ndenumerate(own)}

    def find_lag(child: str, parent: str) -> int:
        (one, at), (other, before) = place[child], place[parent]
        time = template.time
        if time is None or time not in template[one].dims or time not in template[other].dims:
            return 0
        return at[template[one].dims.index(time)] - before[template[other].dims.index(time)]

    rows = {
        child: {p: weights.get((place[child][0], place[p][0], find_lag(child, p)), 1.0) for p in map(str, parents)}
        for child in map(str, grounding.net.names)
        if (parents := grounding.net.parents(child))
    }
    spread = [variance.get(place[str(name)][0], 1.0) for name in grounding.net.names]
    return TemplateModel(template, LinearGaussian.from_weights(grounding.net, rows, 0.0, spread), sizes, names)


def find_posterior(model: TemplateModel, data: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], Any, Any]:
    """Return the latents of data of some sizes, by variable and index, with the mean and covariance of all of them."""
    template = model.template
    sizes: dict[str, int] = {}
    for name, value in data.items():
        sizes |= dict(zip(template[name].dims, np.shape(value), strict=True))
    whole: Any = model.model
    seen, values, hidden = [], [], []
    for variable in template.variables:
        columns = model.columns(variable.name)[tuple(slice(sizes[dim]) for dim in variable.dims)]
        for place, column in np.ndenumerate(columns):
            if variable.name not in data:
                hidden.append(((variable.name, place), int(column)))
            elif not np.isnan(data[variable.name][place]):
                seen.append(int(column))
                values.append(data[variable.name][place])
    own = [column for _, column in hidden]
    covariance, mean = whole.covariance, whole.mean
    gain = covariance[np.ix_(own, seen)] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    at = mean[own] + gain @ (np.array(values) - mean[seen])
    return [name for name, _ in hidden], at, covariance[np.ix_(own, own)] - gain @ covariance[np.ix_(seen, own)]


def score_exactly(model: TemplateModel, data: Mapping[str, Any], draws: Mapping[str, Any]) -> Any:
    """Return the exact log density of draws, in nats."""
    hidden, mean, covariance = find_posterior(model, data)
    values = np.stack([draws[name][(slice(None), *place)] for name, place in hidden], axis=1) - mean
    _, log_det = np.linalg.slogdet(covariance)
    squares = (values * np.linalg.solve(covariance, values.T).T).sum(axis=1)
    return -0.5 * (squares + log_det + len(mean) * np.log(2 * np.pi))


# -- a hidden Markov model ---------------------------------------------------------------------------

STATES, SYMBOLS = 4, 5


class HiddenMarkov(NamedTuple):
    """A hidden Markov model of known tables: how it begins, moves and emits."""

    start: Any
    moves: Any
    emits: Any

    @classmethod
    def draw(cls, seed: int = 0) -> HiddenMarkov:
        """Return tables of four states that stay where they are for a while."""
        rng = np.random.default_rng(seed)
        moves = 0.75 * np.eye(STATES) + 0.25 * rng.dirichlet(np.ones(STATES), STATES)
        return cls(np.full(STATES, 1 / STATES), moves, rng.dirichlet(np.full(SYMBOLS, 0.7), STATES))

    def at(self, steps: int) -> TemplateModel:
        """Return the template with its model at a length."""
        template = Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])
        grounding = template.ground({"t": steps})
        parents = {str(name): list(map(str, grounding.net.parents(name))) for name in grounding.net.names}
        kinds = {True: (self.emits, SYMBOLS), False: (self.moves, STATES)}
        tables = {name: kinds[name[0] == "x"][0] if parents[name] else self.start for name in parents}
        states = {name: [str(k) for k in range(kinds[name[0] == "x"][1])] for name in parents}
        observed = [name for name in parents if name[0] == "x"]
        model = DiscreteNetwork.from_tables(parents, states, tables, observed)
        every = np.array(grounding.names, dtype=object)
        names = {v.name: every[grounding.list_instances(v.name)] for v in template.variables}
        return TemplateModel(template, model, {"t": steps}, names)

    def smooth(self, x: Any) -> Any:
        """Return the exact probability of each state at each step, by forward-backward; NaN is what is missing."""
        seen = np.array([np.ones(STATES) if np.isnan(v) else self.emits[:, int(v)] for v in x])
        forward, backward = np.zeros_like(seen), np.ones_like(seen)
        state = self.start
        for t in range(len(x)):
            state = (state if t == 0 else forward[t - 1] @ self.moves) * seen[t]
            forward[t] = state = state / state.sum()
        for t in range(len(x) - 2, -1, -1):
            message = self.moves @ (seen[t + 1] * backward[t + 1])
            backward[t] = message / message.sum()
        both = forward * backward
        return both / both.sum(axis=1, keepdims=True)
