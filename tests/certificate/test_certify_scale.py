"""Components on implicit sets give the verdict that one Bayes ball a latent gives, however the sets are held."""

from __future__ import annotations

import ast
import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retrodict.certificate.boundaries
import retrodict.certificate.comparison
from retrodict.certificate.certify import certify
from retrodict.certificate.evidence import Knowledge
from retrodict.certificate.slices import Slices, count_from
from retrodict.errors import SizeError
from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Rows
from retrodict.graph.separation import roll_ball
from retrodict.invert import fully_connected, invert, mean_field, reversal
from tests.certificate.test_certify import require_evidence
from tests.quick import quick
from tests.random_models import RandomModel, grow_large_model, guided_models, ordered_models
from tests.test_floors import FILES, SOURCE, list_own_imports, longest_module, name_of

MODULES = {name_of(path) for path in FILES if path.stem != "__init__"}
ORDERS = ["forward", "reverse", "min-fill", "nested-dissection"]


def find_verdict(inverse: Inverse) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Missing and removable edges by a Bayes ball from each latent: slow, and obviously right."""
    net = inverse.net
    known, missing, removable = net.is_observed.copy(), [], []
    for latent in inverse.elimination[::-1].tolist():
        child = int(net.latent_index[latent])
        opens = find_ancestors(net, known).tolist()
        reached = roll_ball(net.parent_rows.lists, net.child_rows.lists, child, known.tolist(), opens)
        needed = {variable for variable, _ in reached if known[variable]}
        stated = set(inverse.parent_index(latent).tolist())
        missing += [(parent, child) for parent in sorted(needed - stated)]
        removable += [(parent, child) for parent in sorted(stated - needed)]
        known[child] = True
    return missing, removable


def require_agreement(inverse: Inverse) -> None:
    certificate, (missing, removable) = certify(inverse), find_verdict(inverse)
    assert (certificate.n_missing, certificate.n_removable) == (len(missing), len(removable))
    assert certificate.differences.list_missing() == missing
    assert certificate.differences.list_removable() == removable


def write_out(inverse: Inverse) -> Inverse:
    """The same inverse with a slice of its own for each latent."""
    rows = Rows.from_lists([inverse.parent_index(i).tolist() for i in range(len(inverse.net.latents))])
    return replace(inverse, sets=ParentSets.of(inverse.net, rows))


def scatter(inverse: Inverse, seed: int) -> Inverse:
    """An inverse with the same latent parents whose observed ones are any slices of any walk, repeats included."""
    dice = np.random.default_rng(seed)
    n, seen = len(inverse.net.latents), len(inverse.net.observed)
    walk = dice.integers(0, seen, 3 * seen)
    ends = np.sort(dice.integers(0, len(walk) + 1, (2, n)), axis=0)
    count = np.array([len(np.unique(walk[start:stop])) for start, stop in ends.T.tolist()], dtype=np.int64)
    return replace(inverse, sets=ParentSets(inverse.sets.latents, walk, ends[0], ends[1], count), forest=None)


def drop_one(inverse: Inverse, seed: int) -> Inverse:
    """An inverse in which one latent lacks the first half of its slice."""
    sets, latent = inverse.sets, seed % len(inverse.net.latents)
    start, count = sets.start.copy(), sets.count.copy()
    start[latent] += (sets.stop[latent] - start[latent] + 1) // 2
    count[latent] = len(np.unique(sets.walk[start[latent] : sets.stop[latent]]))
    return replace(inverse, sets=replace(sets, start=start, count=count))


def list_inverses(net: BayesNet, seed: int) -> list[Inverse]:
    made = [invert(net, order) for order in ORDERS]
    baselines = [reversal(net), mean_field(net), fully_connected(net)]
    inverse = made[seed % len(made)]
    return [*made, *baselines, write_out(inverse), drop_one(inverse, seed), scatter(inverse, seed)]


def resample(inverse: Inverse, order: list[int]) -> Inverse:
    """The same parents beside another sampling order, which they need not respect."""
    return replace(inverse, elimination=np.array(order), forest=None)


@pytest.mark.parametrize("seed", quick(range(60), range(24)))
def test_large_random_models(seed: int) -> None:
    for inverse in list_inverses(grow_large_model(seed).net, seed):
        require_agreement(inverse)


@given(ordered_models(), st.integers(0, 1000))
def test_any_sets_in_any_order(ordered: tuple[RandomModel, list[object]], seed: int) -> None:
    model, order = ordered
    net = model.net
    steps = [int(net.place[net.position[name]]) for name in order]
    require_agreement(invert(net, order))
    for make in (reversal, mean_field, fully_connected):
        require_agreement(resample(make(net), steps))
    require_agreement(resample(scatter(mean_field(net), seed), steps))


@pytest.mark.parametrize("seed", range(20))
def test_barren_latents_drawn_in_any_order(seed: int) -> None:
    """Few observed variables: most latents are barren, and families start to take part at many times."""
    model, dice = grow_large_model(seed), random.Random(seed)  # noqa: S311
    fewer = RandomModel(model.dag, 1 << dice.randrange(1, 8), model.names)
    net = fewer.net
    order = list(range(len(net.latents)))
    dice.shuffle(order)
    certificate = certify(resample(mean_field(net), order))
    require_agreement(certificate.inverse)
    require_evidence(fewer, certificate)
    for inverse in list_inverses(net, seed):
        require_agreement(inverse)


def test_a_barren_latent_joins_others_only_from_its_own_time_on() -> None:
    """b is drawn first: a is not yet coupled to it, since nothing below c is known."""
    net = BayesNet({"a": [], "b": [], "c": ["a", "b"], "x": ["a"], "y": ["b"]}, observed=["x", "y"])
    verdict = certify(resample(mean_field(net), [net.latents.index(name) for name in "acb"]))
    assert [(edge.parent, edge.child) for edge in verdict.missing] == [("b", "c"), ("b", "a"), ("c", "a")]
    assert ("x", "b") in verdict.removable
    assert ("x", "c") not in verdict.removable
    assert len(verdict.differences.phases) == 2


@settings(max_examples=100)
@given(guided_models())
def test_latents_found_by_climbing_are_those_of_the_slices(guided: tuple[RandomModel, dict[int, list[int]]]) -> None:
    inverse = mean_field(guided[0].net)
    before = certify(inverse).differences.list_missing()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrodict.certificate.boundaries, "MOST_INSIDE", -1)
        assert certify(inverse).differences.list_missing() == before


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_counting_in_parts_counts_the_same(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrodict.certificate.comparison, "AT_ONCE", at_once)
    for inverse in list_inverses(grow_large_model(3).net, 3):
        require_agreement(inverse)


def test_what_is_too_large_to_compare_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrodict.certificate.comparison, "MOST_EDGES", 10)
    inverse = write_out(invert(chain(50), "reverse"))
    assert inverse.n_edges > 1000
    with pytest.raises(SizeError, match="entries, more than 10"):
        certify(inverse)


# -- evidence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_evidence_holds_in_large_models(seed: int) -> None:
    model, dice = grow_large_model(seed), random.Random(seed)  # noqa: S311
    order = list(range(len(model.latents)))
    dice.shuffle(order)
    for inverse in (reversal(model.net), mean_field(model.net), resample(mean_field(model.net), order)):
        require_evidence(model, certify(inverse))


def test_a_collider_that_the_parent_alone_opens_is_gone_round() -> None:
    """The shortest way of the ball, a -> c <- b -> d, needs d at c, which nothing else opens."""
    parents = {"a": [], "b": [], "c": ["a", "b"], "e": ["c"], "f": ["e"], "d": ["b", "f"]}
    net = BayesNet(parents, observed=["d"])
    knowledge = Knowledge(net, net.observed_index)
    path, drawing = knowledge.trace(net.index("a"), [net.index("d")])[net.index("d")]
    assert net.to_names(path) == ("d", "f", "e", "c", "a")
    assert drawing == "d <- f <- e <- c <- a"


def test_evidence_is_found_one_at_a_time() -> None:
    certificate = certify(mean_field(chain(20_000)))
    first = next(certificate.iterate_missing())
    assert first.path == (first.parent, first.child)


def test_too_many_edges_are_counted_and_not_listed() -> None:
    certificate = certify(fully_connected(chain(4_000)))
    assert certificate.faithful
    assert certificate.n_removable > 10_000_000
    with pytest.raises(SizeError, match="could do without") as error:
        _ = certificate.removable
    assert "n_removable" in str(error.value)


# -- large ------------------------------------------------------------------------------------------


def chain(steps: int) -> BayesNet:
    parents: dict[str, list[str]] = {f"z{t}": [f"z{t - 1}"] if t else [] for t in range(steps)}
    return BayesNet(parents | {f"x{t}": [f"z{t}"] for t in range(steps)}, [f"x{t}" for t in range(steps)])


def tree(depth: int) -> BayesNet:
    n = 2**depth - 1
    return BayesNet({i: [(i - 1) // 2] if i else [] for i in range(n)}, range(n // 2, n))


@pytest.mark.parametrize("order", ["forward", "reverse", "nested-dissection"])
@pytest.mark.parametrize("net", [chain(20_000), tree(14)], ids=["chain", "tree"])
def test_what_is_implied_is_not_written_out(net: BayesNet, order: str) -> None:
    inverse = invert(net, order)
    certificate = certify(inverse)
    assert certificate.faithful
    assert certificate.minimal
    broken = certify(drop_one(inverse, len(net.latents) // 2))
    assert 1 <= broken.n_missing <= len(net.observed)
    assert len(broken.differences.list_missing()) == broken.n_missing


def test_counts_of_a_long_mean_field() -> None:
    """A latent of a chain needs of the rest the one drawn before it, and what is seen from its past."""
    n = 20_000
    certificate = certify(mean_field(chain(n)))
    assert certificate.n_missing == n - 1
    assert certificate.n_removable == n * (n - 1) // 2


def test_the_verdict_shares_nothing_with_elimination() -> None:
    """Of what imports lead to from the comparison, nothing eliminates: the two check each other."""
    reached, stack = set(), ["retrodict.certificate.comparison", "retrodict.certificate.evidence"]
    while stack:
        module = stack.pop()
        if module not in reached:
            reached.add(module)
            tree = ast.parse((SOURCE.parent / Path(*module.split("."))).with_suffix(".py").read_text())
            stack += {longest_module(name, MODULES) for name in list_own_imports(tree, module)} & MODULES
    assert "retrodict.certificate.families" in reached
    assert not {name for name in reached if "elimination" in name or "moral" in name or ".invert" in name}


# -- slices -----------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 6), max_size=20), st.integers(0, 2**32))
def test_slices_are_the_sets_they_stand_for(walk: list[int], seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    ends = [sorted(dice.choices(range(len(walk) + 1), k=2)) for _ in range(6)]
    start, stop = (np.array(side, dtype=np.int64) for side in zip(*ends, strict=True))
    slices = Slices(np.array(walk, dtype=np.int64), start, stop)
    sets = [set(walk[a:b]) for a, b in ends]
    rows, values = (np.array(side) for side in zip(*itertools.product(range(6), range(9)), strict=True))
    assert slices.count(np.arange(6)).tolist() == [len(one) for one in sets]
    assert slices.contains(rows, values).tolist() == [v in sets[r] for r, v in zip(rows, values, strict=True)]
    places = slices.find(rows, values).tolist()
    assert all(walk[p] == v if p >= 0 else v not in walk for p, v in zip(places, values.tolist(), strict=True))
    pairs = list(zip(*(side.tolist() for side in slices.expand(np.arange(6))), strict=True))
    assert sorted(pairs) == sorted((r, v) for r, one in enumerate(sets) for v in one)


@given(
    st.lists(st.integers(0, 40), max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 70)), max_size=9)
)
def test_counting_from_a_bound(values: list[int], queries: list[tuple[int, int]]) -> None:
    until = np.array([min(upto, len(values)) for upto, _ in queries], dtype=np.int64)
    least = np.array([bound for _, bound in queries], dtype=np.int64)
    counted = count_from(np.array(values, dtype=np.int64), until, least).tolist()
    assert counted == [sum(v >= b for v in values[:u]) for u, b in zip(until.tolist(), least.tolist(), strict=True)]
