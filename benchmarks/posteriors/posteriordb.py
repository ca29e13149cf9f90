"""Files of posteriordb: data and reference draws, zipped JSON in one folder, their sums checked."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.posteriors.entry import Entry, Parameters
from benchmarks.posteriors.programs_posteriordb import PROGRAMS

VARIABLE = "RETRODICT_DATA"
# The beginnings of the SHA-256 of each file at commit 28f8d3d of stan-dev/posteriordb.
SUMS = {
    "arK-arK.draws": "7ddb947e6c1ac538",
    "arK.data": "6f2acbacb0465592",
    "earnings-logearn_height.draws": "189e6eea02f9fa56",
    "earnings.data": "06a67aa61a99d59a",
    "eight_schools-eight_schools_noncentered.draws": "0858641e630c8771",
    "eight_schools.data": "8e37cc01fe05b0e1",
    "garch-garch11.draws": "5a56df72455394fe",
    "garch.data": "056100504a96a72e",
    "hmm_example-hmm_example.draws": "cd67e28247da2523",
    "hmm_example.data": "8c346cc7627db1b5",
    "kilpisjarvi_mod-kilpisjarvi.draws": "a5bc7f19720bfaa0",
    "kilpisjarvi_mod.data": "232e8c55bbe5c07b",
    "low_dim_gauss_mix-low_dim_gauss_mix.draws": "422de750b20aef29",
    "low_dim_gauss_mix.data": "9b5ea284321417a7",
    "nes1972-nes.draws": "59deb232b5087010",
    "nes1972.data": "8ccd9cb76d3259b3",
    "sblrc-blr.draws": "44f876cf35a038fc",
    "sblrc.data": "81990278b8762ac7",
}


def find_folder(folder: Path | None = None) -> Path:
    """Return the folder of the files: the one given, or the one that the environment names."""
    if folder is None and VARIABLE not in os.environ:
        raise SystemExit(f"say where the files of posteriordb lie: --data FOLDER, or the variable {VARIABLE}")
    root = folder or Path(os.environ[VARIABLE])
    return root / "posteriordb" if (root / "posteriordb").is_dir() else root


def load_entry(name: str, folder: Path) -> Entry:
    """Return the program of a posterior with its data."""
    return PROGRAMS[name](_read(folder, f"{name.split('-')[0]}.data"))


def load_draws(name: str, folder: Path) -> Parameters:
    """Return the reference draws of a posterior, all chains in one."""
    chains = _read(folder, f"{name}.draws")
    return {parameter: np.concatenate([chain[parameter] for chain in chains]) for parameter in chains[0]}


def _read(folder: Path, stem: str) -> Any:
    path = folder / f"{stem}.json.zip"
    if not path.exists():
        raise SystemExit(f"{path} is not there; it comes from https://github.com/stan-dev/posteriordb")
    held = path.read_bytes()
    if not hashlib.sha256(held).hexdigest().startswith(SUMS[stem]):
        raise SystemExit(f"{path} is not the file of posteriordb that the benchmark was written for")
    with zipfile.ZipFile(io.BytesIO(held)) as archive:
        return json.loads(archive.read(archive.namelist()[0]))
