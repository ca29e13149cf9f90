"""A posterior for any evidence out of the file that it was saved in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from retrodict.encode.trees import Array
from retrodict.errors import FileError
from retrodict.files.checkpoint import find_file, fitting, read_arrays
from retrodict.graph.rows import Mask
from retrodict.invert.asked.drawing_order import find_drawing_order
from retrodict.models.model import Model
from retrodict.posterior.any_evidence.evidence_posterior import EvidencePosterior
from retrodict.posterior.any_evidence.evidence_storage import FILE, read_network
from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns
from retrodict.posterior.any_evidence.gated.evidence_sets import EvidencePool
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.any_evidence.gated.slot_plans import InputMoments
from retrodict.posterior.storage import require_model, take_prefix

# Numbers are mixtures of at most so many densities.
MOST_COMPONENTS = 64


def read_evidence(path: Path, content: Mapping[str, Any], arrays: dict[str, Array], model: Model) -> EvidencePosterior:
    """Return the posterior of a model that a file describes.

    Raises `FileError` for another model, and whatever reading values raises that are not there.
    """
    require_model(path, content, model)
    columns = EvidenceColumns(model.net, arrays["mean"], arrays["spread"])
    slots, inputs, many = len(columns.cards), len(columns.owner), content["components"]
    _require(arrays["mean"].shape == arrays["spread"].shape == (slots,), "units")
    _require(type(many) is int and 0 < many <= MOST_COMPONENTS, "number of components")
    moments = InputMoments(arrays["moments.mean"], arrays["moments.covariance"], float(content["ridge"]))
    _require(moments.mean.shape == (inputs,) and moments.covariance.shape == (inputs, inputs), "moments")
    network = GatedNetwork(columns, many)
    weights = _read_weights(path, network, arrays)
    pool = EvidencePool.of_sets(model, _read_known(arrays["known"], len(model.net)))
    return EvidencePosterior(model, network, weights, moments, pool, tuple(arrays["history"].tolist()))


def open_folder(folder: str | Path) -> EvidencePosterior | None:
    """Return the posterior of a network in a folder, together with the network itself; None where there is none.

    Raises `FileError` for a file that is damaged, and for one that was saved for a program.
    """
    path = find_file(folder, FILE) if Path(folder).is_dir() else None
    if path is None:
        return None
    content, arrays = read_arrays(path)
    with fitting(path):
        return read_evidence(path, content, arrays, read_network(path, content, arrays))


def _read_weights(path: Path, network: GatedNetwork, arrays: Mapping[str, Array]) -> GatedWeights:
    numbers = take_prefix("weights.", arrays)
    _require(numbers["first"].ndim == 3, "networks")
    expected = network.initialize(int(numbers["first"].shape[2]), 0)
    same = arrays["order"].tolist() == list(find_drawing_order(network.columns.net))
    if not same or {name: part.shape for name, part in numbers.items()} != {
        n: w.shape for n, w in expected._asdict().items()
    }:
        raise FileError(
            path,
            "holds networks that this version of retrodict builds differently",
            remedy="Load it with the release of retrodict that wrote it.",
        )
    return GatedWeights(**{name: jnp.asarray(numbers[name], jnp.float32) for name in GatedWeights._fields})


def _read_known(known: Array, n: int) -> Mask:
    _require(known.ndim == 2 and known.shape[1] == n and known.dtype == bool and len(known) > 0, "sets of evidence")
    return np.asarray(known)


def _require(holds: bool | np.bool_, what: str) -> None:
    if not holds:
        raise ValueError(f"the {what} cannot be")
