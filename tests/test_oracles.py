"""The oracles hold each other to account: two definitions of d-separation, networkx, and known counts."""

import itertools

import networkx as nx
import pytest

from tests.cases import SMALL_CASES, Case
from tests.oracles import (
    Dag,
    Paths,
    count_fewest_edges,
    eliminate_explicitly,
    find_border,
    find_boundaries,
    find_needed,
    is_faithful,
    is_open,
    is_path,
    list_bits,
    list_dags,
    list_dags_up_to_isomorphism,
    list_observations,
    list_pairs_up_to_isomorphism,
    list_paths,
    separated_in_moral_graph,
)


@pytest.mark.parametrize(("n", "shapes"), [(1, 1), (2, 2), (3, 6), (4, 31), (5, 302)])
def test_number_of_graphs_is_that_of_the_literature(n: int, shapes: int) -> None:
    assert len(list_dags_up_to_isomorphism(n)) == shapes
    assert len(set(list_dags(n))) == 2 ** (n * (n - 1) // 2)


def renumber(dag: Dag, observed: int, places: tuple[int, ...]) -> tuple[frozenset[tuple[int, int]], frozenset[int]]:
    edges = frozenset((places[u], places[v]) for v, above in dag.lists().items() for u in above)
    return edges, frozenset(places[v] for v in list_bits(observed))


@pytest.mark.parametrize(("n", "labeled"), [(2, 3), (3, 25), (4, 543)])
def test_pairs_up_to_isomorphism_are_all_pairs_and_each_once(n: int, labeled: int) -> None:
    """Renumbered in all ways they give every labeled pair (OEIS A003024), and no two give the same."""
    shapes = [
        {renumber(*pair, p) for p in itertools.permutations(range(n))} for pair in list_pairs_up_to_isomorphism(n)
    ]
    assert len(set().union(*shapes)) == sum(map(len, shapes)) == labeled * (2**n - 2)


def test_pairs_of_five_are_those_of_the_shapes_of_five() -> None:
    pairs = list_pairs_up_to_isomorphism(5)
    assert len({dag for dag, _ in pairs}) == 302
    assert len(set(pairs)) == len(pairs) < 302 * 30


def list_queries(n: int) -> list[tuple[int, int, int]]:
    return [
        (a, b, given)
        for a, b in itertools.combinations(range(n), 2)
        for given in range(1 << n)
        if not given & (1 << a | 1 << b)
    ]


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_both_definitions_of_separation_agree(n: int) -> None:
    queries = list_queries(n)
    for dag in list_dags_up_to_isomorphism(n):
        paths = Paths(dag)
        for query in queries:
            assert paths.separated(*query) == separated_in_moral_graph(dag, *query)


@pytest.mark.parametrize("n", [3, 4])
def test_networkx_agrees(n: int) -> None:
    for dag in list_dags_up_to_isomorphism(n):
        graph = nx.DiGraph((u, v) for v, above in dag.lists().items() for u in above)
        graph.add_nodes_from(range(n))
        for a, b, given in list_queries(n):
            assert nx.is_d_separator(graph, {a}, {b}, set(list_bits(given))) == separated_in_moral_graph(
                dag, a, b, given
            )


def test_listed_tolls_of_paths_are_those_of_the_definition() -> None:
    for dag in list_dags_up_to_isomorphism(4):
        for a, b, given in list_queries(4):
            lengths = [len(path) for path in list_paths(dag, a, b) if is_open(dag, path, given)]
            assert Paths(dag).list_open_lengths(a, b, given) == lengths


def test_a_child_has_one_boundary_and_it_is_what_is_needed() -> None:
    """The intersection property: so "the" minimal parents exist, and can be found one at a time."""
    for dag in list_dags_up_to_isomorphism(5):
        separated = Paths(dag).separated
        for child, known in itertools.product(range(5), range(32)):
            if not known >> child & 1:
                needed = find_needed(separated, child, known)
                assert find_boundaries(separated, child, known) == [needed]
                assert find_border(dag, child, known) == needed


def test_fewest_edges_are_those_of_the_best_permutation() -> None:
    for dag, observed in itertools.product(list_dags_up_to_isomorphism(4), list_observations(4)):
        latents = [v for v in range(4) if not observed >> v & 1]
        counts = [
            sum(map(len, eliminate_explicitly(dag.lists(), list_bits(observed), order).values()))
            for order in itertools.permutations(latents)
        ]
        assert count_fewest_edges(dag, observed) == min(counts)


def test_a_path_takes_edges_and_repeats_nothing() -> None:
    fork = Dag((0, 0b001, 0b001))
    assert is_path(fork, [1, 0, 2])
    assert not is_path(fork, [1, 2])
    assert not is_path(fork, [1, 0, 1])


def test_a_guide_is_judged_by_what_it_states() -> None:
    """a -> c <- b with c observed: a and b explain each other away, so one must depend on the other."""
    collider = Dag((0, 0, 0b011))
    assert is_faithful(collider, 0b100, {0: [2, 1], 1: [2]})
    assert is_faithful(collider, 0b100, {0: [2], 1: [2, 0]})
    assert not is_faithful(collider, 0b100, {0: [2], 1: [2]})
    assert not is_faithful(collider, 0b100, {0: [2, 1], 1: []})


@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_explicit_elimination_leaves_nobody_out(case: Case) -> None:
    inverse = eliminate_explicitly(case.parents, case.observed, list(case.net.latents))
    assert inverse.keys() == set(case.net.latents)
