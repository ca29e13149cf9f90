"""What large models rely on: no recursion, no time or memory for what is implied but not stored."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from retrodict.errors import OrderError, SizeError
from retrodict.graph.ancestry import find_ancestors, find_barren
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.rows import Rows, spread
from retrodict.invert.baselines import fully_connected
from retrodict.invert.inversion import invert
from retrodict.plan.dependencies import Dependencies

STEPS = 20_000


def chain(steps: int, last_only: bool = False) -> BayesNet:
    parents: dict[str, list[str]] = {f"z{t}": [f"z{t - 1}"] if t else [] for t in range(steps)}
    seen = [steps - 1] if last_only else range(steps)
    return BayesNet({**parents, **{f"x{t}": [f"z{t}"] for t in seen}}, [f"x{t}" for t in seen])


def measure_peak(refused: Callable[[], object], message: str) -> float:
    """Run something that refuses with this message, and return the most memory that it took, in megabytes."""
    tracemalloc.start()
    try:
        with pytest.raises(SizeError, match=message):
            refused()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("expand", [lambda inverse: inverse.to_networkx(), Dependencies.of], ids=["networkx", "masks"])
def test_two_hundred_million_edges_are_not_written_out(expand: Callable[[Inverse], object]) -> None:
    """Refused by its predicted size, before anything is held: a tenth of a byte for each edge."""
    inverse = invert(chain(STEPS), "forward")
    numbers = r"200,029,999 edges, more than the 50,000,000 that may be written out; .* set, 20,000, .*'z19998'\."
    assert measure_peak(lambda: expand(inverse), numbers) < 20


def test_two_hundred_million_pairs_of_latents_are_not_joined() -> None:
    net = chain(STEPS)
    numbers = r"20,000 latents joins 199,990,000 pairs of them, more than the 50,000,000 that may be written out\."
    assert measure_peak(lambda: fully_connected(net), numbers) < 20


LONG_ORDERS = ["forward", "reverse", "min-degree", "nested-dissection", "auto"]


@pytest.mark.parametrize("last_only", [True, False])
@pytest.mark.parametrize("order", LONG_ORDERS)
def test_a_chain_of_a_hundred_thousand_needs_no_recursion(order: str, last_only: bool) -> None:
    require_long_chain(10**5, order, last_only)


@pytest.mark.slow
@pytest.mark.parametrize("last_only", [True, False])
@pytest.mark.parametrize("order", LONG_ORDERS)
def test_a_chain_of_a_million_needs_no_recursion(order: str, last_only: bool) -> None:
    require_long_chain(10**6, order, last_only)


def require_long_chain(steps: int, order: str, last_only: bool) -> None:
    """Every latent keeps an edge to a neighbor or to data; without much data nobody needs more than two."""
    inverse = invert(chain(steps, last_only), order)
    assert len(inverse.elimination) == steps
    assert inverse.n_edges >= steps + (0 if last_only else steps - 1)
    assert inverse.width <= (2 if last_only else steps)
    assert inverse.depth <= (steps if order in ("forward", "reverse") or last_only else 2 * steps.bit_length())


def test_exact_refuses_what_would_take_a_bit_for_every_pair() -> None:
    with pytest.raises(
        OrderError, match=r"50000 connected latents.*take more than 1,000,000,000 bits.*order='auto'"
    ) as caught:
        invert(chain(50_000), "exact")
    assert len(caught.value.variables) == 50_000


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
