"""Tables of simulations are read from whatever people keep them in, to the same numbers."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from retrodict.errors import DataError, FileError, MissingPackageError, OptionError
from retrodict.read.tables.mapped_archive import read_archive
from retrodict.read.tables.table_reader import read_table

RNG = np.random.default_rng(0)
Z, X = RNG.normal(size=7), RNG.normal(size=(7, 2, 3))


def check(table):
    assert set(table) == {"z", "x"}
    np.testing.assert_array_equal(np.asarray(table["z"][np.arange(7)]), Z)
    np.testing.assert_array_equal(np.asarray(table["x"][np.arange(7)]), X)


def test_archives_stay_on_disk_unless_they_are_compressed(tmp_path):
    for save, kind in ((np.savez, np.memmap), (np.savez_compressed, np.ndarray)):
        save(tmp_path / "runs.npz", z=Z, x=X)
        table = read_table(tmp_path / "runs.npz")
        check(table)
        assert type(table["x"]) is kind


def test_arrays_by_column_and_of_no_rows_are_mapped_right(tmp_path):
    np.savez(tmp_path / "runs.npz", f=np.asfortranarray(X[:, 0]), none=np.zeros((0, 4)))
    found = read_archive(tmp_path / "runs.npz")
    np.testing.assert_array_equal(found["f"], X[:, 0])
    assert found["none"].shape == (0, 4)


def test_frames_and_labeled_arrays():
    elements = {f"x[{i},{j}]": X[:, i, j] for i in range(2) for j in range(3)}
    check(read_table(pd.DataFrame({"z": Z, **elements})))
    frame = pd.DataFrame({"z": Z, "x": list(X)})
    check(read_table(frame))
    check(read_table(xr.Dataset({"z": ("run", Z), "x": (("run", "a", "b"), X)})))


def test_an_element_that_is_wanted_is_a_variable_of_its_own():
    assert set(read_table({"x[0]": Z, "x[1]": Z}, wanted=["x[0]", "x[1]"])) == {"x[0]", "x[1]"}


def test_columns_that_are_lists_of_arrow(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"z": Z, "x": X.tolist()})
    check(read_table(table))
    parquet.write_table(table, tmp_path / "runs.parquet")
    check(read_table(tmp_path / "runs.parquet"))


def test_groups_of_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "runs.zarr"), mode="w")
    for name, array in (("z", Z), ("x", X)):
        group.create_array(name, data=array)
    table = read_table(tmp_path / "runs.zarr")
    np.testing.assert_array_equal(np.asarray(table["x"][0:7]), X)


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(OptionError, match="of type list are no table"):
        read_table([1, 2])
    with pytest.raises(FileError, match="is not there"):
        read_table(tmp_path / "runs.npz")
    (tmp_path / "runs.txt").write_text("1")
    with pytest.raises(FileError, match="no ending that is known"):
        read_table(str(tmp_path / "runs.txt"))
    (tmp_path / "runs.npz").write_bytes(b"no archive")
    with pytest.raises(FileError, match="is no archive of NumPy arrays"):
        read_table(tmp_path / "runs.npz")
    with pytest.raises(DataError, match="lacks elements of 'x'"):
        read_table({"x[0]": Z, "x[2]": Z})


def test_objects_in_an_archive_are_refused(tmp_path):
    np.savez(tmp_path / "runs.npz", z=np.array([{}, []], dtype=object))
    with pytest.raises(FileError, match="holds objects"):
        read_table(tmp_path / "runs.npz")


def test_an_archive_that_was_cut_off_is_refused(tmp_path):
    np.savez(tmp_path / "runs.npz", z=Z)
    whole = (tmp_path / "runs.npz").read_bytes()
    (tmp_path / "runs.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match="no archive"):
        read_table(tmp_path / "runs.npz")
    with zipfile.ZipFile(tmp_path / "runs.npz", "w") as archive:
        archive.writestr("z.npy", b"\x93NUMPY no header")
    with pytest.raises(FileError, match="no archive"):
        read_table(tmp_path / "runs.npz")


def test_a_format_whose_package_is_missing_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    (tmp_path / "runs.parquet").write_bytes(b"")
    with pytest.raises(MissingPackageError, match=r"retrodict\[tables\]"):
        read_table(tmp_path / "runs.parquet")
