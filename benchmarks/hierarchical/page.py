"""Write docs/benchmarks-hierarchical.md from the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.hierarchical.by_default import RESULTS as DEFAULT_RESULTS
from benchmarks.hierarchical.contest.arena import RESULTS as CONTEST_RESULTS
from benchmarks.hierarchical.contest.section import write_contest
from benchmarks.hierarchical.exact_templates import GAUSSIAN
from benchmarks.hierarchical.real_run import RESULTS as REAL_RESULTS
from benchmarks.hierarchical.run import MISSING, RESULTS
from benchmarks.hierarchical.scale import RESULTS as SCALE_RESULTS
from benchmarks.stamp import ROOT, stamp

PAGE = ROOT / "docs" / "benchmarks-hierarchical.md"
MADE_OF = (
    "benchmarks/hierarchical",
    "benchmarks/results/hierarchical.json",
    "benchmarks/results/hierarchical_contest.json",
    "benchmarks/results/hierarchical_default.json",
    "benchmarks/results/hierarchical_real.json",
    "benchmarks/results/hierarchical_scale.json",
)
INTRODUCTION = f"""# Templates beside exact posteriors

Written by `make bench-hierarchical`. Each template is trained once, for sizes from 1 to those stated, and then asked
inside this range and at sizes beyond it, with {MISSING:.0%} of the observations missing. Networks draw all latents
(`exact=False`). By default these templates have closed forms, at all sizes, and nothing is trained: the last columns.

"""
GAUSSIAN_HEAD = """## Linear-Gaussian templates

KL from the exact posterior, by dense algebra, in nats a latent. The goals are 0.01 inside and 0.03 beyond.

| template | trained up to | seconds | steps | inside | asked beyond | beyond | default: inside | beyond |
|---|---|--:|--:|--:|---|--:|--:|--:|
"""
MARKOV = """
## A hidden Markov model of four states

Mean total variation between the smoothed marginals of 10,000 draws and those of forward-backward; beside it that of
10,000 draws of the exact marginals. The goal is 0.01. Networks miss it; by default states are summed out along time,
which is exact at any length and with any steps missing, and nothing is trained.

| | seconds | steps | t: 100 | exact draws | t: 200 | exact draws |
|---|--:|--:|--:|--:|--:|--:|
"""


def write_page(results: Mapping[str, Mapping[str, float]], default: Mapping[str, Mapping[str, float]]) -> str:
    """Return the page: figures of networks, and those by default."""
    rows = [_write_row(name, results[name], default.get(name)) for name in GAUSSIAN if name in results]
    text = INTRODUCTION + GAUSSIAN_HEAD + "\n".join(rows) + "\n"
    own = results.get("hidden Markov")
    if own is None:
        return text
    both = {"networks, trained up to t: 100": own}
    if "hidden Markov" in default:
        both["default"] = {"steps": 0, **default["hidden Markov"]}
    return text + MARKOV + "".join(_write_markov(label, each) for label, each in both.items())


def _write_markov(label: str, own: Mapping[str, float]) -> str:
    figures = " | ".join(f"{own[key]:.4f}" for key in ("inside", "inside noise", "twice", "twice noise"))
    return f"| {label} | {own['seconds']:.0f} | {own['steps']:.0f} | {figures} |\n"


REAL = """
## Real tables

Each is trained once, on simulations of its program, for a short time, and compared with quadrature over its scales,
all else in closed form (`benchmarks/hierarchical/mixed_quadrature.py`); sleepstudy and grouseticks with long NUTS runs.
Of one training for 2 to 20 schools three, eight, 20 and 50 are asked. Stated are the largest distance of a posterior
mean over all parameters, in standard deviations, and the largest relative distance of a standard deviation. The goals
are 0.1 and 10%. Only what is named as learned has a network; all else is in closed form.

- *Raw* are draws of the encoder as they come, *weighted* those of `importance`.
- *Answered* is what `posterior.answer` gives: `weighted` where the weights of the encoder suffice; `refined`, a
  proposal fitted to this table with all closed forms integrated out, where they do not; `mcmc`, chains.

| table | parameters | learned | steps | seconds | raw: mean | sd | weighted: mean | sd | ess of 4,000 | k-hat |
|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|
"""
ANSWERED = """
| table | answered | seconds | reliable | mean | sd | ess | k-hat |
|---|---|--:|---|--:|--:|--:|--:|
"""
SCALE = """
## Many groups, long series

Read at 200 groups or steps, and asked at many more: seconds of the processor for a draw of all latents, medians of nine
calls after compilation, and the exponents with which they grow, over all sizes and between the last two.

| | 1,000 | 10,000 | 100,000 | exponent | of the last two | memory, GiB |
|---|--:|--:|--:|--:|--:|--:|
"""


def _write_real(name: str, own: Mapping[str, Any]) -> str:
    distances = " | ".join(f"{own[kind]['mean']:.2f} | {own[kind]['sd']:.0%}" for kind in ("raw", "weighted"))
    learned = ", ".join(own["learned"])
    head = f"| {name} | {own['parameters']} | {learned} | {own['steps']:.0f} | {own['seconds']:.0f} | {distances}"
    return f"{head} | {own['ess']:,.0f} | {own['khat']:.2f} |"


def _write_answer(name: str, own: Mapping[str, Any]) -> str:
    figures = f"{own['mean']:.2f} | {own['sd']:.0%} | {own['ess']:,.0f} | {own['khat']:.2f}"
    reliable = "yes" if own["reliable"] else "no"
    return f"| {name} | {own['stage']} | {own['asked']:.0f} | {reliable} | {figures} |"


def _write_scale(name: str, own: Mapping[str, Any]) -> str:
    seconds = " | ".join(f"{value:.3f}" for value in own["seconds"])
    return f"| {name} | {seconds} | {own['exponent']:.2f} | {own['last exponent']:.2f} | {own['memory']:.1f} |"


def write_more(real: Mapping[str, Any], scale: Mapping[str, Any]) -> str:
    """Return what the page says of real tables, and of large sizes."""
    text = REAL + "".join(_write_real(name, own) + "\n" for name, own in real.items()) if real else ""
    answered = {name: own["answered"] for name, own in real.items() if "answered" in own}
    if answered:
        text += ANSWERED + "".join(_write_answer(name, own) + "\n" for name, own in answered.items())
    return text + (SCALE + "".join(_write_scale(name, own) + "\n" for name, own in scale.items()) if scale else "")


def read_results(path: Path) -> Mapping[str, Any]:
    """Return results, none where nothing was run."""
    found: Mapping[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _write_row(name: str, own: Mapping[str, float], default: Mapping[str, float] | None) -> str:
    case = GAUSSIAN[name]
    trained, beyond = (", ".join(f"{dim}: {size}" for dim, size in part.items()) for part in (case.trained, case.twice))
    figures = f"{own['seconds']:.0f} | {own['steps']:.0f} | {own['inside']:.4f} | {beyond} | {own['twice']:.4f}"
    kl = " | ".join(f"{abs(default[key]):.0e}" if default else "not run" for key in ("inside", "twice"))
    return f"| {name} | {trained} | {figures} | {kl} |"


def main() -> None:
    """Write the page."""
    more = write_more(read_results(REAL_RESULTS), read_results(SCALE_RESULTS))
    page = write_page(json.loads(RESULTS.read_text()), read_results(DEFAULT_RESULTS))
    PAGE.write_text(stamp(page + more + write_contest(read_results(CONTEST_RESULTS)), *MADE_OF))


if __name__ == "__main__":
    main()
