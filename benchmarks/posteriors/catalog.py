"""All programs of the benchmark by name."""

from __future__ import annotations

from pathlib import Path

from benchmarks.posteriors import posteriordb, programs_numpyro, programs_posteriordb
from benchmarks.posteriors.entry import Entry

OF_POSTERIORDB = tuple(programs_posteriordb.PROGRAMS)
OF_NUMPYRO = tuple(programs_numpyro.PROGRAMS)
NAMES = (*OF_POSTERIORDB, *OF_NUMPYRO)


def load(name: str, folder: Path | None = None) -> Entry:
    """Return a program with its data; the folder holds posteriordb's files, which its programs alone need."""
    if name in OF_NUMPYRO:
        return programs_numpyro.PROGRAMS[name]()
    if name in OF_POSTERIORDB:
        return posteriordb.load_entry(name, posteriordb.find_folder(folder))
    raise SystemExit(f"there is no program {name}; there are {', '.join(NAMES)}")
