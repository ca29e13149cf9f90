r"""An encoder as a graph of everything it states: :math:`p(x) \prod_i q(z_i \mid \mathrm{Pa}(z_i))`, with any p(x)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrodict.errors import GraphError, GuideError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name, require_list


@dataclass(frozen=True, eq=False)
class EncoderGraph:
    """A structure of all variables in which nothing is given: ``latents`` and ``observed`` by number.

    >>> graph = EncoderGraph.of({"y": ["x"], "z": ["x", "y"]})
    >>> graph.net.to_names(graph.latents), graph.net.to_names(graph.observed), graph.net.n_edges
    (('y', 'z'), ('x',), 3)
    """

    net: BayesNet
    latents: tuple[int, ...]
    observed: tuple[int, ...]

    @classmethod
    def of(
        cls, encoder: Mapping[Any, Iterable[Name]] | Inverse, data: Mapping[Any, Iterable[Name]] | None = None
    ) -> EncoderGraph:
        """Read an encoder; observed is what is a parent and has none. ``data`` has the edges among the observed."""
        latents = _read_latents(encoder)
        observed = _list_observed(encoder, latents)
        above = _read_data(data, observed) if data is not None else _join(observed)
        net = BayesNet({**latents, **above}, observed=observed)
        nothing = np.zeros(len(net), dtype=bool)
        nothing.setflags(write=False)
        seen = tuple(net.observed_index.tolist())
        return cls(net.replacing(is_observed=nothing), tuple(net.latent_index.tolist()), seen)


def _read_latents(encoder: Mapping[Any, Iterable[Name]] | Inverse) -> dict[Any, list[Name]]:
    stated = encoder.parents if isinstance(encoder, Inverse) else encoder
    if not isinstance(stated, Mapping):
        raise GuideError(
            f"an encoder must be a mapping {{latent: [parents]}} or an Inverse, not a {type(encoder).__name__}",
            remedy="Write {'z': ['x']}, or give rd.invert(net).",
        )
    return {name: require_list(row, f"the encoder's parents of {name!r}") for name, row in stated.items()}


def _list_observed(encoder: object, latents: Mapping[Any, Iterable[Name]]) -> list[Name]:
    if isinstance(encoder, Inverse):
        return list(encoder.net.observed)
    observed = list(dict.fromkeys(parent for row in latents.values() for parent in row if parent not in latents))
    if not observed:
        raise GuideError(
            "no latent of the encoder depends on anything observed",
            remedy="Name data among the parents: a parent without an entry of its own is observed.",
        )
    return observed


def _join(observed: list[Name]) -> dict[Any, list[Name]]:
    """Return all edges among the observed: an encoder states nothing of their distribution."""
    return {name: observed[:place] for place, name in enumerate(observed)}


def _read_data(data: Mapping[Any, Iterable[Name]], observed: list[Name]) -> dict[Any, list[Name]]:
    rows = {name: require_list(row, f"the parents of {name!r} in data=") for name, row in data.items()}
    strangers = [
        name for name in {**rows, **dict.fromkeys(p for r in rows.values() for p in r)} if name not in observed
    ]
    if strangers:
        raise GraphError(
            "data= names {names}, which {are} not among the observed variables of the encoder",
            strangers,
            remedy="Give edges among the observed variables only.",
        )
    return {name: rows.get(name, []) for name in observed}
