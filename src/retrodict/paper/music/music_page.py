"""The page of the experiment on music, from its results alone."""

from __future__ import annotations

import numpy as np

from retrodict.paper.experiment import Findings
from retrodict.paper.markdown import write_markdown
from retrodict.paper.music.music_figures import Runs, group_sets
from retrodict.paper.music.music_tasks import ENCODERS, SIZES, MusicBudget, MusicSize
from retrodict.paper.music.music_units import MusicUnit

COLUMNS = (
    *("encoder", "`z[t]` is drawn given", "proved", "in use", "seeds", "importance-sampled", "bound"),
    *("importance-sampled, mean of pieces", "bound, mean of pieces", "best epoch", "seconds", "a step of training"),
)
FILTERS = ("encoder", "bound", "100 particles", "1,000 particles", "effective share")
# Krishnan, Shalit & Sontag 2017, table 1: importance-sampled, and the bound in brackets.
PUBLISHED = {
    "derived": ("DKS", "6.605 (7.033)", "3.136 (3.327)", "8.471 (8.584)", "7.280 (7.136)"),
    "all": ("ST-LR", "6.632 (7.078)", "3.251 (3.449)", "8.406 (8.529)", "7.127 (7.268)"),
    "mean-field": ("MF-LR", "6.701 (7.101)", "3.273 (3.441)", "9.188 (9.297)", "8.760 (8.877)"),
    "past": ("ST-L", "7.020 (7.519)", "3.446 (3.657)", "9.375 (9.498)", "8.301 (8.495)"),
}


def make_page(findings: Findings[MusicUnit, MusicBudget]) -> str:
    """Return all tables as Markdown."""
    parts = ["# Deep Markov models of music and their encoders in numbers\n", _explain(findings.budget)]
    for name, runs in group_sets(findings.results).items():
        size = SIZES[runs[0].unit.size]
        parts.append(f"## {name.replace('_', ', ')}\n\n{_describe(size, findings.budget)}\n")
        parts.append(write_markdown(COLUMNS, [_write_row(runs, encoder) for encoder in _list_encoders(runs)]))
        parts.append(_compare(runs))
        parts.append(_write_filters(runs, findings.budget))
    parts.append(_write_published())
    return "\n".join(parts)


def _explain(budget: MusicBudget) -> str:
    which = "all test pieces" if budget.tested is None else f"the first {budget.tested} test pieces"
    return f"""Written by `retrodict reproduce music` from its results, never by hand. Negative log-likelihoods of
{which} in nats a step, less is better; the mean over seeds, and the least and the greatest.

- The generative model is the same for all encoders, and encoders have as many parameters *in use*; what they are called
  in the paper stands at the end.
- *Importance-sampled*: {budget.weights} draws of a whole piece, sums over all pieces divided by the sum of their
  lengths; *bound*: one draw, counted in the same way; *mean of pieces*: of each piece for itself, and then the mean.
- Pieces are learned from in parts of at most {budget.longest} steps, and tested on as they are. The parameters kept are
  those with the best bound of the pieces to judge by.
- *Seconds* of training, with compilation where no earlier run had compiled it, *a step of training*: the median over
  epochs, bounds of held-out pieces included; two cores, shared with much else.
"""


def _describe(size: MusicSize, budget: MusicBudget) -> str:
    widths = f"{size.latents} latents, emission {size.emission}, transition {size.transition}"
    reduced = " (the paper has 100, 100 and 200: widths are reduced so that runs end)" if size.latents < 100 else ""
    return (
        f"{widths}{reduced}; encoders of {size.capacity:,} parameters; {budget.epochs_of(size)} epochs, batches of 20, "
        f"learning rate {size.learning_rate} along a cosine, decay {size.decay}, the weight of KL rises over "
        f"{min(size.annealing, budget.epochs_of(size))} epochs."
    )


def _list_encoders(runs: Runs) -> list[str]:
    return [encoder for encoder in ENCODERS if any(run.unit.encoder == encoder for run in runs)]


def _take(runs: Runs, encoder: str, fact: str) -> dict[int, float]:
    """Return a fact of each seed of an encoder, those that failed left out."""
    own = [run for run in runs if run.unit.encoder == encoder and run.facts.get("failed_at") is None]
    return {run.unit.seed: float(run.facts[fact]) for run in own}  # type: ignore[arg-type]


def _write_row(runs: Runs, encoder: str) -> list[str]:
    own = [run for run in runs if run.unit.encoder == encoder]
    good = [run for run in own if run.facts.get("failed_at") is None]
    seeds = f"{len(own)}" + (f", {len(own) - len(good)} failed" if len(good) < len(own) else "")
    if not good:
        return [encoder, *["-"] * 3, seeds, *["failed"] * (len(COLUMNS) - 5)]
    facts = good[0].facts
    proved = "faithful, minimal" if facts["minimal"] else "faithful" if facts["faithful"] else "lacks parents"
    measured = [
        _write_band(_take(runs, encoder, fact)) for fact in ("weighed", "bound", "weighed_of_pieces", "bound_of_pieces")
    ]
    return [
        encoder,
        f"`{str(facts['parents']).partition('<- ')[2]}`",
        proved,
        f"{facts['in_use']:,}",
        seeds,
        *measured,
        f"{np.median(list(_take(runs, encoder, 'best_epoch').values())):.0f}",
        f"{np.median(list(_take(runs, encoder, 'seconds').values())):.0f}",
        f"{np.median(list(_take(runs, encoder, 'step_seconds').values())):.3f} s",
    ]


def _write_band(values: dict[int, float]) -> str:
    """Return the mean, and the least and the greatest where there are several."""
    found = np.array(list(values.values()))
    text = f"{found.mean():.3f}"
    return text if len(found) == 1 else f"{text} ({found.min():.3f} to {found.max():.3f})"


def _compare(runs: Runs) -> str:
    """Return by how much each encoder is worse than the derived one, seed by seed."""
    lines = []
    for encoder in _list_encoders(runs)[1:]:
        parts = []
        for what, fact in (("bound", "bound"), ("importance-sampled", "weighed")):
            first, other = _take(runs, "derived", fact), _take(runs, encoder, fact)
            gaps = [other[seed] - first[seed] for seed in sorted(first.keys() & other.keys())]
            parts.append(f"{what} {', '.join(f'{gap:+.3f}' for gap in gaps)}")
        lines.append(f"- {encoder}: {'; '.join(parts)}")
    return "\nAbove the derived encoder, seed by seed (more is worse):\n\n" + "\n".join(lines) + "\n" if lines else ""


def _write_filters(runs: Runs, budget: MusicBudget) -> str:
    """Return the table of particle filters."""
    columns = (*FILTERS[:2], f"{budget.particles:,} particles", f"{10 * budget.particles:,} particles", FILTERS[4])
    rows = []
    for encoder in _list_encoders(runs):
        facts = ("filtered_bound", "filtered", "filtered_many", "effective")
        found = [_take(runs, encoder, fact) for fact in facts]
        if found[0]:
            rows.append([encoder, *map(_write_band, found)])
    table = write_markdown(columns, rows)
    return f"\nParticle filters with the encoder as proposal, the first {budget.filtered} test pieces:\n\n{table}"


def _write_published() -> str:
    rows = [[encoder, *row] for encoder, row in PUBLISHED.items()]
    table = write_markdown(["encoder", "name in the paper", "jsb", "nottingham", "piano", "muse"], rows)
    return f"""## What was published

Krishnan, Shalit & Sontag (2017), table 1, at latent 100, emission 100, transition 200: importance-sampled (bound).

{table}
Their tuned deep Markov model reaches 6.388, 2.770, 7.835 and 6.831.
"""
