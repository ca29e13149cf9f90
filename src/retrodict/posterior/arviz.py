"""Draws for ArviZ: an ``InferenceData`` with ArviZ below 1, a ``DataTree`` from 1 on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrodict.errors import DataError
from retrodict.graph.names import Name
from retrodict.packages import require
from retrodict.plan.layout import Floats

Groups = Mapping[str, Mapping[str, Any]]


def export(draws: Mapping[Name, Floats], observed: Mapping[Name, Any], statistics: Mapping[str, Floats]) -> Any:
    """Return draws ``(n, *batch, ...)`` of latents as one chain, with the data and statistics of each draw.

    Axes of a batch of observations are called ``observation``, ``observation_1`` and so on; ``batch`` is that of
    the data. Raises `MissingPackageError` without ArviZ, `DataError` for names whose texts are equal.
    """
    adapter = find_adapter()
    _require_texts([*draws, *observed])
    batch = next(iter(statistics.values())).ndim - 1  # the axes of the observations
    groups: dict[str, dict[str, Any]] = {
        "posterior": {str(name): values[None] for name, values in draws.items()},
        "sample_stats": {name: values[None] for name, values in statistics.items()},
        "observed_data": {str(name): np.asarray(values) for name, values in observed.items()},
    }
    dims = _name_axes(draws, 1, batch) | _name_axes(observed, 0, batch) | _name_axes(statistics, 1, batch)
    return adapter.convert(groups, dims)


@dataclass(frozen=True)
class InferenceDataAdapter:
    """Groups of named arrays as an ``InferenceData``, for ArviZ below 1."""

    arviz: Any

    def convert(self, groups: Groups, dims: Mapping[str, list[str]], coords: Mapping[str, Any] | None = None) -> Any:
        """Return the groups; ``dims`` are axes of variables behind chain and draw, ``coords`` their values."""
        return self.arviz.from_dict(**groups, dims=dims, coords=coords)


@dataclass(frozen=True)
class DataTreeAdapter:
    """Groups of named arrays as a ``DataTree`` of xarray, from ArviZ 1 on."""

    arviz: Any

    def convert(self, groups: Groups, dims: Mapping[str, list[str]], coords: Mapping[str, Any] | None = None) -> Any:
        """Return the groups; ``dims`` are axes of variables behind chain and draw, ``coords`` their values."""
        return self.arviz.from_dict(groups, dims=dims, coords=coords)


def find_adapter() -> InferenceDataAdapter | DataTreeAdapter:
    """Return what suits the ArviZ that is installed; raise `MissingPackageError` where none is."""
    arviz = import_arviz()
    first = int(arviz.__version__.split(".")[0])
    return DataTreeAdapter(arviz) if first >= 1 else InferenceDataAdapter(arviz)


def import_arviz() -> Any:
    """Return ArviZ; raise `MissingPackageError` where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ArviZ 0.23 about ArviZ 1, both of which will do
        return require("arviz", extra="arviz", purpose="for to_arviz")


def _require_texts(names: list[Name]) -> None:
    texts = [str(name) for name in names]
    same = [name for name, text in zip(names, texts, strict=True) if texts.count(text) > 1]
    if same:
        raise DataError(
            "{names} have the same text, by which alone ArviZ tells variables apart", same, remedy="Rename them."
        )


def _name_axes(values: Mapping[Any, Any], before: int, batch: int) -> dict[str, list[str]]:
    """Name the axes after chain and draw: observations first, then those of the variable itself."""
    rows = ["observation", *(f"observation_{i}" for i in range(1, batch))][:batch]
    named = {}
    for name, array in values.items():
        own = np.ndim(array) - before - batch
        named[str(name)] = [*rows[: np.ndim(array) - before], *(f"{name}_dim_{i}" for i in range(own))]
    return named
