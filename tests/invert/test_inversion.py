"""Every strategy gives, for its own sampling order, exactly the parents that the definition asks for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Hashable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrodict.certificate.certify import certify
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.invert import invert
from tests.cases import CASES, SMALL_CASES, STRATEGIES, Case, link_chain, number, pick
from tests.oracles import (
    Dag,
    Paths,
    count_fewest_edges,
    count_fill,
    drop,
    eliminate_explicitly,
    find_barren_names,
    find_boundaries,
    find_depth,
    find_minimal_parents,
    find_needed,
    invert_as_published,
    list_bits,
    list_dags,
    list_observations,
    list_pairs_up_to_isomorphism,
    marry,
    separated_in_moral_graph,
    take_out,
)
from tests.processes import run_python
from tests.random_models import RandomModel, grow_large_model, models

# -- faithful and minimal, always ------------------------------------------------------------------


def require_certificate(inverse: Inverse) -> None:
    certificate = certify(inverse)
    assert certificate
    assert certificate.faithful
    assert certificate.minimal
    assert certificate.missing == certificate.removable == ()


def require_boundaries(dag: Dag, observations: Iterable[int]) -> None:
    """For each observed set: the parents of a latent are the one smallest set that separates it from the rest.

    And `auto` has the fewest edges of all orders.
    """
    separated = Paths(dag).separated
    find = functools.cache(lambda child, known: find_boundaries(separated, child, known)[0])
    for observed in observations:
        net = BayesNet(dag.lists(), observed=list_bits(observed))
        inverses = {strategy: invert(net, order=strategy) for strategy in STRATEGIES}
        for inverse in {describe(inverse)[:2]: inverse for inverse in inverses.values()}.values():
            parents = {latent: sorted(above) for latent, above in inverse.parents.items()}
            assert parents == find_minimal_parents(find, inverse.sampling_order, observed), (dag, observed, inverse)
            require_certificate(inverse)
        assert inverses["auto"].n_edges == count_fewest_edges(dag, observed), (dag, observed)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_graph_and_every_observed_set(n: int) -> None:
    for dag in list_dags(n):
        require_boundaries(dag, list_observations(n))


def test_a_sixth_of_the_pairs_of_a_graph_of_five_and_an_observed_set() -> None:
    """Up to isomorphism there are 8,024 pairs; slow tests take them all, tests/test_correctness.py all of six."""
    shapes = itertools.groupby(list_pairs_up_to_isomorphism(5), key=lambda pair: pair[0])
    for dag, pairs in itertools.islice(shapes, 0, None, 6):
        require_boundaries(dag, [observed for _, observed in pairs])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_graph_of_five_and_every_observed_set(part: int) -> None:
    for dag in itertools.islice(list_dags(5), part, None, 8):
        require_boundaries(dag, list_observations(5))


def require_needed_parents(model: RandomModel) -> None:
    net = model.net
    find = functools.cache(
        functools.partial(find_needed, lambda *query: separated_in_moral_graph(model.dag, *query)),
    )
    for strategy in STRATEGIES:
        inverse = invert(net, order=strategy)
        sampling = [model.number(name) for name in inverse.sampling_order]
        parents = {model.number(name): sorted(map(model.number, above)) for name, above in inverse.parents.items()}
        assert parents == find_minimal_parents(find, sampling, model.observed)
        require_certificate(inverse)


@given(models(most=12))
def test_random_models(model: RandomModel) -> None:
    require_needed_parents(model)


@pytest.mark.parametrize("seed", range(25))
def test_large_models(seed: int) -> None:
    require_needed_parents(grow_large_model(seed))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_named_models(case: Case, strategy: str) -> None:
    require_certificate(invert(case.net, order=strategy))


# -- what each strategy promises -------------------------------------------------------------------


def list_choices(inverse: Inverse, upstream: dict[Hashable, Collection[Hashable]]) -> Iterator[tuple[int, list[int]]]:
    """At every step of an elimination the fill of the latent taken, and the fills of all that might have been."""
    net = inverse.net
    parents = drop({name: net.parents(name) for name in net.names}, inverse.generative)
    neighbors = marry(parents)
    left = [name for name in inverse.elimination_order if name in parents]
    while left:
        frontier = [name for name in left if not set(upstream[name]) & set(left)]
        fills = {name: count_fill(neighbors, name, free=net.observed) for name in frontier}
        yield fills[left[0]], list(fills.values())
        take_out(neighbors, left.pop(0))


def find_upstream(net: BayesNet, strategy: str) -> dict[Hashable, Collection[Hashable]]:
    ways = {"forward": net.parents, "reverse": net.children, "min-fill": lambda _: ()}
    return {name: ways[strategy](name) for name in net.names}


def require_least_fill(net: BayesNet, strategy: str) -> None:
    for taken, fills in list_choices(invert(net, order=strategy), find_upstream(net, strategy)):
        assert taken == min(fills)


@given(models(most=12), st.sampled_from(["forward", "reverse", "min-fill"]))
def test_the_frontier_latent_with_least_fill_goes_first(model: RandomModel, strategy: str) -> None:
    """A latent that was not in the frontier when it was taken fails with a missing key."""
    require_least_fill(model.net, strategy)


@pytest.mark.parametrize("strategy", ["forward", "reverse", "min-fill"])
@pytest.mark.parametrize("seed", range(10))
def test_least_fill_in_large_models(seed: int, strategy: str) -> None:
    require_least_fill(grow_large_model(seed).net, strategy)


@pytest.mark.parametrize("strategy", ["forward", "reverse", "min-fill"])
@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_least_fill_in_named_models(case: Case, strategy: str) -> None:
    require_least_fill(case.net, strategy)


OBJECTIVES = {"edges": lambda i: i.n_edges, "depth": lambda i: i.depth, "width": lambda i: i.width}


@pytest.mark.parametrize("minimize", OBJECTIVES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_auto_is_the_best_of_all_strategies(case: Case, minimize: str) -> None:
    measure = OBJECTIVES[minimize]
    best = measure(invert(case.net, minimize=minimize))
    assert all(best <= measure(invert(case.net, order=strategy)) for strategy in STRATEGIES)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_order_given_back_gives_the_same_inverse(case: Case, strategy: str) -> None:
    inverse = invert(case.net, order=strategy)
    again = invert(case.net, order=inverse.elimination_order)
    assert again.parents == inverse.parents
    assert again.elimination_order == inverse.elimination_order


# -- known answers ---------------------------------------------------------------------------------

KNOWN = [(case, strategy) for case in CASES for strategy in case.known]


@pytest.mark.parametrize(("case", "strategy"), KNOWN, ids=str)
def test_known_answers(case: Case, strategy: str) -> None:
    inverse = invert(case.net, order=strategy)
    assert (inverse.n_edges, inverse.depth) == case.known[strategy]


@pytest.mark.parametrize(
    ("case", "strategy"), [(c, s) for c, s in KNOWN if not c.barren and s in ("forward", "reverse")], ids=str
)
def test_the_published_algorithm_gives_the_known_answers(case: Case, strategy: str) -> None:
    published = invert_as_published(case.parents, case.observed, strategy)
    assert (sum(map(len, published.values())), find_depth(published)) == case.known[strategy]


@pytest.mark.parametrize("case", [case for case in CASES if case.fewest], ids=str)
def test_auto_reaches_the_fewest_edges(case: Case) -> None:
    assert invert(case.net).n_edges == case.fewest
    assert all(invert(case.net, order=strategy).n_edges >= case.fewest for strategy in STRATEGIES)


@pytest.mark.parametrize("case", [case for case in CASES if 0 < len(case.net.latents) <= 5], ids=str)
def test_fewest_edges_are_those_of_the_best_of_all_orders(case: Case) -> None:
    orders = itertools.permutations(case.net.latents)
    counts = [sum(map(len, eliminate_explicitly(case.parents, case.observed, order).values())) for order in orders]
    assert case.fewest in (0, min(counts))
    assert invert(case.net).n_edges >= min(counts)


def test_the_published_algorithm_keeps_a_useless_edge_that_ours_has_not() -> None:
    """a -> c <- b with only a observed: b and c are barren, yet b gets the parent a."""
    case = pick("barren collider")
    published = invert_as_published(case.parents, case.observed, "reverse")
    assert {name: set(above) for name, above in published.items()} == {"c": {"a", "b"}, "b": {"a"}}
    assert dict(invert(case.net, order="reverse").parents) == {"b": (), "c": ("a", "b")}


def test_a_latent_between_observed_ones_is_not_skipped() -> None:
    """A frontier seeded with latents without any parent would never reach z in x -> z -> y."""
    for strategy in STRATEGIES:
        assert dict(invert(pick("observed above").net, order=strategy).parents) == {"z": ("x", "y")}


def test_figure_1() -> None:
    """Webb et al. 2017, figure 1(c): all nine edges."""
    parents = invert(pick("figure 1").net, order="forward").parents
    assert dict(parents) == {
        "x0": ("x1", "x2"),
        "x1": ("x2", "x3", "x4"),
        "x2": ("x3", "x4", "x5", "x6"),
    }


# -- nothing depends on how a model was written down -----------------------------------------------


def describe(inverse: Inverse) -> tuple[object, ...]:
    return inverse.sampling_order, tuple(inverse.parents.items()), inverse.strategy, inverse.generative


@given(models(most=10), st.integers(0, 1000))
def test_the_order_of_writing_does_not_matter(model: RandomModel, seed: int) -> None:
    for strategy in STRATEGIES:
        ours, theirs = (invert(net, order=strategy) for net in (model.net, model.shuffle(seed)))
        assert describe(ours) == describe(theirs)


DESCRIBE_ALL = """
from retrodict.graph.bayesnet import BayesNet
from tests.cases import SMALL_CASES, STRATEGIES
from tests.invert.test_inversion import describe, invert
for case in SMALL_CASES:
    tuples = {("v", name): {("v", parent) for parent in above} for name, above in case.parents.items()}
    for net in BayesNet(case.parents, set(case.observed)), BayesNet(tuples, {("v", name) for name in case.observed}):
        for strategy in STRATEGIES:
            print(case, describe(invert(net, order=strategy)))
"""


def test_hash_seeds_do_not_matter() -> None:
    printed = {run_python(DESCRIBE_ALL, PYTHONHASHSEED=seed) for seed in ("0", "1", "2", "12345")}
    assert len(printed) == 1
    assert len(printed.pop().splitlines()) == 2 * len(SMALL_CASES) * len(STRATEGIES)


# -- size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_deep_chain_needs_no_recursion(strategy: str) -> None:
    n = 10_000
    net = BayesNet(link_chain(n), observed=[f"x{n - 1}"])
    assert invert(net, order=strategy).width <= 2


def test_a_deep_chain_of_data_is_not_written_out() -> None:
    """Every state has all earlier data among its parents: fifty million edges, held in a few slices."""
    n = 10_000
    parents = {("z", t): [("z", t - 1)] if t else [] for t in range(n)} | {("x", t): [("z", t)] for t in range(n)}
    inverse = invert(BayesNet(parents, observed=[("x", t) for t in range(n)]), order="forward")
    assert inverse.n_edges == n * (n + 1) // 2 + n - 1
    assert len(inverse.sets.walk) == n
    assert set(inverse.parents["z", 2]) == {("z", 3), ("x", 0), ("x", 1), ("x", 2)}


def test_names_are_numbered_alike_in_words_and_figures() -> None:
    """x10 comes after x9, also among equals: letters and numbers give the same inverse."""
    parents = {i: [] for i in range(12)} | {i: [i - 12, (i - 11) % 12] for i in range(12, 24)}
    words = {f"x{i}": [f"x{parent}" for parent in above] for i, above in parents.items()}
    by_figures = invert(BayesNet(parents, observed=range(12, 24)))
    by_words = invert(BayesNet(words, observed=number("x", 24)[12:]))
    assert [f"x{i}" for i in by_figures.net.names] == list(by_words.net.names) == number("x", 24)
    assert [f"x{i}" for i in by_figures.sampling_order] == list(by_words.sampling_order)


@given(models(most=10))
def test_barren_latents_marry_nobody(model: RandomModel) -> None:
    """Without its barren latents a model has the same inverse for the others."""
    barren = find_barren_names(model.parents, model.observed_names)
    if set(map(model.names.__getitem__, model.latents)) != barren:
        whole = invert(model.net)
        rest = BayesNet(drop(model.parents, barren), observed=model.observed_names)
        order = [name for name in whole.elimination_order if name not in barren]
        assert {n: set(a) for n, a in whole.parents.items() if n not in barren} == {
            n: set(a) for n, a in invert(rest, order=order).parents.items()
        }
