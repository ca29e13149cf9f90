"""Elimination without fill gives what eliminating on explicit sets gives, along any order."""

from __future__ import annotations

import random
from collections.abc import Hashable

import pytest
from hypothesis import given

from retrodict.graph.inverse import Inverse
from retrodict.invert import invert
from tests.cases import CASES, STRATEGIES, Case
from tests.oracles import eliminate_explicitly, find_barren_names, find_minimal_parents, find_needed
from tests.oracles import separated_in_moral_graph as separated
from tests.quick import quick
from tests.random_models import RandomModel, grow_large_model, ordered_models


def require_explicit_elimination(inverse: Inverse, model: RandomModel | Case, observed: list[Hashable]) -> None:
    expected = eliminate_explicitly(model.parents, observed, inverse.elimination_order)
    assert {name: set(parents) for name, parents in inverse.parents.items()} == expected
    assert inverse.n_edges == sum(map(len, expected.values()))


def require_first_parents(inverse: Inverse) -> None:
    """The elimination forest: of the latent parents of a latent, the one eliminated first."""
    assert inverse.forest is not None
    place = {name: i for i, name in enumerate(inverse.elimination_order)}
    for latent, name in enumerate(inverse.net.latents):
        above = [parent for parent in inverse.parents[name] if parent in place]
        first = min(above, key=place.__getitem__, default=None)
        stated = inverse.forest[latent]
        if not inverse.is_generative[latent]:
            assert (inverse.net.latents[stated] if stated >= 0 else None) == first


@given(ordered_models(most=10))
def test_any_order_of_any_model(ordered: tuple[RandomModel, list[Hashable]]) -> None:
    model, order = ordered
    inverse = invert(model.net, order=order)
    require_explicit_elimination(inverse, model, model.observed_names)
    require_first_parents(inverse)


@given(ordered_models(most=10))
def test_an_order_is_followed_with_barren_latents_first(ordered: tuple[RandomModel, list[Hashable]]) -> None:
    model, order = ordered
    barren = find_barren_names(model.parents, model.observed_names)
    inverse = invert(model.net, order=order)
    followed = [name for name in order if name not in barren]
    assert list(inverse.elimination_order[len(barren) :]) == followed
    assert set(inverse.generative) == set(inverse.elimination_order[: len(barren)]) == barren


@given(ordered_models(most=9))
def test_any_order_gives_the_minimal_parents(ordered: tuple[RandomModel, list[Hashable]]) -> None:
    model, order = ordered
    inverse = invert(model.net, order=order)
    sampling = [model.number(name) for name in inverse.sampling_order]
    expected = find_minimal_parents(
        lambda child, known: find_needed(lambda *query: separated(model.dag, *query), child, known),
        sampling,
        model.observed,
    )
    assert expected == {
        model.number(name): sorted(map(model.number, parents)) for name, parents in inverse.parents.items()
    }


@pytest.mark.parametrize("seed", quick(range(30), range(12)))
def test_random_orders_of_large_models(seed: int) -> None:
    model = grow_large_model(seed)
    order = random.Random(seed).sample(model.net.latents, len(model.net.latents))  # noqa: S311
    for inverse in (invert(model.net, order=order), *(invert(model.net, order=name) for name in STRATEGIES)):
        require_explicit_elimination(inverse, model, model.observed_names)
        require_first_parents(inverse)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_named_models(case: Case, strategy: str) -> None:
    inverse = invert(case.net, order=strategy)
    require_explicit_elimination(inverse, case, case.observed)
    require_first_parents(inverse)
