"""The encoders that the paper compares, of equal capacity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax

from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.graph.inverse import Inverse
from retrodict.invert import fully_connected, invert, reversal
from retrodict.masks import Dependencies
from retrodict.model import Model

FACTOR_WIDTHS = (200, 200)


@dataclass(frozen=True)
class Candidate:
    """An encoder to be trained: a title, an inverse, the kind of network and its hidden widths."""

    letter: str
    title: str
    inverse: Inverse
    kind: str
    widths: Sequence[int]

    def build(self, key: jax.Array) -> Encoder:
        """Return the untrained network as the paper has it: ReLU, no linear skip, nothing standardised."""
        return build_encoder(self.inverse, key, self.kind, self.widths, skip=False)


def list_candidates(model: Model, order: str = "auto") -> tuple[Candidate, ...]:
    """Return (a) the heuristic, (b) the standard masked and (c) the minimal masked encoder of a model.

    (a) has a network [200, 200] for each factor; (b) and (c) are single networks of two hidden layers, as wide
    as gives full matrices the same number of weights.

    Source: Webb et al. 2017, section 3.

    >>> from retrodict import zoo
    >>> [(c.letter, c.inverse.n_edges, tuple(c.widths)) for c in list_candidates(zoo.binary_tree(depth=3))]
    [('a', 6, (200, 200)), ('b', 15, (344, 344)), ('c', 9, (344, 344))]
    """
    heuristic = reversal(model.net)
    capacity = count_separate_weights(Dependencies.of(heuristic), FACTOR_WIDTHS)
    shared: dict[str, tuple[str, Callable[[], Inverse]]] = {
        "b": ("standard masked", lambda: fully_connected(model.net)),
        "c": ("minimal masked", lambda: invert(model, order)),
    }
    masked = []
    for letter, (title, make) in shared.items():
        inverse = make()
        width = match_width(Dependencies.of(inverse), capacity)
        masked.append(Candidate(letter, title, inverse, "shared", (width, width)))
    return (Candidate("a", "heuristic", heuristic, "separate", FACTOR_WIDTHS), *masked)


def count_separate_weights(dependencies: Dependencies, widths: Sequence[int], parameters: int = 2) -> int:
    """Return the weights and biases of one network for each latent."""
    first, second = widths
    inputs = (dependencies.matrix * dependencies.sizes).sum(axis=1)
    outputs = dependencies.latent_sizes * parameters
    each = (inputs + 1) * first + (first + 1) * second + (second + 1) * outputs
    return int(each.sum())


def match_width(dependencies: Dependencies, capacity: int, parameters: int = 2) -> int:
    """Return the width of two equal hidden layers whose full matrices come nearest to a capacity."""
    inputs = int(dependencies.sizes.sum())
    outputs = int(dependencies.latent_sizes.sum()) * parameters

    def distance(width: int) -> int:
        return abs((inputs + 1) * width + (width + 1) * width + (width + 1) * outputs - capacity)

    return min(range(1, int(capacity**0.5) + 2), key=distance)
