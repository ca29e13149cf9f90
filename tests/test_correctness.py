"""Every order on every small model and on many random ones, counted: the figures of docs/correctness.md.

`make nightly` runs all of it and writes the figures down; `make test` runs a share. The parents of a latent are
compared with those that the definition asks for, by an oracle that knows nothing of elimination.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from random import Random

import networkx as nx
import pytest

from retrodict.certificate.certify import certify
from retrodict.graph.inverse import Inverse
from retrodict.graph.separation import d_separated
from retrodict.invert import invert
from tests.cases import STRATEGIES
from tests.oracles import (
    Dag,
    count_fewest_edges,
    find_border,
    find_minimal_parents,
    list_pairs_up_to_isomorphism,
    to_bits,
)
from tests.quick import quick
from tests.random_models import RandomModel, draw_model

Record = Callable[[str, object], None]

PAIRS_OF_SIX = 345_500
PARTS = 64


def is_minimal(model: RandomModel, inverse: Inverse, find: Callable[[int, int], int]) -> bool:
    """Whether the parents are the definition's along the inverse's own sampling order, and the certificate says so."""
    number = {name: v for v, name in enumerate(model.names)}
    parents = {number[name]: sorted(map(number.__getitem__, above)) for name, above in inverse.parents.items()}
    sampling = [number[name] for name in inverse.sampling_order]
    certificate = certify(inverse)
    return (
        parents == find_minimal_parents(find, sampling, model.observed) and certificate.faithful and certificate.minimal
    )


def find_faults(model: RandomModel) -> list[object]:
    """The orders that break a law on a model: not faithful, not minimal, or `auto` with more edges than need be."""
    net = model.net
    find = functools.cache(functools.partial(find_border, model.dag))
    inverses = {order: invert(net, order) for order in STRATEGIES}
    faults: list[object] = [order for order, inverse in inverses.items() if not is_minimal(model, inverse, find)]
    fewest = count_fewest_edges(model.dag, model.observed)
    return faults + [("edges", order) for order in ("auto",) if inverses[order].n_edges != fewest]


def write_down(record: Record, law: str, **figures: int) -> None:
    """Leave figures in the report of the run, from which benchmarks/correctness.py makes a page."""
    for name, value in {"law": law, **figures}.items():
        record(name, value)


def require_no_fault(models: Iterable[RandomModel], law: str, record: Record) -> None:
    """Check every model, write down how many there were and how many failed, and show the first that did."""
    checked, informed, failed = 0, 0, []
    for model in models:
        checked += 1
        informed += not model.dag.find_barren(model.observed)
        failed += [(model, faults) for faults in [find_faults(model)] if faults]
    write_down(record, law, checked=checked, informed=informed, failed=len(failed))
    assert not failed, failed[0]


# -- every model of six variables ------------------------------------------------------------------

list_pairs = functools.cache(list_pairs_up_to_isomorphism)


@pytest.mark.nightly
def test_number_of_pairs_of_six() -> None:
    """As many as the source of this figure counted, with something observed and something latent in each.

    5,984 graphs; with everything or nothing observed as well there would be 2 * 5,984 more, 357,468 in all.
    """
    pairs = list_pairs(6)
    assert len(pairs) == PAIRS_OF_SIX
    assert len({dag for dag, _ in pairs}) == 5984
    assert sum(not dag.find_barren(observed) for dag, observed in pairs) == 132_117


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(PARTS))
def test_every_pair_of_six(part: int, record_property: Record) -> None:
    models = (RandomModel(dag, observed, tuple(range(6))) for dag, observed in list_pairs(6)[part::PARTS])
    require_no_fault(models, "pairs of a graph of 6 variables and an observed set", record_property)


# -- random models ---------------------------------------------------------------------------------


@pytest.mark.parametrize("part", quick(range(8), [0]))
def test_random_models(part: int, record_property: Record) -> None:
    models = map(draw_model, range(part, 3000, 8))
    require_no_fault(models, "random models of 2 to 12 variables, a share", record_property)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(PARTS))
def test_a_hundred_thousand_random_models(part: int, record_property: Record) -> None:
    models = map(draw_model, range(part, 100_000, PARTS))
    require_no_fault(models, "random models of 2 to 12 variables", record_property)


def test_random_models_are_of_every_kind() -> None:
    """Disconnected ones, barren latents, observed variables with children, every sort of name."""
    models = [draw_model(seed) for seed in range(300)]
    assert {len(model.dag) for model in models} == set(range(2, 13))
    assert {type(name) for model in models for name in model.names} == {str, int, tuple}
    for kind in (is_disconnected, has_barren_latents, has_observed_parents):
        assert 50 < sum(map(kind, models)) < 290, kind


def is_disconnected(model: RandomModel) -> bool:
    return not nx.is_weakly_connected(to_networkx(model.dag))


def has_barren_latents(model: RandomModel) -> bool:
    return model.dag.find_barren(model.observed) > 0


def has_observed_parents(model: RandomModel) -> bool:
    return any(above & model.observed for above in model.dag.parents)


# -- the fewest edges of random models of twelve variables -----------------------------------------


def draw_twelve(seed: int) -> RandomModel:
    """A model of twelve variables, sparse or dense, few or many of them observed."""
    draw = Random(seed)  # noqa: S311
    density, share = draw.uniform(0.1, 0.5), draw.uniform(0.1, 0.6)
    dag = Dag(tuple(to_bits(u for u in range(v) if draw.random() < density) for v in range(12)))
    observed = to_bits(v for v in range(12) if draw.random() < share) & ((1 << 12) - 2)
    return RandomModel(dag, observed or 1 << 11, tuple(range(12)))


@pytest.mark.slow
@pytest.mark.nightly
def test_auto_reaches_the_optimum_of_exact(record_property: Record) -> None:
    """Within half a percent of a thousand models; `exact` itself always has the fewest edges there are."""
    reached = 0
    for model in map(draw_twelve, range(1000)):
        best = invert(model.net, "exact").n_edges
        assert best == count_fewest_edges(model.dag, model.observed)
        reached += invert(model.net).n_edges == best
    write_down(
        record_property,
        "random models of 12 variables: `auto` has as few edges as `exact`",
        checked=1000,
        failed=1000 - reached,
    )
    assert reached >= 995


# -- networkx --------------------------------------------------------------------------------------


def to_networkx(dag: Dag) -> nx.DiGraph:
    graph = nx.DiGraph((u, v) for v, above in dag.lists().items() for u in above)
    graph.add_nodes_from(range(len(dag)))
    return graph


def require_agreement_with_networkx(seeds: Iterable[int], law: str, record: Record) -> None:
    """Ten questions about each random model, given any of its other variables."""
    asked, failed = 0, []
    for seed in seeds:
        model, draw = draw_model(seed), Random(seed)  # noqa: S311
        net, graph = model.net, to_networkx(model.dag)
        for _ in range(10):
            start, end, *others = draw.sample(range(len(model.dag)), len(model.dag))
            given = others[: draw.randint(0, len(others))]
            ours = d_separated(net, model.names[start], model.names[end], [model.names[v] for v in given])
            asked += 1
            if bool(ours) != nx.is_d_separator(graph, {start}, {end}, set(given)):
                failed.append((model, start, end, given))
    write_down(record, law, checked=asked, failed=len(failed))
    assert not failed, failed[0]


def test_networkx_agrees(record_property: Record) -> None:
    require_agreement_with_networkx(range(200), "questions of d-separation, a share", record_property)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize("part", range(4))
def test_networkx_agrees_on_fifty_thousand_questions(part: int, record_property: Record) -> None:
    require_agreement_with_networkx(
        range(part, 5000, 4), "questions of d-separation, asked of networkx as well", record_property
    )
