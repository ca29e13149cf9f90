"""The page of NumPyro's examples, of results alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.examples.cases import CASES
from benchmarks.stamp import stamp

OTHERS = ("AutoNormal", "AutoMultivariateNormal", "AutoIAFNormal")
# Bounds of 200 draws differ by chance by about this, in nats.
NOISE = 0.5
MADE_OF = ("benchmarks/examples", "benchmarks/results/examples.jsonl")

TEXT = """# NumPyro's examples

Every program of the folder `examples` of NumPyro that has a density and something to infer, imported as it is, on small
data made up by `benchmarks/examples/cases.py`: does `rd.AutoFaithful` read it, and is the bound of SVI with it finite?
`python -m benchmarks.examples FOLDER` repeats it.

**{guided} of {all_of_them} programs that can be imported are read and guided, {left} not**{unseen}.
{elbo}
| program | |
|---|---|
{rows}
"""

ELBO = """
Where guides were trained for 500 steps of Adam at rate 0.01 each, the bound (nats, mean of 200 draws) of the faithful
guide is at or above the best of the others, within {noise} nats, on **{above} of {compared}** programs that one of
these can be trained on. {alone} others, with discrete latents, it trains alone.

| program | AutoFaithful | {others} |
|---|---|{rules}|
{rows}

A dash is a guide that cannot be trained on the program, such as on discrete latents.
"""


def write_page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page."""
    guided = [row for row in results.values() if row["status"] == "guided"]
    others = [row for row in results.values() if row["status"] != "guided"]
    absent = sum(row["status"] == "not imported" for row in others)
    unseen = len(CASES) - len(results)
    body = TEXT.format(
        guided=len(guided),
        all_of_them=len(results) - absent,
        left=f"{len(others) - absent} {'is' if len(others) - absent == 1 else 'are'}",
        unseen=f"; {unseen} of {len(CASES)} were not looked at" if unseen else "",
        elbo=_write_bounds([row for row in guided if row.get("elbo")]),
        rows="\n".join(f"| `{row['program']}` | {_explain(row)} |" for row in (*others, *guided)),
    )
    return stamp(body, *MADE_OF)


def _explain(row: Mapping[str, Any]) -> str:
    if row["status"] == "guided":
        return "guided"
    reason = " ".join(str(row.get("reason", "")).split()).replace("|", "\\|")
    return f"{row['status']}: {reason}" if reason else str(row["status"])


def _write_bounds(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    contested = [row for row in rows if any(_is_number(row["elbo"][name]) for name in OTHERS)]
    above = sum(_is_above(row["elbo"]) for row in contested)
    lines = [
        f"| `{row['program']}` | {' | '.join(_write(row['elbo'][name]) for name in ('AutoFaithful', *OTHERS))} |"
        for row in rows
    ]
    return ELBO.format(
        noise=NOISE,
        above=above,
        compared=len(contested),
        alone=len(rows) - len(contested),
        others=" | ".join(OTHERS),
        rules="|".join("---" for _ in OTHERS),
        rows="\n".join(lines),
    )


def _is_above(bounds: Mapping[str, float | None]) -> bool:
    own = bounds["AutoFaithful"]
    best = max((bounds[name] for name in OTHERS if _is_number(bounds[name])), default=-float("inf"))  # type: ignore[type-var]
    return own is not None and own >= best - NOISE  # type: ignore[operator]


def _is_number(bound: float | None) -> bool:
    return bound is not None and bound == bound


def _write(bound: float | None) -> str:
    return f"{bound:,.2f}" if _is_number(bound) else "-"
