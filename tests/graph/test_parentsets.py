"""Parent sets kept as slices of one walk are the sets they stand for."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.parentsets import ParentSets, attach, number_postorder
from retrodict.graph.rows import Rows

Attachments = list[tuple[int, int]]


def list_subtrees(forest: list[int]) -> list[set[int]]:
    """The nodes under each node, itself among them."""
    subtrees = [{node} for node in range(len(forest))]
    for node, parent in enumerate(forest):
        while parent >= 0:
            subtrees[parent].add(node)
            parent = forest[parent]
    return subtrees


@st.composite
def forests(draw: st.DrawFn, most: int = 14) -> list[int]:
    """Forests whose parents are larger than their children."""
    n = draw(st.integers(1, most))
    return [draw(st.sampled_from([-1, *range(node + 1, n)])) for node in range(n)]


@st.composite
def attached_forests(draw: st.DrawFn) -> tuple[list[int], Attachments]:
    """Forests with observed variables attached, each to any number of nodes."""
    forest = draw(forests())
    pairs = st.tuples(st.integers(0, len(forest) - 1), st.integers(0, 5))
    return forest, draw(st.lists(pairs, max_size=25))


def grow_large_forest(seed: int, reach: int) -> tuple[list[int], Attachments]:
    """A forest of 400 nodes, deep for a small ``reach`` and flat for a large one; each variable in 2 to 10 places."""
    draw = random.Random(seed)  # noqa: S311
    n = 400
    forest = [-1 if draw.random() < 0.02 else node + draw.randint(1, reach) for node in range(n)]
    forest = [parent if parent < n else -1 for parent in forest]
    attachments = [(draw.randrange(n), x) for x in range(60) for _ in range(draw.randint(2, 10))]
    return forest, draw.sample(attachments, len(attachments))


def require_slices(forest: list[int], attachments: Attachments) -> None:
    """The slice of each node holds what is attached anywhere in its subtree, and its count tells how many."""
    owner = np.array([node for node, _ in attachments], dtype=np.int64)
    observed = np.array([x for _, x in attachments], dtype=np.int64)
    walk, start, stop, count = attach(np.array(forest), owner, observed)
    for node, subtree in enumerate(list_subtrees(forest)):
        expected = {x for place, x in attachments if place in subtree}
        assert set(walk[start[node] : stop[node]].tolist()) == expected
        assert count[node] == len(expected)
    assert len(walk) <= len(attachments)


@given(attached_forests())
def test_slices_hold_what_is_attached_below(attached: tuple[list[int], Attachments]) -> None:
    require_slices(*attached)


@pytest.mark.parametrize("reach", [1, 3, 40, 400])
@pytest.mark.parametrize("seed", range(5))
def test_slices_in_deep_and_flat_forests(seed: int, reach: int) -> None:
    require_slices(*grow_large_forest(seed, reach))


@given(forests(most=30))
def test_postorder_numbers_a_subtree_without_gaps(forest: list[int]) -> None:
    first, last = number_postorder(np.array(forest))
    assert sorted(last.tolist()) == list(range(len(forest)))
    for node, subtree in enumerate(list_subtrees(forest)):
        assert sorted(last[sorted(subtree)].tolist()) == list(range(first[node], last[node] + 1))


def test_postorder_of_a_deep_tree_needs_no_recursion() -> None:
    n = 100_000
    first, last = number_postorder(np.append(np.arange(1, n), -1))
    assert (first == 0).all()
    assert (last == np.arange(n)).all()


NET = BayesNet({f"v{i:02}": [] for i in range(12)}, observed=[f"v{i:02}" for i in range(5, 12)])
LISTS = st.lists(st.tuples(st.sets(st.integers(0, 4)), st.sets(st.integers(0, 6))), min_size=5, max_size=5)


def hold(lists: list[tuple[set[int], set[int]]]) -> ParentSets:
    """Sets over 5 latents, numbers 0 to 4 of a model, and 7 observed variables behind them."""
    return ParentSets.of(NET, Rows.from_lists([[*latents, *(5 + i for i in observed)] for latents, observed in lists]))


def write_out(sets: ParentSets) -> list[tuple[set[int], set[int]]]:
    return [(set(sets.latents[i].tolist()), set(sets.observed(i).tolist())) for i in range(len(sets.latents))]


@settings(max_examples=60)
@given(LISTS)
def test_written_out_sets_come_back(lists: list[tuple[set[int], set[int]]]) -> None:
    assert write_out(hold(lists)) == lists
    assert hold(lists).sizes.tolist() == [len(latents) + len(observed) for latents, observed in lists]


@settings(max_examples=60)
@given(LISTS, st.permutations(range(7)))
def test_renumbering_moves_sets_and_their_latents(lists: list[tuple[set[int], set[int]]], places: list[int]) -> None:
    place = np.array(places[:5])
    moved = write_out(hold(lists).renumber(place, 7))
    assert [moved[places[i]] for i in range(5)] == [({places[j] for j in z}, x) for z, x in lists]
    assert [moved[i] for i in places[5:]] == [(set(), set())] * 2


@settings(max_examples=60)
@given(LISTS, LISTS, st.sets(st.integers(0, 4)))
def test_replacing_changes_these_sets_only(
    lists: list[tuple[set[int], set[int]]], others: list[tuple[set[int], set[int]]], where: set[int]
) -> None:
    chosen = sorted(where)
    replaced = hold(lists).replace(np.array(chosen, dtype=np.int64), hold(others[: len(chosen)]))
    expected = list(lists)
    for i, new in zip(chosen, others, strict=False):
        expected[i] = new
    assert write_out(replaced) == expected
    assert replaced.sizes.tolist() == [len(latents) + len(observed) for latents, observed in expected]
