"""Read and guide the programs of NumPyro's examples.

    python -m benchmarks.examples FOLDER [--elbo] [--only NAME]

``FOLDER`` is the folder ``examples`` of a copy of https://github.com/pyro-ppl/numpyro (Apache-2.0), whose programs are
imported as they are. Results are kept program by program in benchmarks/results/examples.jsonl, so that a run that was
stopped goes on; docs/benchmarks-examples.md is written of them alone, also without a folder.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpyro
from numpyro.infer import SVI, Trace_ELBO, autoguide

import retrodict as rd
from benchmarks.examples.cases import CASES, Case
from benchmarks.examples.page import write_page
from benchmarks.stamp import ROOT
from retrodict.errors import RetrodictError

RESULTS = ROOT / "benchmarks" / "results" / "examples.jsonl"
STEPS, RATE, PARTICLES = 500, 0.01, 200
OTHERS = ("AutoNormal", "AutoMultivariateNormal", "AutoIAFNormal")
Row = dict[str, Any]


def main() -> None:
    """Measure what has no result yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--elbo", action="store_true", help="train guides, too, ours and those of NumPyro")
    parser.add_argument("--only", default="", help="programs whose label this expression finds")
    asked = parser.parse_args()
    if asked.folder is not None:
        for case in CASES:
            if re.search(asked.only, case.label):
                measure(case, asked.folder, train=asked.elbo)
    (ROOT / "docs" / "benchmarks-examples.md").write_text(write_page(read_results()))


def read_results() -> dict[str, Row]:
    """Return what was found of each program."""
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    return {row["program"]: row for row in rows}


def measure(case: Case, folder: Path, *, train: bool) -> None:
    """Add what is missing of a program to the results."""
    known = read_results()
    row = known.get(case.label, {"program": case.label})
    if "status" not in row or (train and row["status"] == "guided" and "elbo" not in row):
        begun = time.monotonic()
        try:
            program, (args, kwargs) = load(case, folder)
        except (ImportError, AttributeError) as error:  # of other packages, or of an older JAX
            row |= {"status": "not imported", "reason": str(error).strip().splitlines()[0].split(" (/")[0]}
        if "status" not in row:
            row |= judge(program, args, kwargs)
        if train and row["status"] == "guided":
            row |= {"elbo": compare(program, args, kwargs)}
        row["seconds"] = round(time.monotonic() - begun, 1)
        lines = [json.dumps(each) for each in {**known, case.label: row}.values()]
        RESULTS.write_text("\n".join(lines) + "\n")
    print(json.dumps(row), flush=True)


def load(case: Case, folder: Path) -> tuple[Callable[..., Any], Any]:
    """Return a program of a file that is not changed, and its arguments."""
    sys.path[:] = [str(folder), *(place for place in sys.path if place != str(folder))]
    found = importlib.util.spec_from_file_location(f"example_{case.file}", folder / f"{case.file}.py")
    if found is None or found.loader is None:
        raise FileNotFoundError(folder / f"{case.file}.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return getattr(module, case.name), case.make(module)


def judge(program: Callable[..., Any], args: Any, kwargs: Any) -> Row:
    """Return whether a program is read and guided: the faithful guide has a finite bound before it is trained."""
    guide = rd.AutoFaithful(program)
    svi = SVI(program, guide, numpyro.optim.Adam(RATE), Trace_ELBO())
    try:
        with quiet():
            begun = svi.init(jax.random.key(0), *args, **kwargs)
            bound = float(jax.jit(lambda state: svi.evaluate(state, *args, **kwargs))(begun))
    except RetrodictError as error:
        return {"status": "refused", "error": type(error).__name__, "reason": str(error)}
    except Exception as error:  # a program that does not run is told apart from one that is refused
        return {"status": "failed", "error": type(error).__name__, "reason": str(error)[:400]}
    return {"status": "guided" if np.isfinite(bound) else "not finite"}


def compare(program: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, float | None]:
    """Return the bound of each guide after equal steps, None where it cannot be trained."""
    found: dict[str, float | None] = {}
    for name in ("AutoFaithful", *OTHERS):
        make = rd.AutoFaithful if name == "AutoFaithful" else getattr(autoguide, name)
        try:
            found[name] = train_guide(make(program), program, args, kwargs, STEPS)
        except Exception:
            found[name] = None
    return found


def train_guide(guide: Any, program: Callable[..., Any], args: Any, kwargs: Any, steps: int) -> float:
    """Return the evidence lower bound, in nats, after so many steps of Adam."""
    with quiet():
        svi = SVI(program, guide, numpyro.optim.Adam(RATE), Trace_ELBO())
        result = svi.run(jax.random.key(0), steps, *args, progress_bar=False, **kwargs)
        loss = Trace_ELBO(num_particles=PARTICLES).loss
        bound = jax.jit(lambda params: loss(jax.random.key(1), params, program, guide, *args, **kwargs))(result.params)
    return -float(bound)


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out warnings, which are about inference and not about what is counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


if __name__ == "__main__":
    main()
