"""The networks that the benchmarks invert, as parents of each variable and the observed ones."""

from __future__ import annotations

from random import Random

Network = tuple[dict[int, list[int]], list[int]]


def tree(variables: int) -> Network:
    """Return a complete binary tree, parents first; its leaves are observed."""
    parents = {i: [(i - 1) // 2] if i else [] for i in range(variables)}
    return parents, list(range(variables // 2, variables))


def chain(steps: int) -> Network:
    """Return a hidden Markov model: z_t has the number 2 t, what is seen of it 2 t + 1."""
    parents: dict[int, list[int]] = {}
    for t in range(steps):
        parents[2 * t] = [2 * t - 2] if t else []
        parents[2 * t + 1] = [2 * t]
    return parents, list(range(1, 2 * steps, 2))


def grid(side: int) -> Network:
    """Return a lattice of latents, each the child of those above and to the left, each with an observed child."""
    parents: dict[int, list[int]] = {}
    for i in range(side):
        for j in range(side):
            here = i * side + j
            parents[2 * here] = [2 * (here - side)] * (i > 0) + [2 * (here - 1)] * (j > 0)
            parents[2 * here + 1] = [2 * here]
    return parents, list(range(1, 2 * side * side, 2))


def random(variables: int, most: int = 3, seed: int = 0) -> Network:
    """Return a random network: up to ``most`` parents among all before; every second sink is observed."""
    dice = Random(seed)
    parents = {i: sorted(dice.sample(range(i), min(i, dice.randint(0, most)))) for i in range(variables)}
    inner = {parent for row in parents.values() for parent in row}
    sinks = [i for i in range(variables) if i not in inner]
    return parents, dice.sample(sinks, len(sinks) // 2)


def local(variables: int, reach: int = 20, most: int = 3, seed: int = 0) -> Network:
    """Return a random network whose parents lie within the last ``reach`` variables."""
    dice = Random(seed)
    parents = {
        i: sorted(dice.sample(range(max(0, i - reach), i), min(i, dice.randint(0, most)))) for i in range(variables)
    }
    inner = {parent for row in parents.values() for parent in row}
    sinks = [i for i in range(variables) if i not in inner]
    return parents, dice.sample(sinks, len(sinks) // 2)


def layers(depth: int, width: int) -> Network:
    """Return layers, each variable the child of the whole layer above; the last of them is observed."""
    parents = {i: list(range(i - i % width - width, i - i % width)) if i >= width else [] for i in range(depth * width)}
    return parents, list(range((depth - 1) * width, depth * width))


def fan(latents: int) -> Network:
    """Return latents without parents that have one observed child together."""
    return {**{i: [] for i in range(latents)}, latents: list(range(latents))}, [latents]
