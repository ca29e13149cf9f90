"""A posterior for any evidence on disk: its sets of evidence, what it sees, and all numbers of its networks.

A network of tables or of lines is kept along, so that a folder can be asked without its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.encode.trees import Array
from retrodict.errors import FileError
from retrodict.files.checkpoint import save_file
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import cumulate
from retrodict.invert.asked.drawing_order import find_drawing_order
from retrodict.models.discrete.checks import describe_states
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.model import Model
from retrodict.posterior.any_evidence.gated.evidence_sets import EvidencePool
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.any_evidence.gated.slot_plans import InputMoments
from retrodict.posterior.storage import add_prefix, take_prefix

KIND = "posterior for any evidence"
FILE = "evidence.safetensors"


def save_evidence(
    folder: str | Path,
    model: Model,
    network: GatedNetwork,
    weights: GatedWeights,
    moments: InputMoments,
    pool: EvidencePool,
    history: tuple[float, ...],
) -> None:
    """Write a posterior into a folder; raise `FileError` where it cannot be written."""
    kept = keeps_model(model)
    content = {
        "kind": KIND,
        "model": model.digest(),
        "components": network.components,
        "ridge": moments.ridge,
        "network": describe_network(model) if kept else None,
    }
    arrays: dict[str, Array] = add_prefix("weights.", {k: np.asarray(v) for k, v in weights._asdict().items()})
    arrays |= {"mean": network.columns.mean, "spread": network.columns.spread, "known": pool.known}
    arrays |= {"moments.mean": moments.mean, "moments.covariance": moments.covariance}
    arrays["order"] = np.array(find_drawing_order(model.net), np.int64)
    arrays["history"] = np.asarray(history, np.float64)
    if kept:
        arrays |= add_prefix("network.", {name: np.asarray(part) for name, part in model.numbers().items()})
    save_file(folder, FILE, content, arrays)


def keeps_model(model: Model) -> bool:
    """Whether a file holds the model: networks of tables and of lines whose names are texts."""
    return isinstance(model, DiscreteNetwork | LinearGaussian) and all(isinstance(n, str) for n in model.net.names)


def describe_network(model: Model) -> Mapping[str, Any]:
    """Return the structure of a network, in values that JSON can hold; its numbers are arrays."""
    net = model.net
    described: dict[str, Any] = {
        "parents": {name: list(net.parents(name)) for name in net.names},
        "observed": list(net.observed),
    }
    if isinstance(model, DiscreteNetwork):
        described["states"] = {name: list(model.states(name)) for name in net.names}
    return described


def read_network(path: Path, content: Mapping[str, Any], arrays: Mapping[str, Array]) -> Model:
    """Return the network that a file holds; raise `FileError` where it holds none, or another than it says."""
    described = content["network"]
    if described is None:
        raise FileError(
            path, "was saved for a program, which a file does not hold", remedy="Use rd.load(folder, model) in Python."
        )
    numbers = take_prefix("network.", dict(arrays))
    states = described.get("states")
    known = [describe_states(name, listed) for name, listed in (states or {}).items()]
    net = BayesNet(described["parents"], described["observed"], variables=known)
    model: Model
    if states is None:
        model = LinearGaussian(net, numbers["weights"], numbers["bias"], numbers["variance"])
    else:
        sizes = [
            int(np.prod([len(states[parent]) for parent in (*net.parents(name), name)], dtype=np.int64))
            for name in net.names
        ]
        start = cumulate(np.array(sizes, dtype=np.int64))
        if start[-1] != len(numbers["entries"]):
            raise ValueError("the tables of the network cannot be")
        model = DiscreteNetwork(net, numbers["entries"], start)
    if model.digest() != content["model"]:
        raise FileError(path, "holds another network than the one it was saved for")
    return model
