"""Real tables, trained once and compared with long NUTS runs: results/hierarchical_real.json.

python -m benchmarks.hierarchical.real_run [--data FOLDER] [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import retrodict as rd
from benchmarks.hierarchical.real_programs import TABLES, make_table
from benchmarks.hierarchical.real_references import RESULTS as REFERENCES
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole

RESULTS = ROOT / "benchmarks" / "results" / "hierarchical_real.json"
STEPS, DRAWS, SECONDS = 300, 4000, 600
# Fewer steps where one takes long, or none: the encoder is at its regressions then, and what is left is for `answer`.
SHORT = {"chem97": 0, "grouseticks": 60, "ratings": 40}
Trained = tuple[rd.LiftedPosterior, float]


def compare(model: rd.TemplateModel, found: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, float]:
    """Return the largest distance of a mean, in sd, and of a sd, as a share of it, over all parameters."""
    far, wide = [], []
    for name, mean in reference["mean"].items():
        sd = np.asarray(reference["sd"][name])
        far.append(np.max(np.abs(arrange_rows(model, name, found["mean"][name]) - mean) / sd))
        wide.append(np.max(np.abs(arrange_rows(model, name, found["sd"][name]) / sd - 1)))
    return {"mean": float(np.max(far)), "sd": float(np.max(wide))}


def arrange_rows(model: rd.TemplateModel, name: str, values: Any) -> Any:
    """Return an array over the dims of a template in the form that the program has: a row for each nested group."""
    if np.ndim(values) < 2:
        return np.asarray(values)
    places = {int(str(own).split("[")[1][:-1]): place for place, own in np.ndenumerate(model.names[name]) if own}
    return np.array([np.asarray(values)[places[row]] for row in range(len(places))])


def run_table(
    name: str, folder: Path | None, posteriors: dict[str, tuple[rd.LiftedPosterior, float]]
) -> dict[str, Any]:
    """Return the figures of a table; posteriors that were trained are used again for other sizes."""
    table, reference = make_table(name, folder), json.loads(REFERENCES.read_text())[name]
    key = table.program.__name__ + ("" if name.startswith("schools") else name)
    if key not in posteriors:
        model, start = table.template(), time.monotonic()
        trained = rd.amortize(
            model,
            vary=table.vary,
            missing=table.missing,
            steps=SHORT.get(name, STEPS),
            seconds=SECONDS,
            batch=32,
            quiet=True,
        )
        posteriors[key] = trained, time.monotonic() - start
    posterior, seconds = posteriors[key]
    data = table.arrange(posterior.source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rd.errors.NoveltyWarning)
        raw = posterior.sample(data, DRAWS)
        weighed = posterior.importance(data, DRAWS)
        start = time.monotonic()
        answer = posterior.answer(data, DRAWS, seconds=SECONDS)
    shares = {"mean": {k: v.mean(axis=0) for k, v in raw.items()}, "sd": {k: v.std(axis=0) for k, v in raw.items()}}
    return {
        "parameters": sum(int(np.size(v)) for v in reference["mean"].values()),
        "learned": list(posterior.encoder.plans),
        "steps": posterior.history.step[-1] if posterior.history.step else 0,
        "seconds": round(seconds, 1),
        "raw": compare(posterior.source, shares, reference),
        "weighted": compare(posterior.source, {"mean": weighed.mean, "sd": weighed.sd}, reference),
        "ess": float(weighed.ess),
        "khat": float(weighed.khat),
        "answered": {
            "stage": answer.stage,
            "reliable": answer.reliable,
            "asked": round(time.monotonic() - start, 1),
            "ess": float(answer.ess),
            "khat": float(answer.khat),
            **compare(posterior.source, {"mean": answer.mean, "sd": answer.sd}, reference),
        },
    }


def main() -> None:
    """Run what is named, or all that has no result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", type=Path, help="folder of the tables; or set RETRODICT_DATA")
    asked = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    posteriors: dict[str, Trained] = {}
    for name in asked.names or TABLES:
        if name not in results or name in asked.names:
            results[name] = run_table(name, asked.data, posteriors)
            print(name, results[name], flush=True)
            write_whole(RESULTS, (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
