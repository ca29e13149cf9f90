"""What large models rely on: no recursion, no time or memory for what is implied but not stored."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from retrodict.graph.ancestry import find_ancestors, find_barren
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Rows, spread
from retrodict.invert.inversion import invert

STEPS = 20_000


def chain(steps: int, last_only: bool = False) -> BayesNet:
    parents: dict[str, list[str]] = {f"z{t}": [f"z{t - 1}"] if t else [] for t in range(steps)}
    seen = [steps - 1] if last_only else range(steps)
    return BayesNet({**parents, **{f"x{t}": [f"z{t}"] for t in seen}}, [f"x{t}" for t in seen])


@pytest.mark.parametrize("order", ["forward", "reverse"])
def test_a_long_chain_is_inverted_in_linear_memory(order: str) -> None:
    inverse = invert(chain(STEPS), order)
    assert inverse.n_edges == STEPS * (STEPS + 1) // 2 + STEPS - 1
    assert inverse.depth == STEPS
    stored = len(inverse.sets.latents.index) + len(inverse.sets.walk)
    assert stored == 2 * STEPS - 1


def test_a_long_chain_seen_at_its_end_has_no_barren_latent() -> None:
    assert not find_barren(chain(STEPS, last_only=True)).any()


def test_ancestors_are_found_in_wide_and_in_narrow_graphs() -> None:
    dice = Random(1)  # noqa: S311
    for n in (20, 2000):
        parents = {i: dice.sample(range(i), min(i, 2)) for i in range(n)}
        net = BayesNet(parents, [n - 1])
        marked = np.zeros(n, dtype=bool)
        marked[dice.sample(range(n), n // 5)] = True
        expected = marked.copy()
        for i in range(n - 1, -1, -1):
            expected[net.parent_rows[i]] |= expected[i]
        assert find_ancestors(net, marked).tolist() == expected.tolist()


def test_depth_is_that_of_the_written_out_parents() -> None:
    dice = Random(2)  # noqa: S311
    for _ in range(100):
        n = dice.randint(2, 12)
        parents = {i: dice.sample(range(i), min(i, dice.randint(0, 3))) for i in range(n)}
        net = BayesNet(parents, dice.sample(range(n), dice.randint(1, n - 1)))
        for order in ("forward", "reverse", "min-fill"):
            inverse = invert(net, order)
            assert inverse.depths.tolist() == inverse.sets.depths(inverse.elimination[::-1].tolist()).tolist()


def test_numbers_and_texts_are_ranked_by_what_they_say() -> None:
    net = BayesNet({10: [], 9: [], "x10": [], "x9": [], (1, 2): [], 11: [10]}, [11])
    assert net.names == (9, 10, "x9", "x10", (1, 2), 11)


def test_ranges_are_spread_one_after_another() -> None:
    assert spread(np.array([4, 9, 0]), np.array([2, 0, 1])).tolist() == [4, 5, 0]
    rows = Rows.from_lists([[3], [], [1, 2]])
    assert rows.gather(np.array([2, 1, 0])).tolist() == [1, 2, 3]
