"""What two processes on one machine pay, and two workers of a simulator: ``python -m benchmarks.processes``.

Training is ``retrodict train`` on a program with bent measurements, with minibatches of 8,192 simulations; two lengths
of it tell a step from what comes before. The simulator sleeps a tenth of a second a call. What was measured is kept in
benchmarks/results/processes.json, and the table of docs/devices.md is made of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd
from benchmarks.stamp import ROOT, find_commit

RESULTS, PAGE = ROOT / "benchmarks" / "results" / "processes.json", ROOT / "docs" / "devices.md"
BEGIN, END = "<!-- processes: begin, written by benchmarks/processes.py -->\n", "<!-- processes: end -->\n"
BATCH, SHORT, LONG, REPEATS = 8192, 50, 250, 3
# Entrants by name: processes, and cores of each of them, None for all.
ENTRANTS = {
    "one process, one core": (1, 1),
    "one process, all cores": (1, None),
    "two processes": (2, None),
}
CALL_SECONDS, CALLS = 0.1, 256


def bend() -> None:
    """Measure sixteen latents and their squares, so that no regression is the answer."""
    level = numpyro.sample("level", dist.Normal(0, 1))
    with numpyro.plate("n", 16):
        z = numpyro.sample("z", dist.Normal(level, 1))
        numpyro.sample("x", dist.Normal(z + 0.5 * z**2, 0.5), obs=np.zeros(16))


def train(folder: Path, processes: int, cores: int | None, steps: int) -> float:
    """Train in so many processes, and return the seconds that it took."""
    options = {"--batch": BATCH, "--steps": steps, "--patience": steps, "--processes": processes, "--simulations": 0}
    words = [str(word) for pair in options.items() for word in pair]
    command = [
        str(Path(sys.executable).with_name("retrodict")),
        "train",
        "benchmarks.processes:bend",
        "-o",
        str(folder),
        *words,
    ]
    own = sorted(os.sched_getaffinity(0))
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as started:
        if cores is not None:
            os.sched_setaffinity(started.pid, own[:cores])
        said = started.communicate()[1]
    if started.returncode != 0:
        raise RuntimeError(said)
    return time.perf_counter() - begun


def read_weights(folder: Path) -> np.ndarray[Any, Any]:
    """Return all numbers of single precision that a posterior was saved with, from the file as its format says."""
    raw = (folder / "posterior.safetensors").read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    stated = json.loads(raw[8:start])
    places = [entry["data_offsets"] for entry in stated.values() if entry.get("dtype") == "F32"]
    parts = [np.frombuffer(raw[start + low : start + high], np.float32) for low, high in places]
    return np.concatenate(parts).astype(np.float64)


def measure_training(place: Path) -> dict[str, Any]:
    """Return rows a second of each entrant, the median, and how far the weights of two processes are off."""
    seconds: dict[str, list[float]] = {name: [] for name in ENTRANTS}
    for repeat in range(REPEATS):
        for name, (processes, cores) in ENTRANTS.items():
            short, long = (
                train(place / f"{name}-{steps}-{repeat}", processes, cores, steps) for steps in (SHORT, LONG)
            )
            seconds[name].append((long - short) / (LONG - SHORT))
    one, two = (read_weights(place / f"{name}-{SHORT}-0") for name in ("one process, all cores", "two processes"))
    return {
        "rows_per_second": {name: round(BATCH / median(found)) for name, found in seconds.items()},
        "seconds_per_step": {name: [round(each, 4) for each in found] for name, found in seconds.items()},
        "largest_difference": float(np.abs(one - two).max()),
        "largest_weight": float(np.abs(one).max()),
    }


def wait_and_draw(rng: np.random.Generator) -> dict[str, float]:
    """Simulate a latent and a measurement of it in a tenth of a second."""
    time.sleep(CALL_SECONDS)
    z = rng.normal()
    return {"z": z, "x": z + rng.normal()}


def measure_workers() -> dict[str, float]:
    """Return the seconds that runs take with one worker and with two, the start of workers included."""
    found = {}
    for workers in (1, 2):
        model = rd.from_simulator({"z": [], "x": ["z"]}, wait_and_draw, observed=["x"], workers=workers)
        begun = time.perf_counter()
        model.simulate(CALLS)
        found[str(workers)] = round(time.perf_counter() - begun, 2)
    return found


def write_table(row: dict[str, Any]) -> str:
    """Return what was measured, as lines of the page."""
    rates, workers = row["rows_per_second"], row["workers"]
    first = rates["one process, one core"]
    off, runs = row["largest_difference"], len(next(iter(row["seconds_per_step"].values())))
    same = "are those of one to the last bit" if off == 0 else f"differ from those of one by at most {off:.0e}"
    lines = "".join(f"| {name} | {rate:,} | {rate / first:.2f} |\n" for name, rate in rates.items())
    return (
        f"On {row['cores']} cores, by `python -m benchmarks.processes` at `{row['commit']}`, a minibatch of {BATCH:,} "
        f"simulations of a program of 17 latents, the median of {runs}:\n\n"
        f"| training | simulations a second | over one core |\n|---|---|---|\n{lines}\n"
        f"After {SHORT} steps the weights of two processes {same}. "
        f"{CALLS} runs of a simulator of {CALL_SECONDS} s take {workers['1']:.1f} s with one worker and "
        f"{workers['2']:.1f} s with two, {workers['1'] / workers['2']:.2f} times less.\n"
    )


def put(page: str, table: str) -> str:
    """Return the page with the table in its place."""
    whole = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return whole.sub(lambda _: BEGIN + "\n" + table + "\n" + END, page)


def main() -> None:
    """Measure, unless there is a result and it is only to be written down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the page of what was measured")
    if not parser.parse_args().page:
        with tempfile.TemporaryDirectory() as place:
            row = measure_training(Path(place)) | {"workers": measure_workers()}
        row |= {"cores": len(os.sched_getaffinity(0)), "commit": find_commit("src/retrodict")}
        RESULTS.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    row = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), write_table(row)), encoding="utf-8")


if __name__ == "__main__":
    main()
