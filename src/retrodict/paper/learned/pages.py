"""Tables from the data alone: what each encoder reached and lost, and whether differences are more than noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrodict.paper.experiment import Findings
from retrodict.paper.learned.groups import Mean, Series, choose_main, compare, gather, list_models
from retrodict.paper.learned.measures import LearnedUnit
from retrodict.paper.learned.tasks import REFINING, REFINING_BATCH, TASKS, LearnedBudget, Task
from retrodict.paper.markdown import write_markdown

COLUMNS = (
    *("encoder", "edges", "sampling", "in use", "stored", "seeds", "ELBO", "log-likelihood", "gap"),
    *("approximation", "amortization", "seconds", "an epoch"),
)


def make_page(findings: Findings[LearnedUnit, LearnedBudget]) -> str:
    """Return all tables as Markdown."""
    parts = ["# Learned models and their encoders in numbers\n", _explain(findings.budget)]
    for source, model in list_models(findings.results):
        series = gather(findings.results, source, model)
        main = choose_main(series, model)
        parts.append(f"## {source}, {model}\n\n{_describe(TASKS[model], findings.budget)}\n")
        parts.append(write_markdown(COLUMNS, [_write_row(one) for one in main]))
        if TASKS[model].enumerated:
            parts.append(_write_seeds(main))
        parts.append(_write_comparisons(main))
        if len({one.capacity for one in series}) > 1:
            parts.append(_write_capacities(series))
    return "\n".join(parts)


def _explain(budget: LearnedBudget) -> str:
    """Return what the words in the tables mean."""
    return f"""Written by `retrodict reproduce vae` from its results, never by hand. Nats an image, held out from
training, for the discrete model wherever latents are binary; the mean over seeds with its standard error.

- Encoders with the same parents are the same network: they were run once and have all of their names.
- *Edges* and *sampling* (sequential steps of drawing) of the inverse; *in use*, *stored*: parameters of the encoder,
  without and with those that are multiplied by zero (masks, padding).
- *ELBO*: over all held-out images, {budget.judged} draws each. *Log-likelihood*: importance-weighted with
  {budget.weights:,} draws, over the first {budget.weighed_images} held-out images; *gap*: to the ELBO of these.
- *Approximation* and *amortization*: the parts of the gap of the first {budget.split_images} held-out images. The
  encoder is trained on for {budget.split_steps} steps on one image alone; what that wins is amortization, what then
  remains to the log-likelihood is approximation (Cremer, Li & Duvenaud 2018). A log-likelihood that is weighted from
  draws of a narrow encoder is too low, and this part then too small.
- *Seconds* of training with compilation (where no cache had it), *an epoch*: the median after the first with the
  held-out bound, on one of two shared cores.
"""


def _describe(task: Task, budget: LearnedBudget) -> str:
    options = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in task.options.items())
    text = f"A {task.title}: {budget.epochs_of(task)} epochs, batches of 128; {options}."
    if task.enumerated:
        text += (
            f" Then {min(REFINING, budget.epochs_of(task))} epochs of the encoder alone by the exact ELBO, batches of "
            f"{REFINING_BATCH}, the model held. All bounds are exact sums over all states, of "
            "all held-out images."
        )
    return text


def _write_row(one: Series) -> list[str]:
    facts = next((run.facts for run in one.runs if "edges" in run.facts), None)
    if facts is None:
        return [one.encoder, *["-"] * 4, str(len(one.runs)), *["failed"] * (len(COLUMNS) - 6)]
    return [
        one.title,
        *(f"{facts[name]:,}" for name in ("edges", "levels", "in_use", "stored")),
        _count_seeds(one),
        str(Mean.of(one.facts("elbo"))),
        str(Mean.of(one.facts("log_likelihood"))),
        str(Mean.of(one.facts("log_likelihood") - one.facts("weighed_elbo"))),
        str(Mean.of(one.facts("approximation"))),
        str(Mean.of(one.facts("amortization"))),
        f"{np.nanmedian(one.facts('seconds')):.0f}",
        f"{np.nanmedian(one.facts('epoch_seconds')):.2f}",
    ]


def _count_seeds(one: Series) -> str:
    failed = sum(run.facts.get("failed_at") is not None for run in one.runs)
    return f"{len(one.runs)}" + (f", {failed} failed" if failed else "")


def _write_seeds(series: Sequence[Series]) -> str:
    """Return the gap of each seed, after both phases and before the second."""
    seeds = [run.unit.seed for run in series[0].runs]
    columns = ["gap to the exact log-likelihood", *(f"seed {seed}" for seed in seeds)]
    rows = []
    for what, name in (("before the encoder alone was trained on", "first_elbo"), ("at the end", "elbo")):
        for one in series:
            gaps = one.facts("log_likelihood") - one.facts(name)
            found = dict(zip((run.unit.seed for run in one.runs), gaps, strict=True))
            rows.append([f"{one.title}, {what}", *(f"{found.get(seed, np.nan):.4f}" for seed in seeds)])
    return "\n" + write_markdown(columns, rows)


def _write_comparisons(series: Sequence[Series]) -> str:
    """Return by how much each encoder is above the first, seed by seed."""
    first, *others = series
    lines = [f"- {one.title}: {_compare(one, first)}" for one in others]
    return f"\nAbove {first.title}, seed by seed:\n\n" + "\n".join(lines) + "\n" if lines else ""


def _compare(one: Series, first: Series) -> str:
    parts = []
    for what, name in (("ELBO", "elbo"), ("log-likelihood", "log_likelihood")):
        difference = compare(one, first, name)
        told = f"{what} {difference.value:+.3f}"
        if not np.isnan(difference.error):
            told += f" ± {difference.error:.3f} ({difference.value / max(difference.error, 1e-9):+.1f} standard errors)"
        parts.append(told)
    return ", ".join(parts)


def _write_capacities(series: Sequence[Series]) -> str:
    columns = ["encoder", "in use", "seeds", "ELBO", "log-likelihood"]
    rows = [
        [
            one.title,
            f"{np.nanmean(one.facts('in_use')):,.0f}",
            _count_seeds(one),
            str(Mean.of(one.facts("elbo"))),
            str(Mean.of(one.facts("log_likelihood"))),
        ]
        for one in series
    ]
    return "\nWith other capacities:\n\n" + write_markdown(columns, rows)
