"""Networks of pgmpy: discrete, linear-Gaussian, or structure alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from retrodict.errors import GraphError, SourceError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.packages import require
from retrodict.read.observation import find_leaves

Parents = Mapping[Name, Sequence[Name]]


def from_pgmpy(bn: Any, observed: Iterable[Name] | None = None) -> BayesNet | DiscreteNetwork | LinearGaussian:
    """Return the model or structure that a pgmpy network describes.

    Arguments:
        bn: a directed network of pgmpy.
        observed: names of the observed variables. Default: all that the network does not list in its ``latents``, or
            its leaves if it lists none.

    Returns: a `DiscreteNetwork` for a ``DiscreteBayesianNetwork`` with tables, a `LinearGaussian` for a
    ``LinearGaussianBayesianNetwork`` with coefficients, and a `BayesNet` for any other network.

    Raises: `SourceError` for anything but a directed network, `GraphError` when only some variables have numbers,
    `MissingPackageError` without pgmpy, and what `DiscreteNetwork` and `LinearGaussian` raise.
    """
    base = require("pgmpy.base", extra="pgmpy", purpose="to read its networks")
    models = require("pgmpy.models", extra="pgmpy", purpose="to read its networks")
    if not isinstance(bn, base.DAG) or isinstance(bn, models.DynamicBayesianNetwork):
        raise SourceError(
            f"from_pgmpy needs a directed network of pgmpy, not a {type(bn).__name__}",
            remedy="Unroll a dynamic network first.",
        )
    parents = {name: list(bn.predecessors(name)) for name in bn}
    observed = _find_observed(bn, parents) if observed is None else observed
    numbers = {cpd.variable: cpd for cpd in bn.get_cpds()} if hasattr(bn, "get_cpds") else {}
    if numbers and len(numbers) < len(parents):
        bare = [name for name in parents if name not in numbers]
        raise GraphError("{names} {have} no conditional probabilities", bare, remedy="Add theirs, or remove all.")
    if numbers and isinstance(bn, models.LinearGaussianBayesianNetwork):
        return _read_gaussian(BayesNet(parents, observed), numbers)
    if numbers and isinstance(bn, models.DiscreteBayesianNetwork):
        return _read_tables(parents, numbers, observed)
    return BayesNet(parents, observed)


def _find_observed(bn: Any, parents: Parents) -> list[Name]:
    hidden = set(getattr(bn, "latents", None) or ())
    return [name for name in parents if name not in hidden] if hidden else find_leaves(parents)


def _read_gaussian(net: BayesNet, numbers: Mapping[Name, Any]) -> LinearGaussian:
    """Read intercepts, coefficients and standard deviations."""
    weights = {
        name: dict(zip(cpd.evidence, np.asarray(cpd.beta, dtype=float)[1:].tolist(), strict=True))
        for name, cpd in numbers.items()
    }
    for name, given in weights.items():
        if set(given) != set(net.parents(name)):
            raise GraphError(
                "the coefficients of {names} are not one for each of its parents", [name], remedy="Give one a parent."
            )
    bias = [float(numbers[name].beta[0]) for name in net.names]
    variance = [float(numbers[name].std) ** 2 for name in net.names]
    return LinearGaussian.from_weights(net, weights, bias, variance)


def _read_tables(parents: Parents, numbers: Mapping[Name, Any], observed: Iterable[Name]) -> DiscreteNetwork:
    """Read tables, whose first axis in pgmpy is that of the variable itself."""
    given = {name: list(numbers[name].variables[1:]) for name in parents}
    for name, listed in given.items():
        if set(listed) != set(parents[name]):
            raise GraphError(
                "the table of {names} does not have its parents as evidence", [name], remedy="Give its parents."
            )
    states = {name: [str(state) for state in numbers[name].state_names[name]] for name in parents}
    tables = {name: np.moveaxis(_align(numbers, name), 0, -1) for name in parents}
    return DiscreteNetwork.from_tables(given, states, tables, observed)


def _align(numbers: Mapping[Name, Any], name: Name) -> Any:
    """Return a table with the states of every axis in the order in which their own variable has them."""
    cpd = numbers[name]
    table = np.asarray(cpd.values)
    for axis, variable in enumerate(cpd.variables):
        own, here = list(numbers[variable].state_names[variable]), list(cpd.state_names[variable])
        if own == here:
            continue
        if set(own) != set(here):
            raise GraphError(
                f"the table of {name!r} has other states of {{names}} than its own table",
                [variable],
                remedy="Align them.",
            )
        table = table.take([here.index(state) for state in own], axis=axis)
    return table
