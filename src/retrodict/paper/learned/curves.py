"""Figures from the data alone: bounds during training, against capacity, and what is lost in two parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.packages import import_pyplot
from retrodict.paper.experiment import Findings
from retrodict.paper.learned.groups import Mean, Series, choose_main, gather, list_models
from retrodict.paper.learned.measures import LearnedUnit
from retrodict.paper.learned.pictures import choose_shown, draw_pictures
from retrodict.paper.learned.tasks import TASKS, LearnedBudget
from retrodict.plan.layout import Floats

# Okabe & Ito's colors, told apart by everybody.
COLORS = {
    "mean-field": "#D55E00",
    "reversal": "#E69F00",
    "forward": "#009E73",
    "auto": "#56B4E9",
    "fully-connected": "#0072B2",
}
# Curves are shown from this share of the epochs on: before, they fall from far above.
SHOWN_FROM = 0.1


def draw_figures(findings: Findings[LearnedUnit, LearnedBudget], folder: Path) -> list[Path]:
    """Draw all figures that there are results for, and return their paths."""
    paths = [folder / f"{name}.png" for name in name_figures(findings)]
    for path, draw in zip(paths, list_figures(findings).values(), strict=True):
        draw(path)
    return paths


def name_figures(findings: Findings[LearnedUnit, LearnedBudget]) -> list[str]:
    """Return the names of all figures that there are results for."""
    return list(list_figures(findings))


def list_figures(findings: Findings[LearnedUnit, LearnedBudget]) -> dict[str, Callable[[Path], None]]:
    """Return for each figure by name what draws it into a file."""
    found: dict[str, Callable[[Path], None]] = {}
    compared: dict[str, dict[str, list[Series]]] = {}
    for source, model in list_models(findings.results):
        series = gather(findings.results, source, model)
        main = choose_main(series, model)
        compared.setdefault(source, {})[model] = main
        found[f"vae_{source}_{model}"] = partial(draw_curves, main, model, findings.budget)
        if len({one.capacity for one in series}) > 1:
            found[f"vae_{source}_{model}_capacity"] = partial(draw_capacity, series, model, findings.budget)
        if choose_shown(main):
            found[f"vae_{source}_{model}_pictures"] = partial(draw_pictures, main, model)
    for source, groups in compared.items():
        found[f"vae_{source}_gaps"] = partial(draw_gaps, groups)
    return found


def draw_curves(series: Sequence[Series], model: str, budget: LearnedBudget, path: Path) -> None:
    """Draw both bounds over the epochs: the mean over seeds, and the band that they span."""
    pyplot = import_pyplot()
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for axis, curve in zip(axes, ("test", "weighted"), strict=True):
        late = [_draw_band(axis, one, curve) for one in series]
        whole = np.concatenate([values.ravel() for values in late])
        if len(whole):
            margin = 0.05 * (whole.max() - whole.min()) + 1e-3
            axis.set_ylim(whole.min() - margin, whole.max() + margin)
    images = f"{budget.mark_draws} draws, the first {budget.mark_images} images"
    axes[0].set(xlabel="epoch", ylabel="nats an image, held out")
    axes[1].set(xlabel="epoch")
    axes[0].set_title("evidence lower bound, all images", fontsize=10)
    axes[1].set_title(f"importance-weighted bound, {images}", fontsize=10)
    _finish(figure, axes, TASKS[model].title, axes[0])
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _draw_band(axis: Any, one: Series, curve: str) -> Floats:
    """Draw the mean over seeds and the band that they span, and return what is late enough to set the scale."""
    values = -_stack(one, curve)
    kept = np.flatnonzero(~np.isnan(values).any(axis=0))
    if not len(kept) or not len(values):
        return np.zeros(0)
    color, seeds = COLORS[one.encoder], f"{len(values)} seed{'s' * (len(values) > 1)}"
    shown = values[:, kept]
    marker = "o" if len(kept) < values.shape[1] else None
    axis.plot(kept + 1, shown.mean(axis=0), color=color, marker=marker, markersize=3, label=f"{one.title} ({seeds})")
    axis.fill_between(kept + 1, shown.min(axis=0), shown.max(axis=0), color=color, alpha=0.18, linewidth=0)
    late: Floats = shown[:, kept >= SHOWN_FROM * values.shape[1]]
    return late


def draw_capacity(series: Sequence[Series], model: str, budget: LearnedBudget, path: Path) -> None:
    """Draw both final bounds against the parameters of the encoder in use, with standard errors over seeds."""
    pyplot = import_pyplot()
    figure, axis = pyplot.subplots(figsize=(6.4, 5), layout="constrained")
    for encoder in dict.fromkeys(one.encoder for one in series):
        own = [one for one in series if one.encoder == encoder]
        sizes = [float(np.nanmean(one.facts("in_use"))) for one in own]
        for name, line, what in (("weighed_elbo", "--", "ELBO"), ("log_likelihood", "-", "log-likelihood")):
            means = [Mean.of(one.facts(name)) for one in own]
            errors = [0.0 if np.isnan(mean.error) else mean.error for mean in means]
            axis.errorbar(
                sizes,
                [mean.value for mean in means],
                errors,
                color=COLORS[encoder],
                linestyle=line,
                marker="o",
                markersize=4,
                capsize=3,
                label=f"{what}, {own[0].title}",
            )
    images = f"nats an image, the first {budget.weighed_images} held out"
    axis.set(xscale="log", xlabel="parameters of the encoder in use", ylabel=images)
    ticks = sorted({one.capacity for one in series})
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.minorticks_off()
    _finish(figure, [axis], TASKS[model].title, axis)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def draw_gaps(groups: dict[str, list[Series]], path: Path) -> None:
    """Draw for each model what its encoders lose, one bar an encoder, in two parts."""
    pyplot = import_pyplot()
    sizes = [len(series) for series in groups.values()]
    figure, found = pyplot.subplots(
        1,
        len(groups),
        figsize=(max(6.4, 2.4 + 1.15 * sum(sizes)), 4.8),
        layout="constrained",
        width_ratios=sizes,
        squeeze=False,
    )
    for axis, (model, series) in zip(found[0], groups.items(), strict=True):
        places = np.arange(len(series))
        bottom = np.zeros(len(series))
        for name, shade in (("approximation", 1.0), ("amortization", 0.4)):
            means = [Mean.of(one.facts(name)) for one in series]
            values = np.nan_to_num([mean.value for mean in means])
            colors = [COLORS[one.encoder] for one in series]
            axis.bar(places, values, bottom=bottom, color=colors, alpha=shade, width=0.65)
            axis.errorbar(
                places,
                bottom + values,
                [mean.error for mean in means],
                fmt="none",
                ecolor="black",
                capsize=3,
                linewidth=1,
            )
            bottom = bottom + values
        labels = [one.title.replace(", ", "\n") for one in series]
        axis.set_xticks(places, labels, fontsize=8)
        axis.set_title(model)
        axis.set_xlim(-0.6, len(series) - 0.4)
        axis.spines[["top", "right"]].set_visible(False)
    found[0][0].set_ylabel("nats an image lost")
    figure.suptitle("What the encoder loses: approximation (full), amortization (pale)", fontsize=11)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _stack(one: Series, curve: str) -> Floats:
    """Return a curve of all runs that were finished, one a row."""
    whole = [run for run in one.runs if run.facts.get("failed_at") is None]
    length = max((len(run.curves[curve]) for run in whole), default=0)
    return np.array([run.curves[curve] for run in whole], np.float64).reshape(-1, length)


def _finish(figure: Any, axes: Sequence[Any], title: str, named: Any) -> None:
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    handles, labels = named.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
