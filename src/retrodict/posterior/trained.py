"""The table that a notebook shows of a trained model: its structure, its training and its size."""

from __future__ import annotations

from retrodict.encode.build import count_parameters
from retrodict.encode.encoder import Encoder
from retrodict.graph.inverse import Inverse
from retrodict.graph.scenes import count
from retrodict.pictures.table import Table
from retrodict.train.history import History


def describe_trained(title: str, inverse: Inverse, encoder: Encoder | None, history: History) -> Table:
    """Return a table of properties, one a row."""
    net, barren = inverse.net, len(inverse.generative)
    latents = count("latent", len(net.latents)) + (f", {barren:,} of them barren" if barren else "")
    rows = [
        ("variables", f"{latents}; {len(net.observed):,} observed"),
        (
            "inverse",
            f"{inverse.strategy}: {count('edge', inverse.n_edges)}, depth {inverse.depth}, width {inverse.width}",
        ),
        ("encoder", _describe_encoder(encoder)),
        ("training", repr(history).removeprefix("History(").removesuffix(")")),
    ]
    return Table(("property", "value"), rows, title, remarks=True)


def _describe_encoder(encoder: Encoder | None) -> str:
    if encoder is None:
        return "none: every latent is drawn from the model itself"
    family = type(encoder.conditional).__name__
    return f"{type(encoder.network).__name__}, {family} conditionals, {count_parameters(encoder):,} weights in use"
