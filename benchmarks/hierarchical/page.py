"""Write docs/benchmarks-hierarchical.md from the results."""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.hierarchical.exact_templates import GAUSSIAN
from benchmarks.hierarchical.run import MISSING, RESULTS
from benchmarks.stamp import ROOT, stamp

PAGE = ROOT / "docs" / "benchmarks-hierarchical.md"
MADE_OF = ("benchmarks/hierarchical", "benchmarks/results/hierarchical.json")
INTRODUCTION = f"""# Templates beside exact posteriors

Written by `make bench-hierarchical`. Each template is trained once, for sizes from 1 to those stated, and then asked
inside this range and at sizes beyond it, with {MISSING:.0%} of the observations missing. Networks draw all latents
(`exact=False`): by default these templates have closed forms and need no training.

"""
GAUSSIAN_HEAD = """## Linear-Gaussian templates

KL from the exact posterior, by dense algebra, in nats a latent. The goals are 0.01 inside and 0.03 beyond.

| template | trained up to | seconds | steps | inside | asked beyond | beyond |
|---|---|--:|--:|--:|---|--:|
"""
MARKOV = """
## A hidden Markov model of four states

Mean total variation between the smoothed marginals of 10,000 draws and those of forward-backward; beside it that of
10,000 draws of the exact marginals. The goal is 0.01.

| trained up to | seconds | steps | t: 100 | exact draws | t: 200 | exact draws |
|---|--:|--:|--:|--:|--:|--:|
"""


def write_page(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return the page."""
    rows = [_write_row(name, results[name]) for name in GAUSSIAN if name in results]
    text = INTRODUCTION + GAUSSIAN_HEAD + "\n".join(rows) + "\n"
    own = results.get("hidden Markov")
    if own is None:
        return text
    shown = [own[key] for key in ("inside", "inside noise", "twice", "twice noise")]
    figures = " | ".join(f"{value:.4f}" for value in shown)
    return f"{text}{MARKOV}| t: 100 | {own['seconds']:.0f} | {own['steps']:.0f} | {figures} |\n"


def _write_row(name: str, own: Mapping[str, float]) -> str:
    case = GAUSSIAN[name]
    trained, beyond = (", ".join(f"{dim}: {size}" for dim, size in part.items()) for part in (case.trained, case.twice))
    figures = f"{own['seconds']:.0f} | {own['steps']:.0f} | {own['inside']:.4f} | {beyond} | {own['twice']:.4f}"
    return f"| {name} | {trained} | {figures} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(stamp(write_page(json.loads(RESULTS.read_text())), *MADE_OF))


if __name__ == "__main__":
    main()
