"""The page docs/benchmarks-sbi.md, from the rows of results/sbi.jsonl alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.sbibm.published import PUBLISHED
from benchmarks.speed.page import write_table

Row = dict[str, Any]
HEAD = """# Posteriors from stored runs

Written by `make bench-sbi`. Nothing is known but the structure and a table of runs, and nothing else is chosen:
`rd.amortize(net, simulations=table)`. A tenth of the runs judges training, a tenth is kept for calibration; neither is
trained on.
"""
TASKS = """## Tasks of sbibm

C2ST, the share of draws that a classifier tells from reference draws (0.5 is best), the mean over the observations,
as many as the table says; the classifier is that of [benchmarks-sbibm.md](benchmarks-sbibm.md). *Published*: sbibm's
neural posterior estimation with as many runs, where it is known here. *sbi*: neural posterior estimation of sbi 0.27
with all of its defaults, on the same runs and in one thread, for as many processor seconds as ours, or until it stops
by itself; ten observations. *Train*: processor seconds, compiling included, on a machine that others used as well.
"""
LEVELS = """## A model of three levels

Nineteen latents (a mean, two log-scales, sixteen groups of four measurements), 20,000 runs, and the exact posterior
beside it: Gaussian given both log-scales, which are summed over a grid. *Mean off*: the distance of the posterior mean
from the exact one, in exact standard deviations, over five fresh observations.
"""
# How far means may be off, in exact standard deviations.
ASKED = 0.1
SIZES = {1000: None, 10_000: 0, 100_000: 1}


def write_page(rows: Sequence[Row]) -> str:
    """Return the whole page."""
    tasks = sorted((row for row in rows if "c2st" in row), key=lambda row: (row["task"], row["runs"]))
    peers = {(row["task"], row["runs"]): row for row in tasks if "peer" in row}
    lines = [write_task(row, peers.get((row["task"], row["runs"]))) for row in tasks if "peer" not in row]
    head = ("task (observations)", "runs", "C2ST", "published", "sbi", "steps", "best step", "train")
    parts = [HEAD, TASKS, write_table(head, lines)]
    levels = [row for row in rows if row["task"] == "three_levels"]
    return "\n".join([*parts, "", *(write_levels(row) for row in levels[-1:])]).rstrip() + "\n"


def write_task(row: Row, peer: Row | None) -> list[str]:
    """Return the cells of a task, with those of sbi where it was asked."""
    place = SIZES.get(row["runs"])
    npe = "" if place is None else f"{PUBLISHED[row['task']][place]:.3f}"
    scores = row["c2st"]
    theirs = f"{np.mean(peer['c2st']):.3f} ({peer['cpu']:.0f} s)" if peer else ""
    cells = [f"{row['task']} ({len(scores)})", f"{row['runs']:,}", f"{np.mean(scores):.3f}", npe, theirs]
    best = f"{row['best']:,}" if "best" in row else ""
    return [*cells, f"{row['steps']:,}", best, f"{row['cpu']:.0f} s"]


def write_levels(row: Row) -> str:
    """Return the section of the model of three levels."""
    shift, scale = np.array(row["shift"]), np.array(row["scale"])
    named = [("mean", 0), ("log-scale between groups", 1), ("log-scale within groups", 2)]
    lines = [[name, f"{shift[i]:.3f}", f"{scale[i]:.3f}"] for name, i in named]
    lines.append(["sixteen groups, average", f"{shift[3:].mean():.3f}", f"{scale[3:].mean():.3f}"])
    table = write_table(("latent", "mean off", "sd over exact sd"), lines)
    reached = "reached" if row["worst"] <= ASKED else "not reached"
    end = (
        f"Over all latents and observations the means are off by {shift.mean():.3f} on average and {row['worst']:.2f} "
        f"at most; asked: {ASKED} ({reached}). {row['edges']} edges; trained for {row['steps']:,} steps, best on what "
        f"was held out at step {row['best']:,}, {row['cpu']:.0f} processor seconds.{write_end(row)}"
    )
    return f"{LEVELS}\n{table}\n\n{end}\n"


def write_end(row: Row) -> str:
    """Say whether training learned its runs by heart."""
    step = row["overfitted"]
    return "" if step is None else f" After step {step:,} it learned its runs by heart, which was seen, and forgotten."
