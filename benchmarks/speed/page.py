"""The page docs/benchmarks.md, from the numbers in results/speed.json alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.speed.figures import LEARNED, LIMITS, list_figures
from benchmarks.speed.growth import FAMILIES, LARGE, fit_both, list_family

Results = Mapping[str, Any]
HOW = """Contestants are processes of their own that take turns on the same two cores with two threads each; none
runs while another is timed. The first turn of each, which compiles, is not counted; figures are medians of the
turns after it, and ratios come from one run. Everything is float32. *Compile* is what the first turn took on top of
a later one."""
TRAINING = """The same wiring, widths, number of outputs (a mean and a log scale for each latent), linear map past
the layers, normal log density as the objective, and Adam. Simulating is left out for all: they go round the same
batches; *ours, simulating* is what `amortize` does. We take steps in whole compiled epochs of `fit`, its held-out
objective and its checks for finite numbers included. Zuko's fused Adam. With our weights put into Zuko's layers,
log q of {rows} rows agrees to {difference:.1e} of the largest."""
DROPPED = """Zuko's `MaskedMLP` drops wanted edges without a word where a layer has fewer units than there are
different parent sets. Here it has enough: the product of its masks was compared with the adjacency, and lacks
{dropped} of {edges} edges."""
SAMPLING = """Draws for one observation, arrays of NumPy at the end. *Whole evaluations*: our network evaluated once
for each of the {depth} steps along the inverse; Zuko's `MAF` of one transform on the same adjacency does {passes}
such passes."""
LIMIT = """Multiply-adds with weights in use (forward, back to the inputs, back to the weights; weights that read
data need no gradient of their input) over those of a product of two matrices of 3072 x 3072, the faster library.
Simulating is left out."""
OURS_TRAINED = "*Ours* is `amortize` with its defaults."
OURS_CLOSED = """*Ours* is `amortize` with its defaults, which find that the posterior is linear Gaussian and train
nothing. *Encoder untrained* starts an encoder at regressions (`exact=False, steps=0`), *encoder trained* trains it
(`exact=False`). We look for the inverse in our time, peers are given it. Draws, which compile one more program, are not
timed."""
REACHING = """KL from the exact posterior over the number of latents, on {judged} draws from the model that nobody
trains on, looked at every 25 steps (sbi: every epoch, BayesFlow: every 100 steps); looking is not timed, nor is
loading the libraries. Simulating, building, compiling and standardizing are. Whole trainings, medians of seeds; of
a peer's learning rates all are tried with one seed, and the soonest with the others. {ours}
*Without compiling*, every epoch counts as the median one. Zuko: Adam with a cosine over 5,000 steps, the same
standardization (not timed), in PyTorch's eager mode; as it comes, and with our linear map past its layers.
sbi: NPE with its default flow. BayesFlow: its default workflow (a coupling flow), new simulations, batches of 256,
everything standardized. NumPyro is not here: its automatic guides fit one observation, and its autoregressive
networks take an order of the variables but no adjacency, so a guide for this case would be code of our own."""
LEARNING = """Digits of scikit-learn, binarized: {images:,} images an epoch in {steps} steps of {batch}. The model has
{latents} standard normal latents and a tanh decoder with {hidden} hidden units (`zoo.programs.vae`); the encoder has
two ReLU layers, as wide as {capacity:,} parameters in use allow. Ours sees an indicator of each value of a pixel and
has a linear map past the layers, which is counted; the others see standardized pixels. One draw, Adam with rate 0.001.
*Ours* is `fit_model` with all that it does but the bound on {judged} held-out images after each epoch, which
*ours, judging* includes. Pyro: `SVI` with `Trace_ELBO`, its checks switched off, eager; *PyTorch alone* writes
out the same objective, with the fused Adam. *Bound* is the evidence lower bound of held-out images after {first}
epochs, in nats an image, {draws} draws each: of one model learned equally well it is about the same. A star marks
one that was found in a run of its own, with the same seed."""
FAITHFUL = """Faithful is fully autoregressive here: all latents have common children. In Pyro that is
`ConditionalAffineAutoregressive(...).inv`, which gives each latent those before it, with one pass of the masked network
for each of {latents} latents; ours computes each unit once. *Inverse flow* is the same transform the other way
round: each latent is given the noise of those before it, in one pass. It has the same dependencies by other functions,
and must not score what it has not drawn."""
GROWING = """Order `auto`, default widths, batch 256; simulating included. Seconds; draws are 1,000 for one
observation. *Building* draws simulations to standardize by and makes the encoder."""


def write_page(results: Results) -> str:
    """Return the whole page."""
    parts = ["# Speed of training and sampling", _write_run(results), HOW, "## What was asked for"]
    figures = [(f.what, f.asked, f.measured, f.verdict) for f in list_figures(results)]
    parts.append(write_table(("figure", "asked", "measured", ""), figures))
    parts += [*_write_training(results), *_write_sampling(results), *_write_limit(results)]
    parts += [*_write_reaching(results), *_write_learning(results), *_write_growth(results)]
    return "\n\n".join(parts) + "\n"


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown.

    >>> print(write_table(("a", "b"), [("1", "2")]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" if row[0] != "---" else f"|{'|'.join(row)}|" for row in lines)


def show_seconds(seconds: float | None) -> str:
    """Return seconds to three digits, in milliseconds where they are short.

    >>> show_seconds(0.00123), show_seconds(12.345), show_seconds(None)
    ('1.23 ms', '12.3 s', '')
    """
    if seconds is None or math.isnan(seconds):
        return ""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _write_run(results: Results) -> str:
    runs = [row["run"] for row in results.values()]
    dates = sorted({run["date"] for run in runs})
    about = sorted(
        {
            f"{', '.join(f'{name} {version}' for name, version in run['versions'].items())}, Python {run['python']}; "
            f"{run['processor']}, {run['cores']} cores"
            for run in runs
        }
    )
    span = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "no date"
    others = [run["others"] for run in runs if run.get("others") is not None]
    known = f" (recorded for {len(others)} of {len(runs)} cases)" if len(others) < len(runs) else ""
    disturbed = f" Other processes kept at most {max(others):.2f} cores busy during a case{known}." if others else ""
    made = f"Made by `make bench` from `benchmarks/results/speed.json`, measured {span}:\n"
    return made + ";\n".join(about) + "." + disturbed


def _write_contestants(row: Mapping[str, Any]) -> str:
    ours = row["seconds"]["ours"].get("seconds", math.nan)
    rows = []
    for title, answer in row["seconds"].items():
        if "failed" in answer:
            rows.append((title, answer["failed"], "", "", ""))
            continue
        least, most = show_seconds(answer["least"]), show_seconds(answer["most"])
        ratio = f"{answer['seconds'] / ours:.2f}"
        rows.append(
            (title, show_seconds(answer["seconds"]), f"{least} to {most}", ratio, show_seconds(answer["first"]))
        )
    return write_table(("", "median", "range", "over ours", "compile"), rows)


def _write_training(results: Results) -> list[str]:
    rows = _list_sizes(results, "train")
    parts = ["## A training step", *(_describe_training(rows[0]) if rows else [])]
    for row in rows:
        parts += [f"{_describe(row)}, batch {row['batch']}:", _write_contestants(row)]
    return parts


def _list_sizes(results: Results, what: str) -> list[Mapping[str, Any]]:
    """Return what was measured with 8 and with 32 units a parent set."""
    return [row for units in (8, 32) if (row := results.get(f"{what}-{units}"))]


def _describe_training(row: Mapping[str, Any]) -> list[str]:
    checked = [answer for answer in row["seconds"].values() if "dropped" in answer]
    if not checked:
        return []
    check = checked[0]
    agreed = TRAINING.format(rows=row["batch"], difference=check["difference"] / check["of"])
    return [agreed, DROPPED.format(dropped=check["dropped"], edges=row["edges"])]


def _describe(row: Mapping[str, Any]) -> str:
    widths = " and ".join(f"{width:,}" for width in row["widths"])
    return f"`{row['source']}`, {row['edges']} edges, {row['units']} units a parent set (hidden layers of {widths})"


def _write_sampling(results: Results) -> list[str]:
    parts = ["## Draws"]
    for row in _list_sizes(results, "sample"):
        depth = row["seconds"]["ours"].get("depth", "?")
        passes = row["seconds"].get("zuko MAF", {}).get("depth", "?")
        parts += [SAMPLING.format(depth=depth, passes=passes)] if len(parts) == 1 else []
        parts += [f"{_describe(row)}, {row['draws']:,} draws:", _write_contestants(row)]
    return parts


def _write_limit(results: Results) -> list[str]:
    rows = []
    for row in (results[f"limit-{units}"] for units in LIMITS if f"limit-{units}" in results):
        for batch, count in row["multiply_adds"].items():
            step = row["seconds"].get(f"step, {batch}", {})
            share = row["achieved"].get(batch)
            done = [f"{count / 1e6:.1f}", show_seconds(step.get("seconds")), f"{count / row['rate'] * 1e3:.3g} ms"]
            rates = [f"{1e-9 / row['seconds'][t]['seconds']:.0f}" if t in row["seconds"] else "" for t in PRODUCTS]
            rows.append((str(row["units"]), batch, *done, *rates, f"{100 * share:.1f} %" if share else "failed"))
    head = (
        "units",
        "batch",
        "10^6 multiply-adds",
        "step",
        "at the limit",
        "10^9 a second, JAX",
        "PyTorch",
        "share",
    )
    return ["## The limit", LIMIT, write_table(head, rows)]


PRODUCTS = ("product, jax", "product, torch")


def _write_reaching(results: Results) -> list[str]:
    parts = ["## Time to 0.03 nats a latent"]
    for name in (name for name in results if name.startswith("reach-")):
        row = results[name]
        closed = any("ours, encoder untrained" in results[name]["reached"] for name in results if "reach-" in name)
        ours = OURS_CLOSED if closed else OURS_TRAINED
        parts += [REACHING.format(judged="4,000", ours=ours)] if len(parts) == 1 else []
        rows = [_describe_race(title, answer) for title, answer in row["reached"].items()]
        head = ("", "time", "without compiling", "steps", "nats a latent", "seeds")
        parts += [f"Run with {name.removeprefix('reach-')}, `{row['source']}`:", write_table(head, rows)]
    return parts


def _describe_race(title: str, answer: Mapping[str, Any]) -> tuple[str, ...]:
    if "failed" in answer:
        return (title, answer["failed"], "", "", "", "")
    took, seeds = show_seconds(answer["seconds"]), str(answer["seeds"])
    time = took if answer["reached"] else f"not reached in {took}"
    if not answer["reached"] and answer.get("seeds_that_reached"):
        seeds = f"{answer['seeds']}, of which {answer['seeds_that_reached']} reached it"
    apart = show_seconds(answer["without_compiling"]) if answer["reached"] else ""
    steps = f"{answer['steps']:,.0f}" if "steps" in answer else f"{answer['epochs']:.0f} epochs"
    return (title, time, apart, steps, f"{answer['best']:.4f}", seeds)


def _write_learning(results: Results) -> list[str]:
    parts = ["## Learning a model with its encoder"]
    for structure in LEARNED:
        row = results.get(f"learn-{structure}")
        if not row:
            continue
        parts += [LEARNING.format(**row)] if len(parts) == 1 else []
        parts += [FAITHFUL.format(**row)] if structure == "faithful" else []
        parts += [f"Encoder {structure}:", _write_learners(row)]
    return parts


def _write_learners(row: Mapping[str, Any]) -> str:
    ours = row["seconds"]["ours"].get("seconds", math.nan)
    rows = []
    for title, answer in row["seconds"].items():
        if "failed" in answer:
            rows.append((title, answer["failed"], *[""] * 6))
            continue
        epoch, least, most = (show_seconds(answer[key]) for key in ("seconds", "least", "most"))
        rate, ratio = f"{row['images'] / answer['seconds']:,.0f}", f"{answer['seconds'] / ours:.2f}"
        apart = "*" if answer.get("bound_apart") else ""
        learned = (f"{answer['parameters']:,}", f"{answer['bound']:.2f}{apart}")
        rows.append((title, rate, epoch, f"{least} to {most}", ratio, show_seconds(answer["first"]), *learned))
    head = ("", "images a second", "an epoch", "range", "over ours", "compile", "parameters", "bound")
    return write_table(head, rows)


def _write_growth(results: Results) -> list[str]:
    parts = ["## Growth", GROWING]
    stages = ("invert", "build", "compile train", "train", "compile draw", "draw")
    for family in FAMILIES:
        rows = list_family(results, family)
        cells = []
        for row in rows:
            told = [show_seconds(row["seconds"].get(stage)) for stage in stages]
            size = [f"{row[key]:,}" if key in row else "" for key in ("latents", "edges")]
            memory = f"{row['megabytes']:,.0f}" if "megabytes" in row else ""
            cells.append((f"`{row['source']}`", *size, *told, memory, row.get("failed", "")))
        titles = ("invert", "build", "compile", "step", "compile", "1,000 draws")
        parts.append(write_table(("", "latents", "edges", *titles, "MB", ""), cells))
        parts.append(f"Exponents of {family}: {_show_exponents(rows)}.")
    return parts


def _show_exponents(rows: list[dict[str, Any]]) -> str:
    shown = []
    for stage, title in (("train", "step"), ("draw", "draws"), ("compile train", "compiling an epoch")):
        every, large = fit_both(rows, stage)
        shown.append(f"{title} {every:.2f} (from {LARGE:,} edges on {large:.2f})")
    return ", ".join(shown)
