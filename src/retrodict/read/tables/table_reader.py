"""Tables of simulations by variable: mappings, archives, data frames, labeled arrays, columns on disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.errors import DataError, FileError, OptionError
from retrodict.graph.names import Name
from retrodict.packages import require
from retrodict.read.tables.mapped_archive import read_archive

# An element of an array that has a column of its own: theta[3], x[0, 2].
ELEMENT = re.compile(r"(?P<name>.+)\[(?P<index>\d+(?:, ?\d+)*)\]")
FORMS = (
    "a dictionary of arrays, a pandas DataFrame, an xarray Dataset, a pyarrow Table, or the path of an .npz, .parquet "
    "or .zarr"
)


def read_table(source: Any, wanted: Container[Name] = ()) -> Mapping[Name, Any]:
    """Return the arrays of a table by variable, the leading axis the runs; what lies on disk may stay there.

    Arguments:
        source: a dictionary of arrays, a DataFrame of pandas, a Dataset of xarray, a Table of pyarrow, or the path of
            an ``.npz``, ``.parquet`` or ``.zarr``. A column ``x[1]`` belongs to ``x`` unless it is wanted itself.
        wanted: names of variables. Default: none are known.

    Returns: ``{name: array}``, whatever NumPy reads by ``numpy.asarray(array[rows])``.

    Raises: `OptionError` for what is no table, `FileError` for a path that cannot be read, `MissingPackageError` where
        the package of a format is not installed.

    >>> {name: np.shape(array) for name, array in read_table({"z": [1.0, 2.0], "x[0]": [0, 1], "x[1]": [2, 3]}).items()}
    {'z': (2,), 'x': (2, 2)}
    """
    kind = type(source).__module__.partition(".")[0]
    if isinstance(source, str | Path):
        return join_elements(_read_path(Path(source)), wanted)
    if kind in OBJECTS:
        return join_elements(OBJECTS[kind](source), wanted)
    if isinstance(source, Mapping):
        return join_elements(source, wanted)
    raise OptionError(f"simulations of type {type(source).__name__} are no table", remedy=f"Give {FORMS}.")


def join_elements(columns: Mapping[Name, Any], wanted: Container[Name] = ()) -> dict[Name, Any]:
    """Return columns with those of elements, such as ``x[0]`` and ``x[1]``, put together.

    Raises `DataError` where elements are missing between others.
    """
    found: dict[Name, Any] = {}
    elements: dict[str, dict[tuple[int, ...], Any]] = {}
    for name, array in columns.items():
        named = ELEMENT.fullmatch(name) if isinstance(name, str) else None
        if named is None or name in wanted or named["name"] in columns:
            found[name] = array
        else:
            index = tuple(map(int, named["index"].split(",")))
            elements.setdefault(named["name"], {})[index] = array
    return found | {name: _stack(name, parts) for name, parts in elements.items()}


def _stack(name: str, parts: Mapping[tuple[int, ...], Any]) -> Any:
    ends = {len(index) for index in parts}
    shape = tuple(np.max(list(parts), axis=0) + 1) if len(ends) == 1 else ()
    if int(np.prod(shape)) != len(parts):
        raise DataError(
            "the table lacks elements of {names}", [name], remedy=f"Give a column for each element, from {name}[0] on."
        )
    ordered = np.stack([np.asarray(parts[index]) for index in sorted(parts)], axis=1)
    return ordered.reshape(len(ordered), *map(int, shape))


def _read_path(path: Path) -> Mapping[Name, Any]:
    if not path.exists():
        raise FileError(path, "is not there", remedy=f"Give {FORMS}.")
    if path.suffix not in FILES:
        raise FileError(path, "has no ending that is known", remedy=f"Give {FORMS}.")
    return FILES[path.suffix](path)


def _read_frame(frame: Any) -> Mapping[Name, Any]:
    return {name: _as_numbers(frame[name].to_numpy()) for name in frame.columns}


def _as_numbers(values: Any) -> Any:
    """Return a column of lists as one array."""
    return np.stack([np.asarray(value) for value in values]) if values.dtype == object and len(values) else values


def _read_labeled(dataset: Any) -> Mapping[Name, Any]:
    return {name: dataset[name] for name in dataset.data_vars}


def _read_columns(table: Any) -> Mapping[Name, Any]:
    return _read_frame(table.to_pandas())


def _read_parquet(path: Path) -> Mapping[Name, Any]:
    parquet = require("pyarrow.parquet", extra="tables", purpose="to read .parquet")
    try:
        table = parquet.read_table(path, memory_map=True)
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read as parquet ({error})") from error
    return {name: _read_arrow(table[name].combine_chunks()) for name in table.column_names}


def _read_arrow(column: Any) -> Any:
    """Return a column of pyarrow as an array; lists of lists become further axes."""
    if not hasattr(column, "flatten") or not hasattr(column.type, "value_type"):
        return column.to_numpy(zero_copy_only=False)
    inner = _read_arrow(column.flatten())
    return inner.reshape(len(column), -1, *inner.shape[1:])


def _read_zarr(path: Path) -> Mapping[Name, Any]:
    zarr = require("zarr", extra="tables", purpose="to read .zarr")
    try:
        group = zarr.open_group(str(path), mode="r")
        return {name: group[name] for name in group.array_keys()}
    except (OSError, ValueError, KeyError) as error:
        raise FileError(path, f"cannot be read as a group of zarr ({error})") from error


FILES: dict[str, Callable[[Path], Mapping[Any, Any]]] = {
    ".npz": read_archive,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".zarr": _read_zarr,
}
OBJECTS: dict[str, Callable[[Any], Mapping[Name, Any]]] = {
    "pandas": _read_frame,
    "xarray": _read_labeled,
    "pyarrow": _read_columns,
}
