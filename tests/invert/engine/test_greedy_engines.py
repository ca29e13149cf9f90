"""All engines give the order that a slow obvious one gives."""

from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pytest

from retrodict.graph.ancestry import find_barren
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.elimination import eliminate
from retrodict.graph.moral import moralize
from retrodict.graph.rows import Integers, Rows
from retrodict.invert.comi import choose_naturally
from retrodict.invert.engine.algebra import Bits, Sets
from retrodict.invert.engine.arborescence import (
    Rule,
    find_arborescence,
    order_children_first,
    order_parents_first,
)
from retrodict.invert.engine.greedy import Greedy, order_greedily
from retrodict.invert.engine.latentgraph import Direction, condense, precede
from retrodict.invert.inversion import invert

RULES: tuple[Rule, ...] = ("fill", "degree")
DIRECTIONS: tuple[Direction | None, ...] = ("forward", "reverse", None)


def order_slowly(
    net: BayesNet, neighbors: Rows, latents: Integers, rule: Rule, direction: Direction | None
) -> list[int]:
    """The definition: score everybody anew at every step, with every observed variable by itself."""
    near = {v: set(neighbors[v].tolist()) for v in range(len(net))}
    seen = net.is_observed.tolist()
    upstream = {"forward": net.parent_rows, "reverse": net.child_rows, None: Rows.from_lists([[]] * len(net))}
    wanted = set(latents.tolist())
    before = {v: {u for u in upstream[direction][v].tolist() if u in wanted} for v in wanted}
    born = {v: 0 for v in wanted if not before[v]}
    order: list[int] = []

    def score(v: int) -> int:
        if rule == "degree":
            return len(near[v])
        return sum(not (seen[a] and seen[b]) and b not in near[a] for a, b in combinations(near[v], 2))

    while born:
        v = min(born, key=lambda v: (score(v), -born[v], v))
        order.append(v)
        del born[v]
        for a in near[v]:
            near[a] |= {b for b in near[v] if b != a and not (seen[a] and seen[b])}
            near[a].discard(v)
        wanted.discard(v)
        for u in wanted:
            if v in before[u]:
                before[u].discard(v)
                if not before[u]:
                    born[u] = len(order)
    return order


def count_edges(net: BayesNet, neighbors: Rows, order: list[int]) -> int:
    return int(eliminate(net, neighbors, np.array(order, dtype=np.int64)).sets.sizes.sum())


def draw_net(dice: Random, most_parents: int, sinks: bool) -> BayesNet:
    n = dice.randint(2, 14)
    parents = {i: dice.sample(range(i), min(i, dice.randint(0, most_parents))) for i in range(n)}
    inner = {parent for row in parents.values() for parent in row}
    may = [i for i in range(n) if i not in inner] if sinks else list(range(n))
    observed = dice.sample(may, dice.randint(1, len(may)))
    return BayesNet(parents, observed[: n - 1])


def prepare(net: BayesNet) -> tuple[Rows, Integers]:
    barren = find_barren(net)
    return moralize(net, keep=~barren), np.flatnonzero(~net.is_observed & ~barren)


@pytest.mark.parametrize("sinks", [True, False])
@pytest.mark.parametrize("most_parents", [1, 2, 4])
def test_engines_agree_with_the_definition(most_parents: int, sinks: bool) -> None:
    dice = Random(most_parents)  # noqa: S311
    lanes = 0
    for _ in range(150):
        net = draw_net(dice, most_parents, sinks)
        neighbors, latents = prepare(net)
        if not len(latents):
            continue
        graph = condense(net, neighbors, latents)
        for rule in RULES:
            for direction in DIRECTIONS:
                expected = order_slowly(net, neighbors, latents, rule, direction)
                n_edges = count_edges(net, neighbors, expected)
                precedence = precede(net, latents, direction)
                for algebra in (Bits(), Sets()):
                    from_end = dice.random() < 0.5
                    order = Greedy(graph, precedence, rule, algebra, from_end=from_end).run()
                    assert order is not None
                    assert latents[order.latents].tolist() == expected, (rule, direction, type(algebra))
                    assert order.n_edges == n_edges
                forest = find_arborescence(graph, precedence, direction) if direction else None
                if forest:
                    lane = order_children_first if direction == "reverse" else order_parents_first
                    found = lane(forest, rule)
                    assert found is not None
                    assert latents[found.latents].tolist() == expected, (rule, direction, "lane")
                    assert found.n_edges == n_edges
                    lanes += 1
    assert lanes or most_parents > 1


@pytest.mark.parametrize("order", ["forward", "reverse", "min-fill"])
def test_nothing_to_eliminate(order: str) -> None:
    net = BayesNet({"x": [], "z": ["x"]}, observed=["x"])
    assert dict(invert(net, order).parents) == {"z": ("x",)}
    neighbors, latents = prepare(net)
    assert choose_naturally(net, neighbors, latents) == []


def test_choice_has_the_fewest_edges_of_the_natural_orders() -> None:
    dice = Random(5)  # noqa: S311
    for _ in range(100):
        net = draw_net(dice, 3, sinks=True)
        neighbors, latents = prepare(net)
        edges = {
            (rule, direction): count_edges(net, neighbors, order_slowly(net, neighbors, latents, rule, direction))
            for rule in RULES
            for direction in ("forward", "reverse")
        }
        found = count_edges(net, neighbors, choose_naturally(net, neighbors, latents))
        assert found <= min(edges["fill", "forward"], edges["fill", "reverse"])
        assert found in edges.values()


def test_sets_that_grow_become_bits() -> None:
    dice = Random(3)  # noqa: S311
    n = 3000
    parents = {i: dice.sample(range(i), min(i, dice.randint(0, 3))) for i in range(n)}
    net = BayesNet(parents, dice.sample(range(n), 400))
    neighbors, latents = prepare(net)
    graph, precedence = condense(net, neighbors, latents), precede(net, latents, "reverse")
    growing, bits = (Greedy(graph, precedence, "degree", algebra) for algebra in (Sets(), Bits()))
    assert growing.run() == bits.run()
    assert isinstance(growing.graph.algebra, Bits)


@pytest.mark.parametrize("reach", [5, 150])
def test_engines_agree_with_each_other_on_larger_models(reach: int) -> None:
    dice = Random(reach)  # noqa: S311
    parents = {i: dice.sample(range(max(0, i - reach), i), min(i, dice.randint(0, 3))) for i in range(150)}
    net = BayesNet(parents, dice.sample(range(150), 50))
    neighbors, latents = prepare(net)
    graph = condense(net, neighbors, latents)
    for rule in RULES:
        for direction in DIRECTIONS:
            precedence = precede(net, latents, direction)
            found = {
                str(Greedy(graph, precedence, rule, algebra, from_end=from_end).run())
                for algebra in (Bits(), Sets())
                for from_end in (False, True)
            }
            assert len(found) == 1
            assert latents[order_greedily(graph, precedence, rule, direction).latents].tolist() == order_slowly(
                net, neighbors, latents, rule, direction
            )
