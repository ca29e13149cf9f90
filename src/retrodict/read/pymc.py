"""The structure of PyMC models, read from their static graph: nothing is sampled."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from retrodict.errors import SourceError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name
from retrodict.packages import require


def from_pymc(model: Any, observed: Iterable[Name] | None = None) -> BayesNet:
    """Return the structure of a ``pymc.Model``.

    A variable of any shape is one variable. Deterministic variables are contracted: their children depend on the
    parents of the deterministic variable. A potential is an observed variable, because it joins the variables that it
    is computed from. A data container that variables depend on is an observed variable without parents; one that only
    holds observed values is left out.

    Arguments:
        model: the model.
        observed: names of the observed variables. Default: those that the model observes.

    Returns: a `BayesNet`.

    Raises: `SourceError` for anything but a model, `MissingPackageError` without PyMC, and what `BayesNet` raises.
    """
    pymc = require("pymc", extra="pymc", purpose="to read its models")
    graphs = require("pymc.model_graph", extra="pymc", purpose="to read its models")
    if not isinstance(model, pymc.Model):
        raise SourceError(f"from_pymc needs a pymc.Model, not a {type(model).__name__}", remedy="Build it first.")
    given: dict[str, set[str]] = dict(graphs.ModelGraph(model).make_compute_graph())
    data = {variable.name for variable in model.data_vars}
    given.update({name: set() for name in data})  # PyMC draws an edge from an observed variable to the data it is given
    contracted = {variable.name for variable in model.deterministics}
    parents = {name: trace_parents(name, given, contracted) for name in given if name not in contracted}
    used = {parent for listed in parents.values() for parent in listed}
    parents = {name: listed for name, listed in parents.items() if name not in data or name in used}
    if observed is None:
        fixed = {variable.name for variable in (*model.observed_RVs, *model.potentials)} | data
        observed = [name for name in parents if name in fixed]
    return BayesNet(parents, observed, variables=_describe(model, parents))


def trace_parents(name: Name, given: Mapping[Any, Iterable[Any]], contracted: Iterable[Any]) -> list[Any]:
    """Return the parents of a variable, going on from those that are contracted to their own parents.

    >>> trace_parents("y", {"y": ["f"], "f": ["a", "g"], "g": ["b"]}, {"f", "g"})
    ['a', 'b']
    """
    found: set[Any] = set()
    waiting, seen = list(given[name]), set(given[name])
    while waiting:
        parent = waiting.pop()
        if parent not in contracted:
            found.add(parent)
            continue
        further = set(given[parent]) - seen
        seen |= further
        waiting.extend(further)
    return sorted(found)


def _describe(model: Any, names: Iterable[str]) -> list[Variable]:
    """Return the size of each random variable that has a fixed one, and whether its values are integers."""
    shapes = model.eval_rv_shapes()
    return [
        Variable(name, size=max(1, math.prod(map(int, shapes[name]))), support=_name_support(model[name]))
        for name in names
        if name in shapes
    ]


def _name_support(variable: Any) -> str:
    return "real" if "float" in str(variable.dtype) else "integer"
