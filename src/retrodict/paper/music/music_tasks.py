"""What is learned of music: sets, sizes of the model, and what is spent on a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict import zoo
from retrodict.zoo.music import Music, load_music
from retrodict.zoo.programs.markov import DeepMarkov

ENCODERS = ("derived", "all", "mean-field", "past")


@dataclass(frozen=True)
class MusicSize:
    """Widths of a deep Markov model, the parameters in use that every encoder of it gets, and how it is learned."""

    latents: int
    emission: int
    transition: int
    capacity: int
    epochs: int
    annealing: int
    learning_rate: float
    decay: float

    def make(self, seed: int) -> DeepMarkov:
        """Return the untrained program."""
        return zoo.programs.deep_markov(self.latents, zoo.music.KEYS, self.emission, self.transition, seed=seed)


SIZES: Mapping[str, MusicSize] = {
    "paper": MusicSize(100, 100, 200, 1_000_000, 500, 100, 8e-4, 0.05),
    "medium": MusicSize(32, 64, 64, 50_000, 300, 50, 3e-3, 0.1),
    "small": MusicSize(16, 32, 32, 20_000, 80, 10, 5e-3, 0.1),
    "tiny": MusicSize(4, 8, 8, 6_000, 2, 1, 3e-3, 0.0),
}


@dataclass(frozen=True)
class MusicBudget:
    """What is spent on a run; results of different budgets are not mixed.

    ``epochs`` None: each size its own. Pieces are learned from in parts of ``longest`` steps at most. All test pieces,
    or the first ``tested``, give the bound and the importance-sampled log-likelihood with ``weights`` draws; the first
    ``filtered`` of these those of particle filters with ``particles`` and ten times as many.
    """

    epochs: int | None = None
    longest: int = 200
    pieces: int | None = None
    tested: int | None = None
    weights: int = 50
    filtered: int = 4
    particles: int = 100

    def epochs_of(self, size: MusicSize) -> int:
        """Return the epochs of a size."""
        return self.epochs or size.epochs


SMOKE = MusicBudget(epochs=2, longest=40, pieces=6, tested=2, weights=4, filtered=2, particles=4)

Pieces = list[NDArray[Any]]


@dataclass(frozen=True)
class MusicData:
    """Pieces to learn from, cut into parts, pieces to judge by, and pieces to test on."""

    train: Pieces
    valid: Pieces
    test: Pieces


def load_pieces(name: str, budget: MusicBudget, folder: str | os.PathLike[str] | None = None) -> MusicData:
    """Return what a budget takes of a set; raise what `load_music` raises."""
    return divide_pieces(load_music(name, None if folder is None else Path(folder)), budget)


def divide_pieces(music: Music, budget: MusicBudget) -> MusicData:
    """Return what a budget takes of pieces: with ``pieces``, the first of them, no longer than ``longest``."""
    test = list(music.test)[: budget.tested]
    if budget.pieces is not None:
        test = [piece[: budget.longest] for piece in test]
    train, valid = (
        cut(list(part)[: budget.pieces], budget.longest, budget.pieces) for part in (music.train, music.valid)
    )
    return MusicData(train, valid, test)


def cut(pieces: Sequence[NDArray[Any]], longest: int, most: int | None = None) -> Pieces:
    """Return pieces in parts of at most so many steps, nearly equal in length.

    >>> [len(part) for part in cut([np.zeros((5, 1)), np.zeros((9, 1))], 4)]
    [3, 2, 3, 3, 3]
    """
    found = [part for piece in pieces for part in np.array_split(piece, -(-len(piece) // longest))]
    return found[:most]
