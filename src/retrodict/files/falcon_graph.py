"""The graph of a configuration of Falcon as YAML: what each node is simulated from, and inferred from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class FalconNode(NamedTuple):
    """A node by its name: its ``parents`` in the simulator, its ``evidence`` in the inverse, none where it has none."""

    name: object
    parents: Sequence[object]
    evidence: Sequence[object]
    observed: bool


def write_falcon(nodes: Iterable[FalconNode]) -> str:
    """Return the graph as YAML; what only the user has, simulators and estimators, is null.

    >>> print(write_falcon([FalconNode("z", (), ("x",), False)]), end="")
    graph:
      "z":
        evidence: ["x"]
        simulator: null
        estimator: null
    """
    lines = ["graph:"]
    for node in nodes:
        lines.append(f"  {_quote(node.name)}:")
        lines += [f"    parents: {_list(node.parents)}"] if node.parents else []
        lines += [f"    evidence: {_list(node.evidence)}"] if node.evidence else []
        lines += ["    observed: true"] if node.observed else []
        lines += ["    simulator: null", *(["    estimator: null"] if node.evidence else [])]
    return "\n".join(lines) + "\n"


def _list(names: Iterable[object]) -> str:
    return f"[{', '.join(map(_quote, names))}]"


def _quote(name: object) -> str:
    """Return a name as YAML reads it; a text of JSON is one of YAML."""
    return json.dumps(str(name))
