"""A structure that somebody wrote by hand, read as an inverse so that it can be judged like one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from retrodict.errors import CycleError, GuideError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name, require_distinct, require_list, unknown
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Rows
from retrodict.graph.written_edges import find_cycle


def read_guide(net: BayesNet, parents: Mapping[Any, Iterable[Name]]) -> Inverse:
    """Return the inverse that a guide states by its parents: one entry for each latent.

    Of the orders in which the guide can be sampled, the one that begins furthest down the model is taken.

    Raises `GuideError` when a latent has no entry or an entry is not for a latent, `UnknownVariableError`
    and `GraphError` for wrong names, `CycleError` for a guide that cannot be sampled.

    >>> net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
    >>> read_guide(net, {"z": ["y"], "y": ["x"]}).sampling_order
    ('y', 'z')
    """
    if not isinstance(parents, Mapping):
        raise GuideError("a guide must be a mapping {latent: [parents]}", remedy="See rd.lint.")
    rows = {name: _read_row(net, name, listed) for name, listed in parents.items()}
    absent = [name for name in net.latents if name not in rows]
    if absent:
        raise GuideError("the guide has no entry for {names}", absent, remedy="Give each its parents, or [].")
    sets = ParentSets.of(net, Rows.from_lists([rows[name] for name in net.latents]))
    sampling = _sort_from_below(net, sets.latents.to_lists())
    return Inverse(net, "guide", sets, np.array(sampling[::-1]), np.zeros(len(sampling), dtype=bool))


def _read_row(net: BayesNet, name: Name, listed: Iterable[Name]) -> list[int]:
    if name in net.position and name not in net.latent_names:
        raise GuideError(
            "{names} is observed, and a guide has parents for latents only", [name], remedy="Remove its entry."
        )
    if name not in net.position:
        raise unknown([name], net.position, "to which the guide gives parents")
    row = require_list(listed, f"the guide's parents of {name!r}")
    require_distinct(row, f"the guide's parents of {name!r}")
    strangers = [parent for parent in row if parent not in net.position]
    if strangers:
        raise unknown(strangers, net.position, f"given as the guide's parents of {name!r}")
    if name in row:
        raise CycleError([name, name], where="the guide")
    return [net.position[parent] for parent in row]


def _sort_from_below(net: BayesNet, parents: list[list[int]]) -> list[int]:
    """Return a sampling order, of all possible next latents always the last in the model."""
    children: list[list[int]] = [[] for _ in parents]
    for latent, row in enumerate(parents):
        for parent in row:
            children[parent].append(latent)
    waiting = [len(row) for row in parents]
    ready = [-latent for latent, count in enumerate(waiting) if count == 0]
    heapify(ready)
    order = []
    while ready:
        latent = -heappop(ready)
        order.append(latent)
        for child in children[latent]:
            waiting[child] -= 1
            if waiting[child] == 0:
                heappush(ready, -child)
    if len(order) < len(parents):
        cycle = find_cycle(parents, waiting)
        raise CycleError([net.latents[latent] for latent in cycle], where="the guide")
    return order
