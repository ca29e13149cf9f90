"""Learn digits with 100 labels under several generators: results/semi_supervised.json.

Run with ``python -m benchmarks.semi_supervised.run [--seeds 5] [--epochs 200] [--decoder linear]``; what has a result
is left as it is.
"""

from __future__ import annotations

import argparse
import json
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import retrodict as rd
from benchmarks.semi_supervised.program import CLASSES, DECODERS, SEEN, WRONG, count_parameters, make_program
from benchmarks.semi_supervised.structures import Arm, make_arms
from benchmarks.stamp import ROOT
from retrodict.certificate.handwritten import read_guide
from retrodict.files.whole import write_whole
from retrodict.graph.inverse import Inverse
from retrodict.read.numpyro.numpyro_model import NumpyroModel

RESULTS = ROOT / "benchmarks" / "results" / "semi_supervised.json"
HELD_OUT, LABELS = 400, 100
GENERATOR, ENCODER = 4_000, 10_000
EPOCHS, DRAWS, RATE, BATCH = 200, 10, 3e-3, 128
SCORED = 500
Pixels = NDArray[np.int64]


def load_digits() -> tuple[Pixels, Pixels]:
    """Return the digits of scikit-learn as binary images, and their labels, in one random order."""
    from sklearn.datasets import load_digits as load

    found = load()
    order = np.random.default_rng(0).permutation(len(found.target))
    return (found.data[order] >= 8).astype(int), found.target[order]


def mark_labels(labels: Pixels, seed: int) -> Pixels:
    """Return marks of the labels of a few images, ten of each digit, and zeros for all others."""
    rng, marks = np.random.default_rng([seed, 47]), np.zeros((len(labels), CLASSES), int)
    for digit in range(CLASSES):
        marks[rng.permutation(np.flatnonzero(labels == digit))[: LABELS // CLASSES], digit] = 1
    return marks


def state_encoder(model: NumpyroModel, arm: Arm) -> Inverse:
    """Return the given encoder on the elements of the program; marks inform of the label."""
    stands_for = {"x": model.groups["x"].variables}
    told = {
        name: tuple(p for above in listed for p in stands_for.get(above, (above,)))
        for name, listed in arm.encoder.items()
    }
    return read_guide(model.net, told | {"y": told["y"] + model.groups["seen"].variables})


def run_arm(arm: Arm, seed: int, epochs: int, decoder: str) -> dict[str, Any]:
    """Return held-out likelihood and label error of one arm."""
    images, labels = load_digits()
    train, test = slice(HELD_OUT, None), slice(0, HELD_OUT)
    program = make_program(arm.generator, GENERATOR, seed, decoder)
    model = rd.from_numpyro(program, observed=["x", "seen"], elementwise=True)
    unseen = np.zeros((HELD_OUT, CLASSES), int)
    started = perf_counter()
    learned = rd.fit_model(
        model,
        {"x": images[train], "seen": mark_labels(labels[train], seed)},
        state_encoder(model, arm),
        widths=rd.Capacity(ENCODER),
        conditional="normal",
        objective="rws",
        epochs=epochs,
        training=rd.Training(
            batch=BATCH, draws=DRAWS, learning_rate=RATE, held_out={"x": images[test], "seen": unseen}
        ),
        seed=seed,
        quiet=True,
    )
    seconds = perf_counter() - started
    held = {"x": images[test], "seen": unseen}
    unmarked = np.log1p(-SEEN) + (CLASSES - 1) * np.log1p(-WRONG)
    drawn = np.asarray(learned.infer(held, 200, seed=seed)["y"]).astype(int).reshape(200, HELD_OUT)
    votes = (drawn[..., None] == np.arange(CLASSES)).sum(axis=0).argmax(axis=1)
    return {
        "likelihood": float(learned.log_likelihood(held, SCORED, seed=seed).mean() - unmarked),
        "error": float((votes != labels[test]).mean()),
        "parameters": count_parameters(program),
        "seconds": seconds,
        "epochs": epochs,
    }


def main() -> None:
    """Run the seeds that have no result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--decoder", choices=DECODERS, default=DECODERS[0])
    parser.add_argument("--arms", nargs="*", choices=list(make_arms()), default=list(make_arms()))
    options = parser.parse_args()
    for seed in range(options.seeds):
        for name in options.arms:
            results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            section = results.setdefault(options.decoder, {})
            if str(seed) not in section.get(name, {}):
                found = run_arm(make_arms()[name], seed, options.epochs, options.decoder)
                print(options.decoder, name, seed, found, flush=True)
                section.setdefault(name, {})[str(seed)] = found
                write_whole(RESULTS, (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
