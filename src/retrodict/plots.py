"""Figures, drawn by matplotlib from results alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrodict.errors import OptionError
from retrodict.reproduce.figure2 import Outcome

# Okabe & Ito's colours, told apart by everybody.
COLOURS = {"a": "#D55E00", "b": "#0072B2", "c": "#009E73", "d": "#CC79A7"}


def plot_figure2(outcomes: Sequence[Outcome], entropy: float, path: Path, title: str) -> None:
    """Draw both panels of the paper's figure 2 into a file: the objective minus its constant, and log-posteriors.

    ``entropy`` is that of the posterior in nats: minus the value that samples of the exact posterior reach in the
    second panel.
    """
    pyplot = import_pyplot()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for outcome in outcomes:
        letter = outcome.candidate.letter
        inverse = outcome.candidate.inverse
        label = f"({letter}) {outcome.candidate.title}: {inverse.strategy}, {inverse.n_edges} edges"
        epochs = range(1, len(outcome.history.step) + 1)
        for axis, metric in ((left, "kl"), (right, "log_posterior")):
            values = [watched[metric] for watched in outcome.history.watched]
            axis.plot(epochs, values, color=COLOURS[letter], label=label)
    floor = outcomes[0].floor
    left.axhline(floor, color=COLOURS["a"], linestyle=":", label=f"floor of reversed edges, {floor:.2f}")
    left.set(xlabel="epoch", ylabel="objective minus its constant: KL (nats)", yscale="log")
    left.yaxis.set_major_formatter("{x:g}")
    right.axhline(-entropy, color="black", linestyle=":", label="exact posterior")
    lowest = min(outcome.history.watched[-1]["log_posterior"] for outcome in outcomes)
    right.set(xlabel="epoch", ylabel="exact log-posterior of encoder samples (nats)")
    right.set_ylim(min(-entropy, lowest) - 8, -entropy + 3)
    for axis in (left, right):
        axis.legend(frameon=False, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def import_pyplot() -> Any:
    """Return matplotlib.pyplot without a display; raise `OptionError` where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise OptionError("figures need matplotlib", remedy="pip install 'retrodict[plot]'.") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
