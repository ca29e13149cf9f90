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
from benchmarks.posteriors.programs_held_out import PROGRAMS as HELD_OUT
from benchmarks.posteriors.programs_posteriordb import PROGRAMS

VARIABLE = "RETRODICT_DATA"
# The beginnings of the SHA-256 of each file at commit 28f8d3d of stan-dev/posteriordb.
SUMS = {
    "GLMM_Poisson_data.data": "d44a8283544156f5",
    "arK-arK.draws": "7ddb947e6c1ac538",
    "arK.data": "6f2acbacb0465592",
    "arma-arma11.draws": "6de4bfe5263e09b0",
    "arma.data": "354e7d7bb05ee08a",
    "bball_drive_event_0-hmm_drive_0.draws": "6f35a3d930c3f031",
    "bball_drive_event_0.data": "6bee0a0bb0961978",
    "diamonds-diamonds.draws": "2745f4857ceb358f",
    "diamonds.data": "127d44a642f954b7",
    "dugongs_data.data": "44b80942203caca9",
    "earnings-earn_height.draws": "d70aad60517d5309",
    "earnings-logearn_height.draws": "189e6eea02f9fa56",
    "earnings.data": "06a67aa61a99d59a",
    "eight_schools-eight_schools_noncentered.draws": "0858641e630c8771",
    "eight_schools.data": "8e37cc01fe05b0e1",
    "garch-garch11.draws": "5a56df72455394fe",
    "garch.data": "056100504a96a72e",
    "gp_pois_regr-gp_pois_regr.draws": "0e8b39f525d6723a",
    "gp_pois_regr-gp_regr.draws": "df89f5011d9518b0",
    "gp_pois_regr.data": "9aaaa9d5694b74e2",
    "hmm_example-hmm_example.draws": "cd67e28247da2523",
    "hmm_example.data": "8c346cc7627db1b5",
    "kidiq-kidscore_interaction.draws": "acac3c394dfeb65c",
    "kidiq.data": "16d341a99ec81782",
    "kidiq_with_mom_work-kidscore_mom_work.draws": "78cafeca0b54277c",
    "kidiq_with_mom_work.data": "0c82d40ace4c75bb",
    "kilpisjarvi_mod-kilpisjarvi.draws": "a5bc7f19720bfaa0",
    "kilpisjarvi_mod.data": "232e8c55bbe5c07b",
    "low_dim_gauss_mix-low_dim_gauss_mix.draws": "422de750b20aef29",
    "low_dim_gauss_mix.data": "9b5ea284321417a7",
    "mesquite-logmesquite_logvash.draws": "4d5e52bf207802c1",
    "mesquite-mesquite.draws": "48f9a22ba3e5ae08",
    "mesquite.data": "ec9db3a2e3908924",
    "nes1972-nes.draws": "59deb232b5087010",
    "nes1972.data": "8ccd9cb76d3259b3",
    "nes1996-nes.draws": "2642eef26e348dfc",
    "nes1996.data": "1ce70d32edefe5e6",
    "one_comp_mm_elim_abs-one_comp_mm_elim_abs.draws": "04e5c64679f5c304",
    "one_comp_mm_elim_abs.data": "67f9ae02f88a9fb7",
    "pilots.data": "b596d205c5393b61",
    "rats_data.data": "10ceca35c2f65e56",
    "sblrc-blr.draws": "44f876cf35a038fc",
    "sblrc.data": "81990278b8762ac7",
    "sblri-blr.draws": "4e1f20dc9ccc45e1",
    "sblri.data": "e975f6641b5e08d6",
    "seeds_data.data": "06769b823f428e27",
    "surgical_data.data": "cc197d58349660d8",
    "wells_data.data": "0ecd7efe3e64c63d",
}


def find_folder(folder: Path | None = None) -> Path:
    """Return the folder of the files: the one given, or the one that the environment names."""
    if folder is None and VARIABLE not in os.environ:
        raise SystemExit(f"say where the files of posteriordb lie: --data FOLDER, or the variable {VARIABLE}")
    root = folder or Path(os.environ[VARIABLE])
    return root / "posteriordb" if (root / "posteriordb").is_dir() else root


def load_entry(name: str, folder: Path) -> Entry:
    """Return the program of a posterior with its data."""
    return {**PROGRAMS, **HELD_OUT}[name](_read(folder, f"{name.split('-')[0]}.data"))


def has_draws(name: str) -> bool:
    """Return whether posteriordb has reference draws of a posterior."""
    return f"{name}.draws" in SUMS


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
