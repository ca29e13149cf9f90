"""Throughput of amortize, sample and fit_model on whatever device is there: one JSON object a line, within two minutes.

    python -m benchmarks.devices > devices.jsonl

Needs the core dependencies alone. Rows a second are those of a run of many steps less those of a run of few, both
compiled before, so that neither compiling nor what is done once counts; ``first_seconds`` is a first call with both.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

import retrodict as rd
from retrodict import zoo

Row = dict[str, Any]

# Nothing new is begun after so many seconds.
BUDGET = 90.0
# Seconds that a timed run should take, about.
TIMED = 2.5
FEW, MOST = 25, 20_000
DRAWS, DRAWS_OF_CPU = 2_000_000, 131_072
LATENTS, PIXELS, HIDDEN = 20, 784, 400
IMAGES, IMAGES_OF_CPU = 17_408, 1_088


def main() -> None:
    """Print a row for each measurement; what there is no time for is printed as left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds after which nothing is begun")
    parser.add_argument("--only", default="", help="measure what has this in its name")
    asked, started = parser.parse_args(), time.monotonic()
    _print(describe_machine())
    for name, measure in list_measurements():
        if asked.only not in name:
            continue
        if time.monotonic() - started > asked.budget:
            _print({"what": name, "left_out": "no time"})
            continue
        for row in measure():
            _print({"what": name, **row, **read_memory()})


def list_measurements() -> list[tuple[str, Callable[[], Iterator[Row]]]]:
    """Return what is measured, the most telling first."""
    return [
        ("amortize tree:5 batch 256", lambda: time_amortize(5, 256)),
        ("sample tree:5", lambda: time_sample(5)),
        ("fit_model vae batch 128", lambda: time_fit_model(128)),
        ("log_prob tree:5 against the CPU", compare_with_cpu),
        ("amortize tree:5 batch 8192", lambda: time_amortize(5, 8192)),
        ("fit_model vae batch 4096", lambda: time_fit_model(4096)),
        ("amortize tree:8 batch 8192", lambda: time_amortize(8, 8192)),
    ]


def describe_machine() -> Row:
    """Return what the rows were measured on."""
    first = jax.devices()[0]
    return {
        "what": "machine",
        "platform": first.platform,
        "device": first.device_kind,
        "devices": jax.device_count(),
        "processes": jax.process_count(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "retrodict": rd.__version__,
        "matmul_precision": jax.config.jax_default_matmul_precision or "default",  # type: ignore[attr-defined]
    }


def time_amortize(depth: int, batch: int) -> Iterator[Row]:
    """Time training on fresh simulations of a binary tree, without closed forms."""

    def run(steps: int) -> Any:
        return _amortize(depth, steps, batch)

    yield {"batch": batch, **_time_steps(run, batch, "rows")}


def time_sample(depth: int) -> Iterator[Row]:
    """Time draws, and draws with weights, for one observation, from a request to arrays of NumPy."""
    posterior = _amortize(depth, FEW, 256)
    data = dict.fromkeys(posterior.model.net.observed, 0.1)
    n = DRAWS_OF_CPU if jax.default_backend() == "cpu" else DRAWS
    for call, draw in (("sample", posterior.sample), ("importance", posterior.importance)):
        first, *again = (_time(lambda draw=draw, seed=seed: draw(data, n, seed=seed)) for seed in range(3))
        yield {"call": call, "draws": n, "first_seconds": round(first, 2), "draws_per_second": round(n / min(again))}


def time_fit_model(batch: int) -> Iterator[Row]:
    """Time learning a variational autoencoder of noise; an epoch is a pass over its images."""
    n = IMAGES_OF_CPU if jax.default_backend() == "cpu" else IMAGES
    images = np.random.default_rng(0).integers(0, 2, (n, PIXELS)).astype(np.float32)
    program = zoo.programs.vae(latents=LATENTS, pixels=PIXELS, hidden=(HIDDEN,))
    ends: list[float] = []

    def watch(_: Any) -> Mapping[str, float]:
        ends.append(time.monotonic())
        return {}

    learned, judged = {"x": images[: n // 17 * 16]}, {"x": images[n // 17 * 16 :]}
    batch = min(batch, len(learned["x"]))
    training = rd.Training(batch=batch, schedule="constant", held_out=judged, watch=watch)
    begun = time.monotonic()
    rd.fit_model(program, learned, widths=(HIDDEN,), epochs=4, training=training, quiet=True)
    each, seen = float(np.median(np.diff(ends))), len(learned["x"]) // batch * batch
    yield {"batch": batch, "first_seconds": round(ends[0] - begun, 2), "rows_per_second": round(seen / each)}


def compare_with_cpu() -> Iterator[Row]:
    """Compare log densities with those that the CPU computes of the same draws, at two precisions of products."""
    posterior = _amortize(5, FEW, 256)
    data = dict.fromkeys(posterior.model.net.observed, 0.1)
    draws = posterior.sample(data, 4096)
    with jax.default_device(jax.devices("cpu")[0]):
        expected = posterior.log_prob(draws, data)
    for precision in ("default", "highest"):
        with jax.default_matmul_precision(precision):
            found = posterior.log_prob(draws, data)
        yield {"matmul_precision": precision, "largest_difference_nats": float(np.abs(found - expected).max())}


def read_memory() -> Row:
    """Return the most memory of the first device in use so far, where it says so."""
    used = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    return {} if used is None else {"peak_mib": round(used / 2**20)}


def _amortize(depth: int, steps: int, batch: int) -> Any:
    return rd.amortize(
        zoo.binary_tree(depth),
        exact=False,
        steps=steps,
        batch=batch,
        patience=10 * MOST,
        learning_rate=1e-3,
        quiet=True,
    )


def _time_steps(run: Callable[[int], Any], batch: int, unit: str) -> Row:
    """Return the throughput of a run of so many steps, from two runs of different length."""
    first, short = (_time(lambda: run(FEW)) for _ in range(2))
    steps, seconds = FEW, short / 2  # about half of a short run is done once
    while seconds < TIMED / 2 and steps < MOST:
        steps = int(min(MOST, max(2 * FEW, steps * TIMED / seconds))) // FEW * FEW
        seconds = max(_time(lambda steps=steps: run(steps)) - short, short / 2)
    rate = (steps - FEW) * batch / seconds
    return {"steps": steps, "first_seconds": round(first, 2), f"{unit}_per_second": round(rate)}


def _time(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _print(row: Row) -> None:
    if jax.process_index() == 0:
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
