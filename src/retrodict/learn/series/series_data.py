"""Series from outside as padded arrays, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.errors import DataError
from retrodict.models.series_program import SeriesProgram

Rows = list[NDArray[Any]]


def read_series(program: SeriesProgram, data: Mapping[str, Any]) -> SeriesBatch:
    """Return series as arrays on the device, padded with zeros to the longest.

    Raises `DataError` for what does not fit the program: names, columns, lengths, numbers that are not finite.
    """
    observed = program.template.observed
    if not isinstance(data, Mapping) or set(data) != set(observed):
        given = list(data) if isinstance(data, Mapping) else type(data).__name__
        raise DataError(
            f"data for {given} were given, and the program observes {', '.join(observed)}",
            remedy="Give {variable: [one array (times, columns) for each series]}.",
        )
    rows = {name: _read_rows(name, data[name], program.columns[name]) for name in observed}
    lengths = [len(row) for row in rows[observed[0]]]
    for name, found in rows.items():
        if [len(row) for row in found] != lengths:
            raise DataError(
                f"the series of {name!r} are not as long as those of {observed[0]!r}",
                remedy="Give both for the same series, in the same order.",
            )
    padded = {name: jnp.asarray(_pad(found, max(lengths))) for name, found in rows.items()}
    return SeriesBatch(padded, jnp.asarray(lengths))


def _read_rows(name: str, series: Any, columns: int) -> Rows:
    if isinstance(series, np.ndarray) and series.dtype != object and series.ndim == 2 and columns == 1:
        series = series[..., None]
    if not isinstance(series, Sequence | np.ndarray) or isinstance(series, str) or not len(series):
        raise DataError(f"the data of {name!r} hold no series", remedy="Give a list of arrays (times, columns).")
    return [_read_row(name, i, row, columns) for i, row in enumerate(series)]


def _read_row(name: str, place: int, row: Any, columns: int) -> NDArray[Any]:
    try:
        values = np.asarray(row)
        if values.dtype != np.uint8:
            values = values.astype(np.float32)
    except (TypeError, ValueError):
        raise DataError(f"series {place} of {name!r} is no array of numbers") from None
    if values.ndim == 1 and columns == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] != columns or not len(values):
        raise DataError(
            f"series {place} of {name!r} has the shape {values.shape}, not (times, {columns})",
            remedy="Give one row for each time.",
        )
    if not np.isfinite(values).all():
        raise DataError(f"series {place} of {name!r} has numbers that are not finite", remedy="Leave them out.")
    return values


def _pad(rows: Rows, times: int) -> NDArray[Any]:
    kind = np.uint8 if all(row.dtype == np.uint8 for row in rows) else np.float32
    found = np.zeros((len(rows), times, rows[0].shape[1]), kind)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return found


def split_series(batch: SeriesBatch, held_out: float, seed: int) -> tuple[SeriesBatch, SeriesBatch]:
    """Return series to learn from, and a share of them to judge by, one or more; raise `DataError` for too few."""
    count = len(batch.lengths)
    judged = max(1, round(held_out * count))
    if not 0 < held_out < 1 or judged >= count:
        raise DataError(
            f"of {count} series none is left to learn from, or held_out={held_out} is no share",
            remedy="Give more series, or series to judge by: rd.SeriesTraining(held_out=data).",
        )
    order = np.random.default_rng(seed).permutation(count)
    return take_series(batch, np.sort(order[judged:])), take_series(batch, np.sort(order[:judged]))


def take_series(batch: SeriesBatch, rows: NDArray[np.int64]) -> SeriesBatch:
    """Return some of the series."""
    return SeriesBatch({name: value[rows] for name, value in batch.values.items()}, batch.lengths[rows])


def measure_units(program: SeriesProgram, batch: SeriesBatch) -> dict[str, tuple[Any, Any]]:
    """Return the center of each column of data and the spread of all of them, in which encoders see it."""
    exists = np.asarray(batch.exists)
    found = {}
    for name, value in batch.values.items():
        cases = np.asarray(value)[exists].astype(np.float64)
        spread = float(cases.std()) or 1.0
        found[name] = (jnp.asarray(cases.mean(axis=0), jnp.float32), jnp.asarray(spread, jnp.float32))
    return found
