"""Linear-Gaussian templates with their models, and their exact posteriors by dense algebra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from retrodict.lift.templates.template import Template
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.template_model import TemplateModel

Weights = Mapping[tuple[str, str, int], float]


def make_gaussian(
    text: str, sizes: Mapping[str, int], weights: Weights, variance: Mapping[str, float], observed: str
) -> TemplateModel:
    """A template whose variables are normal around sums of their parents, with one weight for each kind of edge."""
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


def hierarchy(groups: int = 8, each: int = 4) -> TemplateModel:
    """Groups of observations."""
    sizes = {"j": groups, "n": each}
    return make_gaussian("mu; theta[j] | mu; y[j,n] | theta[j]", sizes, {}, {"theta": 0.5}, "y")


def three_levels(schools: int = 8, classes: int = 4, pupils: int = 4) -> TemplateModel:
    """Pupils in classes in schools."""
    sizes = {"s": schools, "c": classes, "k": pupils}
    text = "mu; a[s] | mu; b[s,c] | a[s]; y[s,c,k] | b[s,c]"
    return make_gaussian(text, sizes, {}, {"a": 0.5, "b": 0.5}, "y")


def local_level(steps: int = 20) -> TemplateModel:
    """A first-order series seen with noise."""
    return make_gaussian("z[t] | z[t-1]; x[t] | z[t]", {"t": steps}, {("z", "z", 1): 0.95}, {"z": 0.2}, "x")


def second_order(steps: int = 20) -> TemplateModel:
    """A second-order series seen with noise."""
    weights = {("z", "z", 1): 1.2, ("z", "z", 2): -0.4}
    return make_gaussian("z[t] | z[t-1] z[t-2]; x[t] | z[t]", {"t": steps}, weights, {"z": 0.2}, "x")


def panel(units: int = 6, steps: int = 10) -> TemplateModel:
    """Series of units that share a parameter."""
    weights = {("z", "z", 1): 0.8, ("z", "phi", 0): 0.3}
    text = "phi; z[j,t] | z[j,t-1] phi; x[j,t] | z[j,t]"
    return make_gaussian(text, {"j": units, "t": steps}, weights, {"z": 0.3, "x": 0.5}, "x")


def find_posterior(model: TemplateModel, data: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], Any, Any]:
    """The latents of data of some sizes, by variable and index, with the mean and covariance of their posterior."""
    template, sizes = model.template, {}
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
    """The exact log density of draws."""
    hidden, mean, covariance = find_posterior(model, data)
    values = np.stack([draws[name][(slice(None), *place)] for name, place in hidden], axis=1) - mean
    _, log_det = np.linalg.slogdet(covariance)
    squares = (values * np.linalg.solve(covariance, values.T).T).sum(axis=1)
    return -0.5 * (squares + log_det + len(mean) * np.log(2 * np.pi))
