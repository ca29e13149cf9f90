"""Any part of a model given any other, the rest integrated out: held to a search with hidden variables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

import retrodict as rd
from retrodict.certificate.certify import certify
from retrodict.errors import GraphError, OptionError, OrderError, SizeError, UnknownVariableError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.invert import invert
from retrodict.invert.orders import ORDERS
from tests.oracles import (
    Paths,
    count_fewest_asked,
    find_border,
    find_boundaries,
    find_minimal_parents,
    list_bits,
    list_dags_up_to_isomorphism,
    list_questions,
    to_bits,
)
from tests.random_models import RandomModel, draw_model


@dataclass(frozen=True)
class Question:
    """A model, what is given and what is asked for; of the model itself nothing is observed that matters."""

    model: RandomModel
    given: int
    asked: int

    def name(self, numbers: Iterable[int]) -> list[object]:
        return [self.model.names[v] for v in numbers]

    def invert(self, order: object = "auto", **options: object) -> Inverse:
        given, of = self.name(list_bits(self.given)), self.name(list_bits(self.asked))
        return invert(self.model.net, order, given=given, of=of, **options)  # type: ignore[call-overload, no-any-return]

    def find_fault(self, inverse: Inverse, find: Callable[[int, int], int]) -> object:
        """What is wrong with an inverse: its parents are not those of the definition, or its certificate errs."""
        number = {name: v for v, name in enumerate(self.model.names)}
        parents = {number[name]: sorted(map(number.__getitem__, above)) for name, above in inverse.parents.items()}
        sampling = [number[name] for name in inverse.sampling_order]
        needed = find_minimal_parents(find, sampling, self.given)
        verdict = certify(inverse)
        good = set(sampling) == set(list_bits(self.asked)) and parents == needed and verdict and verdict.minimal
        return None if good else (self, inverse.strategy, parents, needed, verdict)


def list_small(n: int) -> Iterable[Question]:
    for dag in list_dags_up_to_isomorphism(n):
        model = RandomModel(dag, 1, tuple(range(n)))
        yield from (Question(model, given, asked) for given, asked in list_questions(n))


def draw_question(seed: int) -> Question:
    """A random model of up to 12 variables, any of them given, asked for or hidden."""
    model, draw = draw_model(seed), Random(seed)  # noqa: S311
    n = len(model.dag)
    shuffled = draw.sample(range(n), n)
    a = draw.randint(1, n - 1)
    b = draw.randint(1, n - a)
    return Question(model, to_bits(shuffled[:a]), to_bits(shuffled[a : a + b]))


def require_right(questions: Iterable[Question], orders: Iterable[str]) -> int:
    """Each order gives a faithful and minimal factorization; `auto` of few latents one with the fewest edges."""
    checked = 0
    for question in questions:
        find = functools.cache(functools.partial(find_border, question.model.dag))
        for order in orders:
            inverse = question.invert(order)
            assert question.find_fault(inverse, find) is None, question.find_fault(inverse, find)
            if order == "auto" and question.asked.bit_count() <= 8:
                assert inverse.n_edges == count_fewest_asked(find, question.given, question.asked), question
            checked += 1
    return checked


def test_every_question_of_every_graph_of_three() -> None:
    assert require_right([*list_small(2), *list_small(3)], [*ORDERS, "auto"]) == 6 * (2 * 2 + 6 * 12)


@pytest.mark.slow
def test_every_question_of_every_graph_of_four() -> None:
    assert require_right(list_small(4), ["auto"]) == 31 * 50


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize("part", range(16))
def test_every_question_of_every_graph_of_five(part: int) -> None:
    questions = list(list_small(5))[part::16]
    assert require_right(questions, ["auto", "min-fill"]) == 2 * len(questions)


def test_random_questions() -> None:
    require_right(map(draw_question, range(60)), [*ORDERS, "auto"])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_twenty_thousand_random_questions(part: int) -> None:
    require_right(map(draw_question, range(part, 20_000, 8)), ["auto", "min-fill", "forward"])


def test_latents_drawn_after_downstream_ones_are_unknown_before() -> None:
    """Random models in which an informed latent is drawn after one that is downstream."""
    require_right([draw_question(912), draw_question(9688)], [*ORDERS, "auto"])


@pytest.mark.parametrize("seed", range(40))
def test_any_explicit_order(seed: int) -> None:
    question = draw_question(seed)
    draw = Random(seed)  # noqa: S311
    asked = list_bits(question.asked)
    inverse = question.invert(question.name(draw.sample(asked, len(asked))))
    find = functools.partial(find_border, question.model.dag)
    assert question.find_fault(inverse, find) is None


def test_the_definition_by_paths_agrees() -> None:
    """The oracle of the oracle: of the known, the one smallest set that separates from the rest of them."""
    for question in map(draw_question, range(200)):
        if len(question.model.dag) > 6:
            continue
        inverse = question.invert()
        names = question.model.names
        known, separated = question.given, Paths(question.model.dag).separated
        for name in inverse.sampling_order:
            child = names.index(name)
            parents = to_bits(names.index(parent) for parent in inverse.parents[name])
            assert find_boundaries(separated, child, known) == [parents]
            known |= 1 << child


CHAIN = BayesNet({"a": [], "b": ["a"], "c": ["b"], "d": ["c"], "e": ["d"]}, observed=["e"])


def test_the_call_without_parts_is_the_special_case() -> None:
    whole, asked = invert(CHAIN), invert(CHAIN, given=["e"], of=["a", "b", "c", "d"])
    assert dict(whole.parents) == dict(asked.parents)
    assert asked.net == CHAIN
    assert invert(CHAIN, given=["e", "c"]).net.latents == ("a", "b", "d")
    assert invert(CHAIN, of=["b"]).net.hidden == ("a", "c", "d")


def test_marginalizing_joins_what_hidden_variables_part() -> None:
    """Given the middle of a chain, both ends are independent; integrated out, it costs the edge between them."""
    kept = invert(CHAIN, given=["e"], of=["a", "c", "d"])
    assert dict(invert(CHAIN, ["a", "d"], given=["e"], of=["a", "d"]).parents) == {"a": ("d",), "d": ("e",)}
    fork = BayesNet({"h": [], **{f"x{i}": ["h"] for i in range(4)}}, observed=["x0"])
    assert invert(fork, given=["x0"], of=["x1", "x2", "x3"]).n_edges == 3 + 2 + 1
    assert invert(fork, given=["x0"]).n_edges == 1 + 3
    assert kept.n_edges == 3


def test_downstream_latents_are_not_drawn_from_the_model() -> None:
    """With its parent hidden, a leaf of which nothing is known still needs what informs the parent."""
    net = BayesNet({"h": [], "a": ["h"], "b": ["a"], "x": ["h"]}, observed=["x"])
    inverse = invert(net, given=["x"], of=["a", "b"])
    assert dict(inverse.parents) == {"a": ("x",), "b": ("a",)}
    assert inverse.generative == ("b",)
    assert inverse.depth == 2


def test_downstream_latents_marry_nobody_before_they_are_drawn() -> None:
    parents = {"h": [], "g": [], "d": ["h", "g"], "a": ["h"], "b": ["g"], "x": ["a"], "y": ["b"]}
    net = BayesNet(parents, observed=["x", "y"])
    inverse = invert(net, ["d", "a", "b"], given=["x", "y"], of=["a", "b", "d"])
    assert dict(inverse.parents) == {"a": ("x",), "b": ("y",), "d": ("a", "b")}
    late = invert(net, ["a", "b", "d"], given=["x", "y"], of=["a", "b", "d"])
    assert set(late.parents["b"]) == {"d", "x", "y"}
    assert certify(late).minimal


@pytest.mark.parametrize("minimize", ["edges", "depth", "width"])
def test_objectives(minimize: str) -> None:
    for seed in range(30):
        question = draw_question(seed)
        best = question.invert("auto", minimize=minimize)
        value = {"edges": "n_edges"}.get(minimize, minimize)
        others = [question.invert(order) for order in ORDERS]
        assert getattr(best, value) <= min(getattr(other, value) for other in others)
        find = functools.partial(find_border, question.model.dag)
        assert question.find_fault(best, find) is None


def test_exact_is_proved_or_refused() -> None:
    outside = {f"z{i}": ["x"] if i == 0 else [f"z{i - 1}"] for i in range(20)}
    seen = {f"y{i}": [f"z{i}"] for i in range(20)}
    net = BayesNet({"x": [], **outside, **seen}, observed=["x"])
    few = invert(net, "exact", given=["x"], of=["y3", "y7", "y12"])
    assert few.strategy == "exact"
    assert few.n_edges == 3 + 2 + 1
    with pytest.raises(OrderError, match="at most 15"):
        invert(net, "exact", given=["x"], of=list(seen))
    with pytest.raises(OrderError, match="least edges or width"):
        invert(net, "exact", "depth", given=["x"], of=["y3", "y7"])


def test_constraints_are_kept() -> None:
    for seed in range(40):
        question = draw_question(seed)
        free = question.invert()
        barren = set(free.generative)
        names = [name for name in question.name(list_bits(question.asked)) if name not in barren]
        if len(names) < 2:
            continue
        inverse = question.invert(first=[names[-1]], last=[names[0]])
        kept = [name for name in inverse.elimination_order if name not in barren]
        assert (kept[0], kept[-1]) == (names[-1], names[0])
        assert certify(inverse).minimal


@pytest.mark.parametrize("baseline", ["reversal", "mean-field", "fully-connected"])
def test_baselines_leave_hidden_variables_out(baseline: str) -> None:
    question = draw_question(7)
    inverse = question.invert(baseline)
    hidden = set(inverse.net.hidden)
    assert hidden
    assert not any(hidden & set(parents) for parents in inverse.parents.values())
    assert certify(inverse).faithful or baseline != "fully-connected"


def test_missing_edges_are_proved_by_open_paths() -> None:
    for seed in range(60):
        question = draw_question(seed)
        verdict = certify(question.invert("mean-field"))
        net = verdict.inverse.net
        sampling = verdict.inverse.sampling_order
        for edge in verdict.missing:
            known = {*net.observed, *sampling[: sampling.index(edge.child)]} - {edge.parent}
            assert not rd.d_separated(net, edge.parent, edge.child, given=known)
            assert (edge.path[0], edge.path[-1]) == edge[:2]


def test_large_models_stay_fast() -> None:
    """A hidden chain of 20,000 steps; a few of them asked for, all data given: no pair is written out in vain."""
    n = 20_000
    parents = {f"z{i}": [f"z{i - 1}"] if i else [] for i in range(n)} | {f"x{i}": [f"z{i}"] for i in range(n)}
    net = BayesNet(parents, observed=["x0"])
    given = [f"x{i}" for i in range(n)]
    asked = [f"z{i}" for i in range(0, n, 1000)]
    inverse = invert(net, given=given, of=asked)
    verdict = certify(inverse)
    assert (verdict.faithful, verdict.minimal) == (True, True)
    assert set(inverse.parents["z0"]) in ({"z1000", *given[:1000]}, {*given})
    last = invert(net, given=given, of=[f"z{n - 1}"])
    assert last.n_edges == n


def test_what_would_not_fit_is_refused_and_an_explicit_order_is_not() -> None:
    n = 8_000
    parents = {"h": [], **{f"z{i}": ["h"] for i in range(n)}, **{f"x{i}": [f"z{i}"] for i in range(n)}}
    net = BayesNet(parents, observed=["h"])
    given, asked = [f"x{i}" for i in range(n)], [f"z{i}" for i in range(n)]
    with pytest.raises(SizeError, match="integrating out"):
        invert(net, given=given, of=asked)


def test_compare_says_what_keeping_hidden_variables_costs() -> None:
    fork = BayesNet({"h": [], **{f"x{i}": ["h"] for i in range(6)}}, observed=["x0"])
    table = rd.compare(fork, given=["x0"], of=[f"x{i}" for i in range(1, 6)])
    assert {row.edges for row in table.rows} == {15}
    assert table.to_dict()["kept"] == {"edges": 6, "latents": 6}
    assert "with the hidden variables kept: Inverse" in str(table)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"given": ["a"], "of": ["a", "b"]}, "'a' is both given and asked for"),
        ({"given": [], "of": ["a"]}, r"given=\[\] is empty"),
        ({"given": ["a"], "of": []}, r"of=\[\] is empty"),
        ({"given": ["a", "b", "c", "d", "e"]}, "nothing is latent"),
        ({"given": ["a", "a"]}, "twice among the names in given="),
        ({"of": ["b", "b"]}, "twice among the names in of="),
        ({"given": "a"}, r"given= must be a list of names"),
    ],
)
def test_bad_parts(parts: dict[str, list[str]], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        invert(CHAIN, **parts)  # type: ignore[call-overload]


def test_unknown_names() -> None:
    for parts in ({"given": ["q"]}, {"of": ["q"]}, {"given": ["q"], "of": ["a"]}):
        with pytest.raises(UnknownVariableError, match=f"'q', named in {next(iter(parts))}=, is not among"):
            invert(CHAIN, **parts)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="given= and of="):
        invert(rd.Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"]), given=["x"], of=["z"])  # type: ignore[call-overload]


def test_pictures_and_files_say_what_is_hidden() -> None:
    inverse = invert(CHAIN, given=["e"], of=["a", "d"])
    svg = inverse.plot().to_svg()
    assert ">a<" in svg
    assert ">b<" not in svg
    picture = inverse.net.plot().to_svg()
    assert "hidden: integrated out" in picture
    assert "2 hidden" in picture
    assert certify(inverse).plot().to_svg()
    assert certify(inverse).to_dict()["model"]["hidden"] == ["b", "c"]
    with pytest.raises(KeyError, match="hidden"):
        _ = inverse.parents["b"]
    assert np.array_equal(inverse.net.observing(["e"]).is_hidden, np.zeros(5, dtype=bool))
