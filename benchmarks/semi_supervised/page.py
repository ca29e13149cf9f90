"""Write docs/semi-supervised.md from the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.semi_supervised.run import DRAWS, ENCODER, GENERATOR, HELD_OUT, LABELS, RESULTS, SCORED
from benchmarks.semi_supervised.structures import GIVEN, Parents, find_lacking, make_arms
from benchmarks.stamp import ROOT, stamp

PAGE = ROOT / "docs" / "semi-supervised.md"
MADE_OF = ("benchmarks/semi_supervised", "benchmarks/results/semi_supervised.json")
INTRODUCTION = f"""# A generative model derived from its encoder, on digits with few labels

Written by `make semi-supervised`. Siddharth et al. (2017) state an encoder for images with few labels, the label from
the image and the style from image and label, q(y | x) q(z | x, y), above a generative model in which label and style
are independent. `rd.lint_generator` says what that model lacks, and `rd.generator` derives the one that the encoder
asks for. Here both are learned by `rd.fit_model` under the same encoder, and a complete pair beside them.

Data: the 1,797 digits of scikit-learn as binary images of 8x8, {HELD_OUT} held out, {LABELS} labels seen in training,
ten of each digit, others in each seed. A label that is seen is data of its own: marks that are probable at the true
label. About {GENERATOR:,} parameters of every generative model and {ENCODER:,} of every encoder; reweighted wake-sleep
with {DRAWS} draws, as many epochs as the budget of an hour and a half of a shared core gave, the same for all.

*Log-likelihood*: nats a held-out image, no label seen, importance-weighted with {SCORED} draws. *Label error*: of the
most frequent label among 200 draws of the encoder. Means over seeds with standard errors.

| generative model | edges between latents | parameters | epochs | seconds | seeds | log-likelihood | label error |
|---|--:|--:|--:|--:|--:|--:|--:|
"""
SAME = """
For this encoder the derived model joins all latents: its graph is the complete one, whose own encoder joins the styles,
too.
"""

WHY = """
Why not: seeds differ by more than the models do, and what the edges say, the decoder can mostly say as well. Styles of
the derived model are affine in the label and the styles before, and a decoder with a hidden layer sees all of them.
Under this encoder, in which styles are independent given image and label, edges among styles are hardly inferred
either; the complete pair has them in its encoder, too. These reasons are likely, and were not tested by themselves.
"""


def write_page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page."""
    arms = {name: arm for name, arm in make_arms().items() if name in results}
    text = INTRODUCTION
    for name, arm in arms.items():
        rows = list(results[name].values())
        edges = _count(arm.generator)
        scores = [_average([row[key] for row in rows], digits) for key, digits in (("likelihood", 2), ("error", 3))]
        spent = f"{rows[0]['epochs']} | {np.mean([row['seconds'] for row in rows]):.0f}"
        text += (
            f"| {name} | {edges} | {rows[0]['parameters']:,} | {spent} | {len(rows)} | {scores[0]} | {scores[1]} |\n"
        )
    lacking = find_lacking(GIVEN, arms["naive Bayes"].generator)
    text += f"\nThe naive-Bayes model lacks {len(lacking)} dependencies of latents: `{'`, `'.join(lacking)}`.\n"
    if _count(arms["derived"].generator) == _count(arms["fully connected"].generator):
        text += SAME
    return text + _judge(results)


def _count(parents: Parents) -> int:
    return sum(map(len, parents.values()))


def _judge(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the differences, seed by seed, and whether they are more than chance."""
    text = "\n| above naive Bayes, seed by seed | log-likelihood | label error |\n|---|--:|--:|\n"
    for name in ("derived", "fully connected"):
        shared = sorted(set(results[name]) & set(results["naive Bayes"]))
        gains = [
            [results[name][seed][key] - results["naive Bayes"][seed][key] for seed in shared]
            for key in ("likelihood", "error")
        ]
        text += f"| {name} | {_average(gains[0], 2, sign=True)} | {_average(gains[1], 3, sign=True)} |\n"
        if name == "derived":
            ratio = np.mean(gains[0]) / _deviate(gains[0])
    said = "is" if ratio > 2 else "is not"
    verdict = (
        f"\nThe derived model {said} above naive Bayes by more than two standard errors: {ratio:.1f} of them, over "
        f"{len(shared)} seeds.\n"
    )
    return text + verdict + ("" if ratio > 2 else WHY)


def _average(values: list[float], digits: int, *, sign: bool = False) -> str:
    shown = f"{np.mean(values):{'+' if sign else ''}.{digits}f}"
    return f"{shown} ± {_deviate(values):.{digits}f}"


def _deviate(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")


def main() -> None:
    """Write the page."""
    PAGE.write_text(stamp(write_page(json.loads(RESULTS.read_text())), *MADE_OF))


if __name__ == "__main__":
    main()
