"""Write docs/benchmarks-evidence.md from the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.evidence.run import DRAWS, RESULTS
from benchmarks.stamp import ROOT, stamp

PAGE = ROOT / "docs" / "benchmarks-evidence.md"
MADE_OF = ("benchmarks/evidence", "benchmarks/results/evidence.json")
NETWORKS = ("asia", "child", "alarm", "pigs")
WAYS = ("network", "network alone", "without masks", "likelihood weighting", "loopy propagation")
INTRODUCTION = f"""# Any evidence beside exact answers

Written by `make bench-evidence`. One network is trained for each model, `rd.amortize(model, evidence="any")`, and then
asked for all marginals of all other variables, given 0 to 20 variables of a draw of the model; each question is a set
of evidence of its own.

## Networks of tables

Mean total variation of the marginals from exact ones, and what 99 % of them are below; {DRAWS:,} draws a question.
*Network*: draws weighted where weights can be relied on, as `marginals` does. *Alone*: not weighted. *Without masks*:
the same networks, steps and draws, where every variable sees all that is known and all that was drawn before, not
weighted. *Likelihood weighting* and *loopy propagation* need no training, and have the time of a query of the network,
one round at least. All but *network* were asked the first of these questions, as many as *compared* says. A run that is
stopped keeps what it had asked by then. Seconds are those of two cores that much other work shared.

| model | variables | training | questions | network | compared | alone | without masks | weighting | propagation |
|---|--:|---|--:|--:|--:|--:|--:|--:|--:|
"""
TIMES = """
| model | seconds of a query | of an exact one |
|---|--:|--:|
"""
LINES = """
## Linear-Gaussian networks

Nothing has to be learned there: `rd.amortize(model, evidence="any")` is exact. With `exact=False` the same networks
learn, from regressions on simulations. KL from the exact posterior in nats a latent, over 1,000 sets of evidence of up
to 20 variables.

| variables | training | mean | 99 % below |
|--:|---|--:|--:|
"""


def write_page(results: Mapping[str, Any]) -> str:
    """Return the page."""
    own = {name: results[name] for name in NETWORKS if name in results}
    text = INTRODUCTION + "".join(_write_row(name, found) for name, found in own.items()) + TIMES
    text += "".join(f"| {name} | {found['query']:.2g} | {found['exact query']:.2g} |\n" for name, found in own.items())
    lines = results.get("lines", {})
    rows = [
        f"| {n} | {found['steps']:,} steps, {found['seconds']:.0f} s | {found['mean']:.4f} | {found['99 %']:.4f} |\n"
        for n, found in lines.items()
    ]
    return text + (LINES + "".join(rows) if lines else "")


def _write_row(name: str, own: Mapping[str, Any]) -> str:
    training = f"{own['steps']:,} steps of {own['batch']}, width {own['width']}, {own['seconds']:.0f} s"
    shown = [_write_errors(own["errors"].get(way)) for way in WAYS]
    return (
        f"| {name} | {own['variables']} | {training} | {own['questions']:,} | {shown[0]} | {own['compared']} | "
        f"{' | '.join(shown[1:])} |\n"
    )


def _write_errors(errors: list[float] | None) -> str:
    return "" if errors is None else f"{errors[0]:.4f}, {errors[1]:.3f}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(stamp(write_page(json.loads(RESULTS.read_text())), *MADE_OF))


if __name__ == "__main__":
    main()
