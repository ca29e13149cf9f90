"""Inference compilation on stored simulations: an encoder that must not learn them by heart."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
from jaxtyping import Array, Key

from retrodict.encode.encoder import Encoder
from retrodict.train.history import History
from retrodict.train.inference import compile_inference, find_culprits, train_judged
from retrodict.train.loop import Plan
from retrodict.train.stored.stored_rows import StoredRows


def fit_stored(
    encoder: Encoder,
    source: StoredRows,
    held_out: tuple[Any, Any],
    plan: Plan,
    key: Key[Array, ""],
    *,
    names: tuple[Any, ...] = (),
    title: str = "fit",
    quiet: bool = False,
) -> tuple[Encoder, History]:
    """Return an encoder trained on stored simulations, pass by pass, and its history.

    Arguments:
        encoder: the untrained encoder.
        source: the rows to train on.
        held_out: rows that are never trained on, by which the encoder is judged; the parameters that are best on these
            are kept, so that what is learned by heart is forgotten again.
        plan: how long and how fast.
        key: for the order of the rows.
        names: those of the latent columns, for messages.
        title: what stands before the progress.
        quiet: True shows no progress.

    Raises: `TrainingError` at the first step whose objective or gradient is not finite.

    Source: Paige & Wood 2016; Prechelt 1998 (early stopping).
    """
    return train_judged(
        encoder,
        compile_inference,
        source,
        jax.tree.map(jax.numpy.asarray, held_out),
        replace(plan, batch=source.batch),
        key,
        blame=partial(find_culprits, names),
        title=title,
        quiet=quiet,
    )
