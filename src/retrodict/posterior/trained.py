"""The table that a notebook shows of a trained model: its structure, its training and its size."""

from __future__ import annotations

from collections.abc import Sequence

from retrodict.encode.build import count_parameters
from retrodict.encode.encoder import Encoder
from retrodict.encode.peaks.peak_encoder import PeakEncoder
from retrodict.exact.closed_form import ClosedForm
from retrodict.graph.inverse import Inverse
from retrodict.graph.scenes import count
from retrodict.pictures.table import Table
from retrodict.train.history import History

# The most latents of a closed form that are named.
MOST_NAMED = 8


def describe_trained(
    title: str,
    inverse: Inverse,
    encoder: Encoder | PeakEncoder | None,
    history: History,
    forms: Sequence[ClosedForm] = (),
) -> Table:
    """Return a table of properties, one a row."""
    net, barren = inverse.net, len(inverse.generative)
    latents = count("latent", len(net.latents)) + (f", {barren:,} of them barren" if barren else "")
    rows = [
        ("variables", f"{latents}; {len(net.observed):,} observed"),
        (
            "inverse",
            f"{inverse.strategy}: {count('edge', inverse.n_edges)}, depth {inverse.depth}, width {inverse.width}",
        ),
        *((f"closed form, {form.kind}", _describe_form(form)) for form in forms),
        ("encoder", _describe_encoder(encoder, forms)),
        ("training", repr(history).removeprefix("History(").removesuffix(")")),
    ]
    return Table(("property", "value"), rows, title, remarks=True)


def _describe_form(form: ClosedForm) -> str:
    names = ", ".join(map(str, form.variables[:MOST_NAMED]))
    more = len(form.variables) - MOST_NAMED
    return f"{names} and {more:,} more" if more > 0 else names


def _describe_encoder(encoder: Encoder | PeakEncoder | None, forms: Sequence[ClosedForm]) -> str:
    if encoder is None:
        return f"none: every latent is drawn from {'its closed form' if forms else 'the model itself'}"
    family = type(encoder.conditional).__name__
    return f"{type(encoder.network).__name__}, {family} conditionals, {count_parameters(encoder):,} weights in use"
