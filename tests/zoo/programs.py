"""The learned programs in small sizes, with their edges counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import comb
from typing import Any, NamedTuple

import retrodict as rd
from retrodict import zoo


class Case(NamedTuple):
    """How to make a program; its latents, edges, and the edges of its forward inverse."""

    make: Callable[[], Any]
    latents: list[str]
    edges: int
    forward: int


def elements(*sites: tuple[str, int]) -> list[str]:
    return [f"{site}[{i}]" for site, size in sites for i in range(size)]


# One layer of k over n pixels: each pixel needs each latent. The inverse has these edges and joins all latents.
# Layers of j over k over n: the top ones are joined to each other and to those of the middle, and these to the pixels.
CASES = {
    "vae": Case(lambda: zoo.programs.vae(5, 7, (6, 4)), elements(("z", 5)), 5 * 7, 5 * 7 + comb(5, 2)),
    "vae without hidden layer": Case(lambda: zoo.programs.vae(5, 7, ()), elements(("z", 5)), 5 * 7, 5 * 7 + comb(5, 2)),
    "scalar vae": Case(
        lambda: zoo.programs.vae(5, 7, (6,), scalar=True), [f"z{i}" for i in range(5)], 5 * 7, 5 * 7 + comb(5, 2)
    ),
    "Bernoulli vae": Case(
        lambda: zoo.programs.bernoulli_vae(5, 7, (6,)), elements(("z", 5)), 5 * 7, 5 * 7 + comb(5, 2)
    ),
    "layered vae": Case(
        lambda: zoo.programs.layered_vae((3, 4), 7, (6,)),
        elements(("z2", 3), ("z1", 4)),
        3 * 4 + 4 * 7,
        comb(3, 2) + 3 * 4 + comb(4, 2) + 4 * 7,
    ),
    "belief network": Case(
        lambda: zoo.programs.sigmoid_belief_network((5,), 7), elements(("z1", 5)), 35, 35 + comb(5, 2)
    ),
    "belief network of three layers": Case(
        lambda: zoo.programs.sigmoid_belief_network((2, 3, 4), 7),
        elements(("z3", 2), ("z2", 3), ("z1", 4)),
        2 * 3 + 3 * 4 + 4 * 7,
        1 + 2 * 3 + comb(3, 2) + 3 * 4 + comb(4, 2) + 4 * 7,
    ),
    "Poisson family": Case(
        lambda: zoo.programs.deep_exponential_family((3, 4), 7),
        elements(("z2", 3), ("z1", 4)),
        3 * 4 + 4 * 7,
        comb(3, 2) + 3 * 4 + comb(4, 2) + 4 * 7,
    ),
    "Bernoulli family": Case(
        lambda: zoo.programs.deep_exponential_family((3, 4), 7, observation="bernoulli"),
        elements(("z2", 3), ("z1", 4)),
        3 * 4 + 4 * 7,
        comb(3, 2) + 3 * 4 + comb(4, 2) + 4 * 7,
    ),
    "autoregressive vae": Case(
        lambda: zoo.programs.autoregressive_vae(3, 7, (6,)), elements(("z", 3)), 3 * 7 + comb(7, 2), 3 * 7 + comb(3, 2)
    ),
}


@cache
def read(name: str) -> Any:
    """The model of a case, read element by element."""
    return rd.from_numpyro(CASES[name].make(), observed=["x"], elementwise=True)
