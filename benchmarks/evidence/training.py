"""Networks for any evidence, with the masks of structure and without: trained once, then taken from a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import retrodict as rd
from retrodict.invert.asked.drawing_order import find_drawing_order
from retrodict.posterior.any_evidence.gated import slot_plans
from retrodict.posterior.any_evidence.gated.evidence_sets import find_barren


@dataclass(frozen=True)
class Case:
    """How long a network is trained, how wide, and how many questions are asked; how many of baselines, too.

    ``blind`` says whether the same network without masks is trained, too.
    """

    steps: int
    width: int
    questions: int = 1000
    compared: int = 200
    batch: int = 256
    rate: float = 1e-2
    blind: bool = True


def train(model: rd.DiscreteNetwork, case: Case, folder: Path) -> tuple[rd.EvidencePosterior, float]:
    """Return the trained posterior and the seconds that it took; one that lies in the folder is taken from there."""
    note = folder / "seconds"
    if note.exists():
        return rd.load(folder, model), float(note.read_text())  # type: ignore[return-value]
    started = perf_counter()
    post = rd.amortize(
        model,
        evidence="any",
        steps=case.steps,
        batch=case.batch,
        widths=(case.width,),
        learning_rate=case.rate,
        quiet=True,
    )
    seconds = perf_counter() - started
    post.save(folder)
    note.write_text(str(seconds))
    return post, seconds


@contextmanager
def without_masks() -> Iterator[None]:
    """Let every network see all that is known and all that was drawn before: the same networks, no structure."""

    def find_all(net: rd.BayesNet, known: Any) -> Any:
        seen = ~find_barren(net, known)
        rank = np.argsort(find_drawing_order(net))
        return ((rank < rank[:, None]) | known) & seen & ~known[:, None]

    kept = slot_plans.find_parents
    try:
        slot_plans.find_parents = find_all
        yield
    finally:
        slot_plans.find_parents = kept
