"""Figure 2 as tables, made from its data alone: what each encoder reached, how fast, and at which capacity it fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from retrodict.paper.experiment import Findings, Result
from retrodict.paper.figure2.bands import select
from retrodict.paper.figure2.entries import ENTRIES, TreeBudget
from retrodict.paper.figure2.units import TreeUnit
from retrodict.paper.markdown import write_markdown
from retrodict.posterior.training.plans import BATCH

# Nats a latent: what "learned" may mean, and what a training that failed stays above.
GOALS = (0.1, 0.03, 0.01)
FAILED = 0.1

Numbers = Sequence[float]


def make_page(findings: Findings[TreeUnit, TreeBudget]) -> str:
    """Return all tables as Markdown."""
    parts = ["# Figure 2 in numbers\n", _explain(findings.budget)]
    for depth in sorted({result.unit.depth for result in findings.results}):
        mine = [result for result in findings.results if result.unit.depth == depth]
        parts += [_write_depth(select(mine, depth), findings.shared["floors"][str(depth)]), _write_stability(mine)]
    return "\n".join(part for part in parts if part)


def _explain(budget: TreeBudget) -> str:
    """Return what the words in the tables mean."""
    default = f"the shared encoder along a cosine, {budget.default_steps:,} steps of {BATCH}"
    return f"""Written by `retrodict reproduce figure2` from its results, never by hand. Nats throughout; the middle
of the seeds, and their range in brackets.

- (a) to (d) are the paper's networks: ReLU, plain Adam at {budget.learning_rate:g}, {budget.epochs} epochs
  of 25 steps of {budget.batch} simulations. (e) and (f) are {default} simulations,
  on a faithful inverse and on the reversed edges.
- *Rate falls*: the steps after which the learning rate of (a) to (d) was divided by ten, once / twice: when the mean
  of the training objective over {budget.window} epochs had not, {budget.patience} times in a row, been
  {budget.least:g} nats a latent below the least one at the same rate. `-`: never.
- *Sampling*: sequential steps of drawing. *In use*, *stored*: parameters, without and with those that are multiplied by
  zero (masks, padding).
- *KL*: from the exact posterior, over 20,000 fresh draws at the end, over 1,000 fixed ones during training.
  *Gap*: to the least that the structure allows, which is known in closed form.
- *Steps to*: minibatches until the KL first is at most so many nats a latent, measured each epoch; `-`: not reached,
  by that many seeds if not by all.
- *Log-posterior*: mean exact log-posterior of samples under five fixed observations, at the end; that of exact samples
  is minus the entropy.
- *Seconds*: training, with compilation where no cache had it, on one of two shared cores.
"""


# -- what was reached --------------------------------------------------------------------------------


def _write_depth(results: Sequence[Result[TreeUnit]], floor: float) -> str:
    facts = results[0].facts
    widths = sorted({result.unit.width for result in results if ENTRIES[result.unit.encoder].paper})
    fixed = min(result.curves["simulations"][-1] for result in results if result.curves["kl"])
    head = f"## Depth {results[0].unit.depth}\n\n{facts['latents']} latents; entropy of the posterior "
    head += f"{facts['entropy']:.4f}; floor of the reversed edges {floor:.4f}"
    if widths:
        head += f". (a) has networks of [{widths[-1]}, {widths[-1]}]; (b), (c), (d) as many parameters in use"
    columns = [
        *("encoder", "inverse", "edges", "sampling", "in use", "stored", "seeds"),
        f"KL after {fixed:,.0f} simulations",
        *("KL at the end", "gap at the end"),
        *(f"steps to {goal:g}" for goal in GOALS),
        *("rate falls", "log-posterior", "seconds"),
    ]
    rows = [_write_row(list(same), fixed) for _, same in _group(results)]
    return f"{head}.\n\n{write_markdown(columns, rows)}\n{_write_ratios(results)}"


def _group(results: Iterable[Result[TreeUnit]]) -> Iterable[tuple[str, Iterable[Result[TreeUnit]]]]:
    return itertools.groupby(results, key=lambda result: result.unit.encoder)


def _write_row(same: Sequence[Result[TreeUnit]], fixed: float) -> list[str]:
    entry, facts = ENTRIES[same[0].unit.encoder], same[0].facts
    ends = [_number(result.facts["kl"]) for result in same]
    floor = _number(facts["floor"])
    return [
        f"({entry.letter}) {entry.title}",
        str(facts["strategy"]),
        *(f"{facts[name]:,}" for name in ("edges", "levels", "in_use", "stored")),
        str(len(same)),
        _spread([_at(result, fixed) for result in same]),
        _spread(ends),
        _spread([end - floor for end in ends]),
        *(_write_steps([count_steps(result, goal) for result in same]) for goal in GOALS),
        _write_falls(same),
        _spread([result.curves["log_posterior"][-1] if result.curves["kl"] else np.nan for result in same], "{:.4g}"),
        _spread([_number(result.facts["seconds"]) for result in same], "{:.0f}"),
    ]


def count_steps(result: Result[TreeUnit], goal: float) -> float:
    """Return the steps after which the KL first is at most so many nats a latent, or infinity."""
    most = goal * _number(result.facts["latents"])
    reached = (step for step, kl in zip(result.curves["step"], result.curves["kl"], strict=True) if kl <= most)
    return next(reached, np.inf)


def _write_falls(same: Sequence[Result[TreeUnit]]) -> str:
    """Return when the learning rate fell, empty for the library's default, whose rate falls all the time."""
    if not ENTRIES[same[0].unit.encoder].paper:
        return ""
    falls = ([result.facts[name] for result in same] for name in ("first_fall", "second_fall"))
    steps = [[np.inf if step is None else float(step) for step in each] for each in falls]
    return " / ".join(map(_write_steps, steps))


def _at(result: Result[TreeUnit], simulations: float) -> float:
    """Return the watched KL at the last epoch within so many simulations."""
    values = zip(result.curves["simulations"], result.curves["kl"], strict=True)
    return ([kl for done, kl in values if done <= simulations] or [np.nan])[-1]


def _write_ratios(results: Sequence[Result[TreeUnit]]) -> str:
    """Return how many times fewer steps than the fully connected encoder each faithful one of the paper's took."""
    standard = [result for result in results if result.unit.encoder == "standard"]
    if not standard:
        return ""
    lines = []
    for encoder, group in _group(result for result in results if result.unit.encoder.startswith("minimal")):
        same = list(group)
        pairs = [f"{goal:g}: {_divide(standard, same, goal)}" for goal in GOALS]
        lines.append(f"- `{encoder}`, to {'; to '.join(pairs)}")
    return (
        ""
        if not lines
        else "\nTimes fewer steps than (b), middle of the seeds (nats a latent):\n\n" + "\n".join(lines) + "\n"
    )


def _divide(slow: Sequence[Result[TreeUnit]], fast: Sequence[Result[TreeUnit]], goal: float) -> str:
    above = float(np.median([count_steps(result, goal) for result in slow]))
    below = float(np.median([count_steps(result, goal) for result in fast]))
    if np.isinf(below):
        return "not reached"
    longest = max(result.curves["step"][-1] for result in slow)
    return f"more than {longest / below:.1f}" if np.isinf(above) else f"{above / below:.1f}"


# -- at which capacity it fails ----------------------------------------------------------------------


def _write_stability(results: Sequence[Result[TreeUnit]]) -> str:
    """Return the table of capacities, empty unless several were run."""
    paper = [result for result in results if ENTRIES[result.unit.encoder].paper]
    widths = sorted({result.unit.width for result in paper}, reverse=True)
    if len(widths) < 2:
        return ""
    columns = ["encoder", "least width that trains", *(f"width {width}" for width in widths)]
    rows = []
    for encoder in (name for name in ENTRIES if any(result.unit.encoder == name for result in paper)):
        mine = [result for result in paper if result.unit.encoder == encoder]
        by_width = {width: [result for result in mine if result.unit.width == width] for width in widths}
        cells = [_write_capacity(by_width[width]) for width in widths]
        rows.append([f"`{encoder}`", find_least(by_width), *cells])
    return f"""### Depth {results[0].unit.depth}: less and less capacity

*Width*: of both layers of each network of (a); the others have as many parameters in use, as nearly as they can. A
training has failed when it met a number that is not finite or ended more than {FAILED:g} nats a latent above its floor.
Cells: seeds that trained; parameters in use; gap to the floor, and its range over the seeds.

{write_markdown(columns, rows)}"""


def has_trained(result: Result[TreeUnit]) -> bool:
    """Whether a training ended near the least KL that its structure allows."""
    gap = _number(result.facts["kl"]) - _number(result.facts["floor"])
    return bool(gap <= FAILED * _number(result.facts["latents"]))


def find_least(by_width: dict[int, list[Result[TreeUnit]]]) -> str:
    """Return the smallest width at which, as at all larger ones, every seed trained."""
    run = {width: same for width, same in by_width.items() if same}
    good = itertools.takewhile(lambda width: all(map(has_trained, run[width])), sorted(run, reverse=True))
    return str(min(good, default="none"))


def _write_capacity(same: Sequence[Result[TreeUnit]]) -> str:
    if not same:
        return ""
    gaps = [_number(result.facts["kl"]) - _number(result.facts["floor"]) for result in same]
    return f"{sum(map(has_trained, same))} of {len(same)}; {same[0].facts['in_use']:,}; {_spread(gaps)}"


# -- writing -----------------------------------------------------------------------------------------


def _number(value: str | float | None) -> float:
    """Return a fact as a number, not-a-number if there is none."""
    return float("nan") if value is None else float(value)


def _spread(values: Numbers, form: str | Callable[[float], str] = "{:.3g}") -> str:
    """Return the median, and the range of several values."""
    write = form.format if isinstance(form, str) else form
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return "failed"
    text = write(float(np.median(known)))
    if len(known) > 1:
        text += f" ({write(min(known))} to {write(max(known))})"
    return text + (f", {len(values) - len(known)} failed" if len(known) < len(values) else "")


def _write_steps(steps: Numbers) -> str:
    reached = [step for step in steps if np.isfinite(step)]
    if not reached:
        return "-"
    text = _spread(reached, "{:,.0f}")
    return text if len(reached) == len(steps) else f"{text}; - by {len(steps) - len(reached)} of {len(steps)}"
