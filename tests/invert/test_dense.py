"""Dense and empty models cost what they take to store: nothing is searched for where nothing can be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrodict as rd
from retrodict.invert import comi
from retrodict.invert.problem import Problem
from retrodict.invert.search import components, dissection
from retrodict.invert.search.components import fall_apart, peel

from .order_cases import free


def make_fans(latents: int, *fans: range) -> rd.BayesNet:
    """Return latents without parents, and for each range an observed child of those in it."""
    children = {f"x{i}": list(fan) for i, fan in enumerate(fans)}
    return rd.BayesNet({**{i: [] for i in range(latents)}, **children}, observed=list(children))


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """Let a function note the arguments of its calls."""
    calls: list[Any] = []
    original: Callable[..., Any] = getattr(owner, name)

    def noted(*given: Any, **named: Any) -> Any:
        calls.append(given)
        return original(*given, **named)

    monkeypatch.setattr(owner, name, noted)
    return calls


def test_a_clique_is_not_dissected(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = count_calls(monkeypatch, dissection, "_find_levels")
    inverse = rd.invert(make_fans(60, range(60)), "nested-dissection")
    assert inverse.elimination_order == (59, 58, *range(57, -1, -1))
    assert (inverse.n_edges, inverse.depth) == (60 * 61 // 2, 60)
    assert searches == []


def test_cliques_that_overlap_are_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    separators = count_calls(monkeypatch, dissection, "find_separator")
    inverse = rd.invert(make_fans(60, range(40), range(20, 60)), "nested-dissection")
    assert set(inverse.elimination_order[-20:]) == set(range(20, 40))
    assert inverse.depth == 40
    assert len(separators) == 3  # the overlap, and each side


def test_neighbors_not_joined_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net = make_fans(60, range(40), range(20, 60))
    (part,) = fall_apart(Problem.of(net), free(net))
    looks = count_calls(monkeypatch, components, "_find_unjoined")
    peeled, left = peel(part)
    assert (sorted(peeled), left) == (list(range(60)), 0)
    assert peeled[:20] == list(range(20))
    assert len(looks) <= 2 * 60 + 20


def test_latents_that_are_all_barren_are_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = count_calls(monkeypatch, Problem, "follow")
    inverse = rd.invert(rd.BayesNet({**{i: [] for i in range(50)}, "y": [49], "x": []}, observed=["x"]))
    assert (inverse.n_edges, inverse.depth, inverse.parents["y"]) == (1, 2, (49,))
    assert len(followed) == 1


def test_no_other_direction_is_tried_where_nothing_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = count_calls(monkeypatch, comi, "order_greedily")
    net = rd.BayesNet({**{i: [] for i in range(9)}, **{f"x{i}": [i] for i in range(9)}}, [f"x{i}" for i in range(9)])
    problem = Problem.of(net)
    assert problem.follow(comi.choose_naturally(net, problem.neighbors, problem.latents), "natural").n_edges == 9
    assert len(tried) == 1
