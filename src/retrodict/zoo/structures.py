"""Models with known answers, each with its source; ``tree:5`` on the command line is ``zoo.binary_tree(5)``."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from retrodict.errors import SourceError
from retrodict.graph.bayesnet import BayesNet
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.zoo.sizes import require_at_least, require_depth, require_room


def binary_tree(depth: int = 5, seed: int = 0) -> LinearGaussian:
    r"""Return the paper's model: a binary tree of normals whose leaves are observed.

    :math:`X_0 \sim N(0, 1)`, :math:`X_i \mid x_{\lfloor (i-1)/2 \rfloor} = y \sim N(w_i y, 1)`, with
    :math:`w_i \sim U[1/2, 2]` fixed by the seed; :math:`2^d - 1` variables.

    Arguments:
        depth: number of levels, at least 2. Default 5.
        seed: seed of the weights. Default 0.

    Known: its reversed edges are unfaithful from depth 3 on; eliminating the root first (forward) gives 35
    edges at depth 4 and 135 at depth 5, the leaves first (reverse) 30 and 78, min-fill 27 and 70.

    Source: Webb et al. 2017, section 3.

    >>> binary_tree(depth=3).net.observed
    ('x3', 'x4', 'x5', 'x6')
    """
    require_at_least(2, depth=depth)
    require_depth(depth)
    n = 2**depth - 1
    net = BayesNet(
        {f"x{i}": [f"x{(i - 1) // 2}"] if i else [] for i in range(n)},
        observed=[f"x{i}" for i in range(n // 2, n)],
    )
    weights = np.random.default_rng(seed).uniform(0.5, 2.0, n - 1)
    return LinearGaussian.from_weights(net, {f"x{i}": {f"x{(i - 1) // 2}": float(weights[i - 1])} for i in range(1, n)})


def hmm(steps: int = 16, decay: float = 0.9) -> LinearGaussian:
    r"""Return a linear state-space model, :math:`z_t \sim N(a z_{t-1}, 1)`, :math:`x_t \sim N(z_t, 1)` observed.

    Arguments:
        steps: number of time steps, at least 1. Default 16.
        decay: the weight :math:`a` of the previous state. Default 0.9.

    Known: eliminated along time, forwards or backwards, 64 steps have 2,143 edges and are sampled in 64 steps;
    443 edges and 7 steps are possible.

    Source: Kalman 1960; the one-layer case of Krishnan, Shalit & Sontag 2017.

    >>> hmm(steps=2).net.parents("z1")
    ('z0',)
    """
    require_at_least(1, steps=steps)
    require_room(f"a state-space model of {steps:,} steps", 2 * steps, 2 * steps - 1)
    states = {f"z{t}": [f"z{t - 1}"] if t else [] for t in range(steps)}
    emissions = {f"x{t}": [f"z{t}"] for t in range(steps)}
    net = BayesNet({**states, **emissions}, observed=emissions)
    return LinearGaussian.from_weights(net, {f"z{t}": {f"z{t - 1}": decay} for t in range(1, steps)})


def plate(groups: int = 8) -> BayesNet:
    """Return the structure of a hierarchical model: mu, tau -> theta_j -> y_j, the y observed.

    Arguments:
        groups: number of groups, at least 1. Default 8.

    Known: with 32 groups the reverse order keeps the plate, 161 edges and 3 sampling steps; the forward order
    destroys it, 1,089 edges and 34 steps.

    Source: Rubin 1981 (eight schools, here written out without its plate).

    >>> plate(groups=2).parents("theta1")
    ('mu', 'tau')
    """
    require_at_least(1, groups=groups)
    require_room(f"a plate of {groups:,} groups", 2 * groups + 2, 3 * groups)
    locals_ = {f"theta{j}": ["mu", "tau"] for j in range(groups)}
    data = {f"y{j}": [f"theta{j}"] for j in range(groups)}
    return BayesNet({"mu": [], "tau": [], **locals_, **data}, observed=data)


def layers(count: int = 3, size: int = 10, pixels: int = 20) -> BayesNet:
    """Return the structure of a layered variational autoencoder: every layer fully connected to the next.

    Arguments:
        count: number of layers of latents. Default 3.
        size: latents in a layer. Default 10.
        pixels: number of observed variables. Default 20.

    Known: 3 layers of 10 over 20 pixels have 535 edges forward and 935 in reverse.

    Source: Webb et al. 2017, section 1 (sigmoid belief networks and deep generative models).

    >>> layers(count=1, size=2, pixels=3).n_edges
    6
    """
    require_at_least(1, count=count, size=size, pixels=pixels)
    n_edges = (count - 1) * size**2 + size * pixels
    require_room(f"{count:,} layers of {size:,} over {pixels:,} pixels", count * size + pixels, n_edges)
    rows = [[f"z{layer}_{i}" for i in range(size)] for layer in range(count)]
    parents: dict[str, list[str]] = {name: [] for name in rows[0]}
    for above, below in itertools.pairwise(rows):
        parents.update(dict.fromkeys(below, above))
    data = [f"x{i}" for i in range(pixels)]
    return BayesNet({**parents, **dict.fromkeys(data, rows[-1])}, observed=data)


def asia() -> BayesNet:
    """Return the structure of the chest clinic; X-ray and dyspnoea are observed.

    Known: the posterior needs 11 edges in its most compact inverse.

    Source: Lauritzen & Spiegelhalter 1988.

    >>> asia().parents("either")
    ('tub', 'lung')
    """
    return BayesNet(
        {
            "asia": [],
            "smoke": [],
            "tub": ["asia"],
            "lung": ["smoke"],
            "bronc": ["smoke"],
            "either": ["lung", "tub"],
            "xray": ["either"],
            "dysp": ["bronc", "either"],
        },
        observed=["xray", "dysp"],
    )


NAMED: dict[str, Callable[..., BayesNet | LinearGaussian]] = {
    "tree": binary_tree,
    "hmm": hmm,
    "plate": plate,
    "layers": layers,
    "asia": asia,
}


# How many sizes may stand behind a name on the command line, with x between, and what that looks like.
SIZES = {
    "tree": (1, "tree:5"),
    "hmm": (1, "hmm:64"),
    "plate": (1, "plate:32"),
    "layers": (3, "layers:3x10x20"),
    "asia": (0, "asia"),
}
# Digits of a size: more variables than these can count fit nowhere, and Python is slow at long numbers.
MOST_DIGITS = 18


def find(source: str) -> BayesNet | LinearGaussian:
    """Return the model of a name such as ``tree:5``, ``hmm:64``, ``plate:32``, ``layers:3x10x20`` or ``asia``.

    Raises: `SourceError` for a name or number that does not fit, and what the model of that name raises.

    >>> find("tree:4")
    LinearGaussian(BayesNet(7 latent, 8 observed, 14 edges))
    """
    name, _, sizes = source.partition(":")
    if name not in NAMED:
        raise SourceError(f"{source!r:.60} is not a model of the zoo", remedy=f"It has {', '.join(NAMED)}.")
    return NAMED[name](*_read_sizes(source, name, sizes))


def _read_sizes(source: str, name: str, text: str) -> list[int]:
    """Return the sizes behind a name, none where there is no text."""
    words, (most, example) = text.split("x") if text else [], SIZES[name]
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS):
            raise SourceError(
                f"{source!r:.60} cannot be read: {word!r:.30} is not a whole number of at most {MOST_DIGITS} digits",
                remedy=f"Write it as {example}.",
            )
    if len(words) > most:
        raise SourceError(
            f"{source!r:.60} cannot be read: it gives {len(words)} sizes, {name} takes {most}",
            remedy=f"Write it as {example}.",
        )
    return [int(word) for word in words]
