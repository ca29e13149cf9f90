"""Models after an intervention: some variables are set from outside, and no longer depend on anything."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from retrodict.graph.names import Name
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian


def intervene(model: DiscreteNetwork | LinearGaussian, names: Iterable[Name]) -> DiscreteNetwork | LinearGaussian:
    """Return the model in which these variables depend on nothing: given their values, they are set.

    Whatever distribution they get is of no concern, as their values are known: uniform, or standard normal.
    """
    cut = list(names)
    if not cut:
        return model
    net = model.net.do(cut)
    if isinstance(model, DiscreteNetwork):
        tables = {name: model.table(name) for name in net.names}
        tables |= {name: np.full(len(model.states(name)), 1 / len(model.states(name))) for name in cut}
        parents = {name: net.parents(name) if name in cut else model.net.parents(name) for name in net.names}
        states = {name: model.states(name) for name in net.names}
        return DiscreteNetwork.from_tables(parents, states, tables, net.observed)
    weights = {
        name: dict(zip(model.net.parents(name), model.edge_weights(model.net.index(name)).tolist(), strict=True))
        for name in net.names
        if name not in cut
    }
    place = [model.net.index(name) for name in net.names]
    is_cut = np.array([name in set(cut) for name in net.names])
    return LinearGaussian.from_weights(
        net, weights, np.where(is_cut, 0.0, model.bias[place]), np.where(is_cut, 1.0, model.variance[place])
    )
