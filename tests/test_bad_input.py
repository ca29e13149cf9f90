"""Bad input: an error of the library that says what is wrong, with which variables, and what to do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.errors import (
    CycleError,
    GraphError,
    GuideError,
    OptionError,
    OrderError,
    RetrodictError,
    UnknownVariableError,
)
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.separation import d_separated
from retrodict.guide.judging.lint import lint
from retrodict.invert import invert
from tests.cases import grow_tree, list_leaves

NET = BayesNet({"y": [], "z": ["y"], "x": ["z"]}, observed=["x"])
GUIDE = {"y": ["z"], "z": ["x"]}
N = 10_000


@dataclass(frozen=True)
class Bad:
    """Something that must not be accepted, the error that it raises, and what its message says."""

    name: str
    attempt: Callable[[], object]
    error: type[RetrodictError]
    message: str
    variables: tuple[object, ...] = ()

    def __str__(self) -> str:
        return self.name


def build(parents: object, observed: object = ("x",), **options: object) -> Callable[[], object]:
    return lambda: BayesNet(parents, observed, **options)


BAD_MODELS = [
    Bad(
        "cycle",
        build({"a": ["c"], "b": ["a"], "c": ["b"], "x": []}),
        CycleError,
        r"cycle, (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)\.",
    ),
    Bad(
        "cycle beside others",
        build({"r": [], "a": ["r", "b"], "b": ["a"], "x": ["b"]}),
        CycleError,
        r"cycle, (a -> b -> a|b -> a -> b)\. Remove one of these edges\.",
    ),
    Bad(
        "long cycle",
        build({i: [(i - 1) % N] for i in range(N)}, [0]),
        CycleError,
        r"cycle of 10,000 variables, .* -> \.\.\. -> ",
    ),
    Bad("self-loop", build({"a": ["a"], "x": []}), GraphError, r"'a' cannot be its own parent\. Remove", ("a",)),
    Bad(
        "unknown parent",
        build({"cloud": [], "x": ["clowd"]}),
        UnknownVariableError,
        r"'clowd', given as a parent, is not among the variables of the model\. Did you mean 'cloud'\?",
        ("clowd",),
    ),
    Bad(
        "unknown observed",
        build({"cloud": [], "x": ["cloud"]}, ["x", "clowd"]),
        UnknownVariableError,
        r"'clowd', named in observed=, is not among the variables of the model\. Did you mean 'cloud'\?",
        ("clowd",),
    ),
    Bad(
        "unknown description",
        build({"a": [], "x": ["a"]}, variables=[Variable("b")]),
        UnknownVariableError,
        r"'b', described in variables=, is not among the variables",
        ("b",),
    ),
    Bad("nothing alike", build({"a": [], "x": ["Q"]}), UnknownVariableError, r"The variables are 'a', 'x'", ("Q",)),
    Bad(
        "variable twice",
        build([("a", []), ("a", []), ("x", ["a"])]),
        GraphError,
        r"'a' is given twice among the variables",
        ("a",),
    ),
    Bad(
        "parent twice",
        build({"a": [], "x": ["a", "a"]}),
        GraphError,
        r"'a' is given twice among the parents of 'x'",
        ("a",),
    ),
    Bad(
        "observed twice",
        build({"a": [], "x": ["a"]}, ["x", "x"]),
        GraphError,
        r"'x' is given twice among the observed variables",
        ("x",),
    ),
    Bad(
        "description twice",
        build({"a": [], "x": ["a"]}, variables=[Variable("a"), Variable("a", size=2)]),
        GraphError,
        r"'a' is given twice among the described variables",
        ("a",),
    ),
    Bad(
        "string as parents",
        build({"ab": [], "x": "ab"}),
        GraphError,
        r"parents of 'x' must be a list of names, not 'ab'\. Write \['ab'\]",
        ("ab",),
    ),
    Bad(
        "string as observed",
        build({"a": [], "x": ["a"]}, "x"),
        GraphError,
        r"observed= must be a list of names, not 'x'",
        ("x",),
    ),
    Bad(
        "None as parents",
        build({"a": None, "x": ["a"]}),
        GraphError,
        r"parents of 'a' must be a list of names, not None",
    ),
    Bad(
        "None as observed",
        build({"a": [], "x": ["a"]}, None),
        GraphError,
        r"observed= must be a list of names, not None",
    ),
    Bad("list as a parent", build({"a": [], "x": [["a"]]}), GraphError, r"parents of 'x' .*\['a'\]"),
    Bad("list among parents", build({"a": [], "x": ["a", ["b"]]}), GraphError, r"parents of 'x' .*\['b'\]"),
    Bad(
        "list among observed",
        build({"a": [], "x": ["a"]}, ["x", ["a"]]),
        GraphError,
        r"observed= must be names, not \['a'\]",
    ),
    Bad("list as a variable", build([(["a"], []), ("x", [])]), GraphError, r"variables .*\['a'\]"),
    Bad("names without parents", build(["alpha", "x"]), GraphError, r"each variable with its parents"),
    Bad("a number as a model", build(3), GraphError, r"each variable with its parents"),
    Bad("nothing observed", build({"a": [], "x": ["a"]}, []), GraphError, r"nothing is observed\. Name at least one"),
    Bad(
        "nothing latent",
        build({"a": [], "x": ["a"]}, ["a", "x"]),
        GraphError,
        r"nothing is latent\. Leave at least one",
    ),
    Bad("no variables", build({}, []), GraphError, r"no variables\. Give each"),
]

BAD_ORDERS = [
    Bad(
        "unknown order",
        lambda: invert(NET, order="backward"),
        OrderError,
        r"'backward' does not exist\. Choose one of auto, exact, forward, reverse, min-fill",
    ),
    Bad(
        "unknown objective",
        lambda: invert(NET, minimize="time"),
        OptionError,
        r"minimize='time' is unknown\. Choose one of edges, depth, width",
    ),
    Bad(
        "latent left out",
        lambda: invert(NET, order=["z"]),
        OrderError,
        r"order leaves out 'y'\. Name each of the 2 latents once",
        ("y",),
    ),
    Bad("latent twice", lambda: invert(NET, order=["z", "y", "z"]), OrderError, r"order names 'z' twice", ("z",)),
    Bad(
        "observed in an order",
        lambda: invert(NET, order=["z", "y", "x"]),
        OrderError,
        r"names 'x', which is not among the latents of the model",
        ("x",),
    ),
    Bad(
        "stranger in an order",
        lambda: invert(NET, order=["z", "y", "w"]),
        OrderError,
        r"names 'w', which is not among the latents of the model",
        ("w",),
    ),
    Bad("list in an order", lambda: invert(NET, order=["z", ["y"]]), GraphError, r"order= must be names, not \['y'\]"),
    Bad("empty order", lambda: invert(NET, order=[]), OrderError, r"leaves out 'y', 'z'", ("y", "z")),
    Bad("None as order", lambda: invert(NET, order=None), RetrodictError, r"order= must be a list of names, not None"),
]

BAD_GUIDES = [
    Bad(
        "unknown parent",
        lambda: lint(NET, GUIDE | {"z": ["w"]}),
        UnknownVariableError,
        r"'w', given as the guide's parents of 'z', is not among the variables",
        ("w",),
    ),
    Bad(
        "unknown latent",
        lambda: lint(NET, GUIDE | {"w": ["x"]}),
        UnknownVariableError,
        r"'w', to which the guide gives parents, is not among the variables",
        ("w",),
    ),
    Bad(
        "observed as child",
        lambda: lint(NET, GUIDE | {"x": ["z"]}),
        GuideError,
        r"'x' is observed, and a guide has parents for latents only\. Remove its",
        ("x",),
    ),
    Bad(
        "missing latent",
        lambda: lint(NET, {"z": ["x"]}),
        GuideError,
        r"the guide has no entry for 'y'\. Give each its parents, or \[\]",
        ("y",),
    ),
    Bad(
        "cycle",
        lambda: lint(NET, {"z": ["y"], "y": ["z"]}),
        CycleError,
        r"the guide has a cycle, (y -> z -> y|z -> y -> z)",
    ),
    Bad("self-loop", lambda: lint(NET, GUIDE | {"z": ["z"]}), CycleError, r"the guide has a cycle, z -> z"),
    Bad(
        "parent twice",
        lambda: lint(NET, GUIDE | {"z": ["x", "x"]}),
        GraphError,
        r"'x' is given twice among the guide's parents of 'z'",
        ("x",),
    ),
    Bad(
        "string as parents",
        lambda: lint(NET, GUIDE | {"z": "x"}),
        GraphError,
        r"the guide's parents of 'z' must be a list of names, not 'x'",
        ("x",),
    ),
    Bad(
        "list as a parent",
        lambda: lint(NET, GUIDE | {"z": [["x"]]}),
        GraphError,
        r"the guide's parents of 'z' .*\['x'\]",
    ),
    Bad("no mapping", lambda: lint(NET, ["x"]), GuideError, r"must be a mapping \{latent: \[parents\]\}"),
]

BAD_QUESTIONS = [
    Bad(
        "unknown variable",
        lambda: d_separated(NET, "y", "w"),
        UnknownVariableError,
        r"'w' is not among the variables of the model",
        ("w",),
    ),
    Bad(
        "unknown condition",
        lambda: d_separated(NET, "y", "x", given=["w"]),
        UnknownVariableError,
        r"'w' is not among the variables of the model",
        ("w",),
    ),
    Bad(
        "list as a variable",
        lambda: d_separated(NET, ["y"], "x"),
        UnknownVariableError,
        r"\['y'\] is not among the variables of the model",
    ),
    Bad("itself", lambda: d_separated(NET, "y", "y"), GraphError, r"'y' cannot be separated from itself", ("y",)),
    Bad(
        "given as well",
        lambda: d_separated(NET, "y", "x", given=["y"]),
        GraphError,
        r"'y' is asked about and also given",
        ("y",),
    ),
    Bad(
        "string as conditions",
        lambda: d_separated(NET, "y", "x", given="z"),
        GraphError,
        r"given= must be a list of names, not 'z'",
        ("z",),
    ),
    Bad(
        "unknown parents asked for",
        lambda: NET.parents("w"),
        UnknownVariableError,
        r"'w' is not among the variables of the model",
        ("w",),
    ),
    Bad(
        "unknown children asked for",
        lambda: NET.children("w"),
        UnknownVariableError,
        r"'w' is not among the variables of the model",
        ("w",),
    ),
    Bad(
        "unknown latent of an inverse",
        lambda: invert(NET).parents["w"],
        UnknownVariableError,
        r"'w' is not among the variables of the model",
        ("w",),
    ),
]


@pytest.mark.parametrize("bad", [*BAD_MODELS, *BAD_ORDERS, *BAD_GUIDES, *BAD_QUESTIONS], ids=str)
def test_bad_input_is_named(bad: Bad) -> None:
    with pytest.raises(bad.error, match=bad.message) as caught:
        bad.attempt()
    assert not bad.variables or caught.value.variables == bad.variables
    assert "\n" not in str(caught.value)


def test_a_cycle_can_be_read_from_the_error() -> None:
    with pytest.raises(CycleError) as caught:
        BayesNet({"r": ["q"], "q": ["p"], "p": ["r"], "x": ["p"]}, observed=["x"])
    cycle = caught.value.cycle
    assert cycle[0] == cycle[-1]
    assert set(itertools.pairwise(cycle)) == {("r", "p"), ("p", "q"), ("q", "r")}


def test_a_cycle_is_found_where_much_hangs_on_it() -> None:
    """Variables below a cycle are never reached either, but are no part of it."""
    tree = {name: parents or ["loop"] for name, parents in grow_tree(5).items()}
    with pytest.raises(CycleError) as caught:
        BayesNet(tree | {"loop": ["pool"], "pool": ["loop"]}, observed=list_leaves(5))
    assert set(caught.value.cycle) == {"loop", "pool"}


NAMES = st.sampled_from(["a", "b", "c", "", 0, 1.5, None, ("a", 1), float("nan")])
ANYTHING = st.recursive(
    NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=8,
)
NEARLY_A_MODEL = st.dictionaries(NAMES, st.lists(NAMES, max_size=2), min_size=1, max_size=5)


@settings(max_examples=1000)
@given(NEARLY_A_MODEL | ANYTHING, st.lists(NAMES, max_size=3) | ANYTHING)
def test_anything_is_a_model_or_an_error_of_the_library(parents: object, observed: object) -> None:
    try:
        net = BayesNet(parents, observed)
    except RetrodictError as error:
        assert str(error)  # noqa: PT017
    else:
        assert invert(net).n_edges >= 0


@settings(max_examples=500)
@given(st.dictionaries(st.sampled_from(["y", "z", "x", "w"]), st.lists(st.sampled_from(["x", "y", "z"])) | ANYTHING))
def test_anything_is_a_guide_or_an_error_of_the_library(guide: object) -> None:
    try:
        certificate = lint(NET, guide)
    except RetrodictError as error:
        assert str(error)  # noqa: PT017
    else:
        assert certificate.inverse.net is NET


def test_an_observed_variable_has_no_parents_in_an_inverse() -> None:
    with pytest.raises(KeyError, match="'x' is observed"):
        invert(NET).parents["x"]
    assert "x" not in invert(NET).parents
    assert "w" not in invert(NET).parents
