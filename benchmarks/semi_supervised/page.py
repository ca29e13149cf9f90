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
Section = Mapping[str, Mapping[str, Any]]
# What is compared seed by seed; the first pair is judged.
PAIRS = (
    ("derived", "naive Bayes"),
    ("fully connected", "naive Bayes, complete encoder"),
    ("naive Bayes, complete encoder", "naive Bayes"),
    ("fully connected", "naive Bayes"),
)
MADE_OF = ("benchmarks/semi_supervised", "benchmarks/results/semi_supervised.json")
INTRODUCTION = f"""# A generative model derived from its encoder, on digits with few labels

Written by `make semi-supervised`. Siddharth et al. (2017) state an encoder for images with few labels, the label from
the image and the style from image and label, q(y | x) q(z | x, y), above a generative model in which label and style
are independent. `rd.lint_generator` says what that model lacks, and `rd.generator` derives the one that the encoder
asks for. Here both are learned by `rd.fit_model` under the same encoder, and under a complete one.

Data: the 1,797 digits of scikit-learn as binary images of 8x8, {HELD_OUT} held out, {LABELS} labels seen in training,
ten of each digit, others in each seed. A label that is seen is data of its own: marks that are probable at the true
label. About {ENCODER:,} parameters of every encoder; reweighted wake-sleep with {DRAWS} draws, as many epochs as the
budget of an hour and a half of a shared core gave, the same for all.

*Log-likelihood*: nats a held-out image, no label seen, importance-weighted with {SCORED} draws. *Label error*: of the
most frequent label among 200 draws of the encoder. Means over seeds with standard errors.
"""
SECTIONS = {
    "hidden layer": f"""
## A decoder with a hidden layer

Label and styles pass through one hidden layer, as wide as {GENERATOR:,} parameters of the generative model allow.
""",
    "linear": """
## A linear decoder

The logits of the pixels are affine in label and styles. Without a hidden layer nothing can be made equal: the edges
are parameters that the derived model has besides.
""",
}
REASONS = """
## What edges among latents add

Edges that move the mean of a style add nothing. Both decoders begin with a map that is affine in label and styles, and
naive Bayes with other weights in that map draws the same images (a test does so). What edges add is how far a style
spreads, by the label and by the styles before it.

A linear decoder cannot say this in any other way: there the derived model is above naive Bayes in every seed. A
hidden layer of equally many parameters can: there the models differ by less than seeds do. Label errors are not lower
for it under either decoder; with a linear one they are high for all, as four styles and a label without a bend describe
strokes rather than digits.

Not tested is how much of what edges say is lost because the given encoder draws the styles apart from each other: for
that, `python -m benchmarks.semi_supervised.run` also learns naive Bayes under the encoder of *fully connected*.
"""
HEAD = """
| generative model | edges between latents | parameters | epochs | seconds | seeds | log-likelihood | label error |
|---|--:|--:|--:|--:|--:|--:|--:|
"""
SAME = """
For this encoder the derived model joins all latents: its graph is the complete one, whose own encoder joins the styles,
too. *Fully connected* is that pair: the derived model under the complete encoder.
"""


def write_page(results: Mapping[str, Section]) -> str:
    """Return the page."""
    arms = make_arms()
    lacking = [f"`{edge}`" for edge in find_lacking(GIVEN, arms["naive Bayes"].generator)]
    text = (
        f"{INTRODUCTION}\nThe naive-Bayes model lacks {len(lacking)} dependencies of latents: {', '.join(lacking)}.\n"
    )
    if _count(arms["derived"].generator) == _count(arms["fully connected"].generator):
        text += SAME
    for decoder, words in SECTIONS.items():
        if decoder in results:
            text += words + _list_arms(results[decoder]) + _judge(results[decoder])
    return text + REASONS


def _list_arms(section: Section) -> str:
    text = HEAD
    for name, arm in make_arms().items():
        if name in section:
            rows = list(section[name].values())
            scores = [_average([row[key] for row in rows], digits) for key, digits in (("likelihood", 2), ("error", 3))]
            spent = f"{rows[0]['epochs']} | {np.mean([row['seconds'] for row in rows]):.0f}"
            text += (
                f"| {name} | {_count(arm.generator)} | {rows[0]['parameters']:,} | {spent} | {len(rows)} | "
                f"{scores[0]} | {scores[1]} |\n"
            )
    return text


def _count(parents: Parents) -> int:
    return sum(map(len, parents.values()))


def _judge(section: Section) -> str:
    """Return the differences, seed by seed, and whether the derived model is better by more than chance."""
    text = "\n| differences, seed by seed | seeds | log-likelihood | label error |\n|---|--:|--:|--:|\n"
    for name, other in PAIRS:
        likelihood, error = (_find_gains(section, name, other, key) for key in ("likelihood", "error"))
        if len(likelihood) > 1:
            shown = f"{_average(likelihood, 2, sign=True)} | {_average(error, 3, sign=True)}"
            text += f"| {name} above {other} | {len(likelihood)} | {shown} |\n"
    gains = _find_gains(section, *PAIRS[0], "likelihood")
    ratio = np.mean(gains) / _deviate(gains)
    said = "is" if ratio > 2 else "is not"
    return text + (
        f"\nThe derived model {said} above naive Bayes by more than two standard errors: {ratio:.1f} of them, over "
        f"{len(gains)} seeds.\n"
    )


def _find_gains(section: Section, name: str, other: str, key: str) -> list[float]:
    """Return by how much one arm is above another in every seed that both have."""
    shared = sorted(set(section.get(name, {})) & set(section.get(other, {})))
    return [section[name][seed][key] - section[other][seed][key] for seed in shared]


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
