"""The part of a model that is asked for, given another part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from retrodict.errors import GraphError
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.names import Name, require_distinct, require_list, unknown
from retrodict.graph.written_edges import list_strangers

Source = TypeVar("Source", bound=HasStructure)


def ask(source: BayesNet | Source, given: Iterable[Name] | None, of: Iterable[Name] | None) -> BayesNet | HasStructure:
    """Return a model or structure in which ``given`` is observed, ``of`` latent and everything else hidden.

    With ``of`` it is the structure alone: a model has no program without its hidden variables.

    Raises `GraphError` and `UnknownVariableError` as `BayesNet.observing` does, and for what is neither given nor asked
    for because neither was said.

    >>> net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
    >>> ask(net, None, ["z"]), ask(net, ["y"], None), ask(net, None, None) is net
    (BayesNet(1 latent, 1 observed, 1 hidden, 2 edges), BayesNet(2 latent, 1 observed, 2 edges), True)
    """
    if given is None and of is None:
        return source
    net = structure_of(source)
    groups = getattr(source, "groups", {}) if of is None else {}
    seen = net.observed if given is None else _require_names(given, {**net.position, **groups}, "given=")
    if of is None:
        return getattr(source, "observing", net.observing)(seen)
    return net.observing(seen, of=_require_names(of, net.position, "of="))


def _require_names(names: Iterable[Name], known: Mapping[Name, Any], what: str) -> list[Name]:
    listed = require_list(names, what)
    require_distinct(listed, f"the names in {what}")
    strangers = list_strangers([listed], known)
    if strangers:
        raise unknown(strangers, known, f"named in {what}")
    if not listed:
        raise GraphError(f"{what}[] is empty", remedy="Name at least one variable, or leave it out.")
    return listed
