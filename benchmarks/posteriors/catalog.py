"""All programs of the benchmark by name."""

from __future__ import annotations

from pathlib import Path

from benchmarks.posteriors import posteriordb, programs_held_out, programs_numpyro, programs_posteriordb
from benchmarks.posteriors.entry import Entry

OF_POSTERIORDB = tuple(programs_posteriordb.PROGRAMS)
OF_NUMPYRO = tuple(programs_numpyro.PROGRAMS)
NAMES = (*OF_POSTERIORDB, *OF_NUMPYRO)
# Nothing in the library was tuned on these.
HELD_OUT = tuple(programs_held_out.PROGRAMS)


def load(name: str, folder: Path | None = None) -> Entry:
    """Return a program with its data; the folder holds posteriordb's files, which its programs alone need."""
    if name in OF_NUMPYRO:
        return programs_numpyro.PROGRAMS[name]()
    if name in (*OF_POSTERIORDB, *HELD_OUT):
        return posteriordb.load_entry(name, posteriordb.find_folder(folder))
    raise SystemExit(f"there is no program {name}; there are {', '.join((*NAMES, *HELD_OUT))}")
