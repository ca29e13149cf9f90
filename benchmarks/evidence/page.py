"""Write docs/benchmarks-evidence.md from the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.evidence.asking import DRAWS
from benchmarks.evidence.conditionals import DRAWS as SCORED
from benchmarks.evidence.run import RESULTS
from benchmarks.stamp import ROOT, stamp

PAGE = ROOT / "docs" / "benchmarks-evidence.md"
MADE_OF = ("benchmarks/evidence", "benchmarks/results/evidence.json")
NETWORKS = ("asia", "child", "alarm", "pigs")
WAYS = ("network", "alone", "without masks", "likelihood weighting", "loopy propagation")
TIMED = ("network", "without masks", "loopy propagation", "exact")
INTRODUCTION = f"""# Any evidence beside exact answers

Written by `make bench-evidence`. One network is trained for each model, `rd.amortize(model, evidence="any")`, and then
asked for all marginals of all other variables, given 0 to 20 variables of a draw of the model; each question is a set
of evidence of its own.

## Networks of tables

Mean total variation of the marginals from exact ones, and what 99 % of them are below; {DRAWS:,} draws a question.
*Network*: draws weighted where weights can be relied on, as `marginals` does. *Alone*: not weighted. *Without masks*:
networks of the same width, steps and draws, where every variable sees all that is known and all that was drawn before,
not weighted: to be compared with *alone*. *Weighting* (likelihood weighting) needs no training, and has the time of a
query of the network, one block of 4,096 draws at least; *propagation* (pyAgrum's loopy belief propagation) has that
time at most. Exact answers are sums of `rd.query`, for pigs those of pyAgrum's junction tree. All but *network*
were asked the first questions only, as many as *compared* says. Seconds are of one of two cores that much other work
shared.

| model | variables | training | questions | network | compared | alone | without masks | weighting | propagation |
|---|--:|---|--:|--:|--:|--:|--:|--:|--:|
"""
TIMES = """
Seconds of training, and of a query (the median):

| model | training | without masks | network | without masks | propagation | exact |
|---|--:|--:|--:|--:|--:|--:|
"""
VERDICT = """
Networks of a few hundred steps stay within 0.01 of exact marginals. They are not what answers these networks best:
likelihood weighting is as near or nearer for as long as evidence is not rare, loopy propagation is nearer on asia and
pigs in less time, though not on alarm, and exact sums of small networks take no longer. Masks pay: in the same steps,
networks that see everything are further off. Pigs was not trained without masks: each of its 441 variables would see
up to 1,760 inputs, and the regressions where training starts would be solved for these, some hours of work that masks
save.
"""
LINES = """
## Linear-Gaussian networks

Nothing has to be learned there: `rd.amortize(model, evidence="any")` is exact. With `exact=False` the same networks
learn, from regressions on simulations. KL from the exact posterior in nats a latent, over 1,000 sets of evidence of up
to 20 variables (`python -m benchmarks.evidence.lines`).

| variables | training | mean | 99 % below |
|--:|---|--:|--:|
"""


CONDITIONALS = f"""
## Tree and HMM: all conditionals from stored simulations

The tasks of Gloeckler et al. 2024 (Simformer): `rd.amortize(net, simulations=table, evidence=sets)` is told the
structure and a table of so many simulations, nothing else; what informs nothing is learned, too. Questions are theirs:
nothing known, all leaves, all places, or each variable with probability 0.3 or 0.7, one fifth each; sets of evidence in
training are drawn so, too. 1,000 simulations teach the conditionals of the structure first, which then simulate.
Accuracy of a classifier between {SCORED:,} draws and as many exact ones (sums over a fine grid), over five folds, the
mean over the questions with its standard error; 0.5 is perfect. *Trees*: 100 random trees, which scored the published
figures; *network*: the classifier of sbibm, two layers, as in our page of sbibm.
`python -m benchmarks.evidence.conditionals` takes their number, and asks those not asked yet.

| task | simulations | training | questions | trees | network | best published |
|---|--:|---|--:|--:|--:|--:|
"""
# The best of all variants in Gloeckler et al. 2024.
PUBLISHED = {
    "tree 1000": 0.590,
    "tree 10000": 0.541,
    "tree 100000": 0.527,
    "HMM 1000": 0.601,
    "HMM 10000": 0.541,
    "HMM 100000": 0.526,
}


def write_page(results: Mapping[str, Any]) -> str:
    """Return the page."""
    own = {name: results[name] for name in NETWORKS if name in results}
    text = INTRODUCTION + "".join(_write_row(name, found) for name, found in own.items()) + TIMES
    text += "".join(_write_times(name, found) for name, found in own.items()) + VERDICT
    lines = results.get("lines", {})
    rows = [
        f"| {n} | {found['steps']:,} steps, {found['seconds']:.0f} s | {found['mean']:.4f} | {found['99 %']:.4f} |\n"
        for n, found in lines.items()
    ]
    asked = {place: found for place in PUBLISHED if (found := results.get("conditionals", {}).get(place))}
    scored = "".join(_write_scores(place, found) for place, found in asked.items())
    return text + (LINES + "".join(rows) if lines else "") + (CONDITIONALS + scored + _judge(asked) if asked else "")


def _judge(asked: Mapping[str, Any]) -> str:
    """Return in how many rows the means are below the best published figures."""
    below = [
        sum(np.mean([row[way] for row in found["asked"]]) < PUBLISHED[place] for place, found in asked.items())
        for way in ("trees", "network")
    ]
    return f"\nBelow the best published in {below[0]} of {len(asked)} rows by trees, in {below[1]} by the network.\n"


def _write_scores(place: str, found: Mapping[str, Any]) -> str:
    name, budget = place.split()
    scores = [_average([row[way] for row in found["asked"]]) for way in ("trees", "network")]
    training = f"{found['steps']:,} steps, {found['seconds']:.0f} s"
    shown = " | ".join((*scores, f"{PUBLISHED[place]:.3f}"))
    return f"| {name} | {int(budget):,} | {training} | {len(found['asked'])} | {shown} |\n"


def _average(scores: list[float]) -> str:
    return f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1) / len(scores) ** 0.5:.3f}"


def _write_row(name: str, own: Mapping[str, Any]) -> str:
    training = f"{own['steps']:,} steps of {own['batch']}, width {own['width']}"
    shown = [_write_errors(own["errors"].get(way)) for way in WAYS]
    return (
        f"| {name} | {own['variables']} | {training} | {own['questions']:,} | {shown[0]} | {own['compared']} | "
        f"{' | '.join(shown[1:])} |\n"
    )


def _write_times(name: str, own: Mapping[str, Any]) -> str:
    training = [f"{own['seconds'][way]:.0f}" if way in own["seconds"] else "" for way in ("network", "without masks")]
    queries = [f"{own['times'][way]:.2g}" if way in own["times"] else "" for way in TIMED]
    return f"| {name} | {' | '.join(training)} | {' | '.join(queries)} |\n"


def _write_errors(errors: list[float] | None) -> str:
    return "" if errors is None else f"{errors[0]:.4f}, {errors[1]:.3f}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(stamp(write_page(json.loads(RESULTS.read_text())), *MADE_OF))


if __name__ == "__main__":
    main()
