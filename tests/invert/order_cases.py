"""Models to search orders of, and answers by brute force: every permutation of the latents is eliminated."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from random import Random

import retrodict as rd
from retrodict.invert.constraints import Constraints
from retrodict.invert.objectives import NAMED
from retrodict.invert.problem import Problem


def draw_net(seed: int, n: int, *, density: float = 0.35, observed: float = 0.4) -> rd.BayesNet:
    """Draw a random model; barren latents and observed variables with children are welcome."""
    random = Random(seed)  # noqa: S311
    parents = {i: [j for j in range(i) if random.random() < density] for i in range(n)}
    seen = [i for i in range(n) if random.random() < observed] or [n - 1]
    return rd.BayesNet(parents, observed=seen if len(seen) < n else seen[1:])


def draw_latents(seed: int, n: int, mean_parents: float) -> rd.BayesNet:
    """Draw a model of n latents with this many parents on average, each with an observed child."""
    random = Random(seed)  # noqa: S311
    whole = int(mean_parents)
    parents: dict[str, list[str]] = {}
    for i in range(n):
        count = min(i, whole + (random.random() < mean_parents - whole))
        parents[f"z{i}"] = [f"z{j}" for j in sorted(random.sample(range(i), count))]
    parents |= {f"x{i}": [f"z{i}"] for i in range(n)}
    return rd.BayesNet(parents, observed=[f"x{i}" for i in range(n)])


def make_tree(depth: int) -> rd.BayesNet:
    """Return the paper's binary tree of so many levels, the last one observed."""
    n = 2**depth - 1
    return rd.BayesNet({i: [(i - 1) // 2] if i else [] for i in range(n)}, observed=range(n // 2, n))


def make_chain(steps: int) -> rd.BayesNet:
    """Return a hidden Markov model."""
    parents: dict[str, list[str]] = {}
    for t in range(steps):
        parents[f"z{t}"] = [f"z{t - 1}"] if t else []
        parents[f"x{t}"] = [f"z{t}"]
    return rd.BayesNet(parents, observed=[f"x{t}" for t in range(steps)])


def make_grid(side: int) -> rd.BayesNet:
    """Return a directed grid, each latent with an observed child."""
    parents: dict[object, list[object]] = {}
    for i, j in product(range(side), repeat=2):
        parents[(i, j)] = [(i - 1, j)] * (i > 0) + [(i, j - 1)] * (j > 0)
        parents[("x", i, j)] = [(i, j)]
    return rd.BayesNet(parents, observed=[name for name in parents if name[0] == "x"])


def find_best(
    net: rd.BayesNet, minimize: str, respects: Callable[[tuple[int, ...]], bool] = lambda order: True
) -> float:
    """Return the least edges, depth or width over all permutations of the latents that are not barren."""
    problem = Problem.of(net)
    orders = filter(respects, permutations(problem.latents.tolist()))
    return min(NAMED[minimize](problem.follow(order, "try"))[0] for order in orders)


def free(net: rd.BayesNet) -> Constraints:
    """Return no constraints."""
    return Constraints(net)
