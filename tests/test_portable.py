"""Errors, models and results survive pickle, copy and deepcopy, and so the way to and from another process."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from typing import Any

import equinox as eqx
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.errors import CycleError, FileError, RetrodictError, UnknownStateError, UnknownVariableError, WidthError
from retrodict.posterior.calibration.calibration import Calibration
from retrodict.posterior.weights.importance import Importance
from retrodict.train.loop import History, TrainingError
from tests.test_floors import FILES, name_of

WAYS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}

# Classes that are not called as `RetrodictError` is.
SPECIAL: dict[type[RetrodictError], Callable[[Any], RetrodictError]] = {
    CycleError: lambda _: CycleError(["a", "b", "a"], where="the order"),
    UnknownStateError: lambda _: UnknownStateError("maybe", "rain", ["yes", "no"]),
    WidthError: lambda _: WidthError("too narrow", ["z"], least=7, remedy="Widen it."),
    FileError: lambda _: FileError("a/file", "is damaged", remedy="Write it again."),
    TrainingError: lambda pair: TrainingError(("z",), step=3, trained=pair, history=History((1,), (2.0,))),
}
IMAGES = {"x": np.array([[0, 1], [1, 1]] * 4)}


@pytest.fixture(scope="module")
def learned() -> rd.LearnedModel:
    made = rd.fit_model(zoo.programs.vae(latents=1, pixels=2, hidden=()), IMAGES, epochs=1, quiet=True)
    made.generate(2)  # which compiles a program that cannot be sent away
    return made


def list_errors(kind: type[RetrodictError] = RetrodictError) -> Iterator[type[RetrodictError]]:
    """Every class of error of the package, wherever it is defined."""
    for path in FILES:
        import_module(name_of(path).removesuffix(".__init__"))
    for below in kind.__subclasses__():
        if below.__module__.startswith("retrodict."):
            yield below
            yield from list_errors(below)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_error_keeps_its_message_and_fields(way: Callable[[Any], Any], learned: rd.LearnedModel) -> None:
    kinds = [RetrodictError, *list_errors()]
    assert len(set(kinds)) > 15
    for kind in kinds:
        make = SPECIAL.get(kind, lambda _, kind=kind: kind("a problem with", ["x", ("y", 3)], remedy="Mend it."))
        error = make(learned.pair)
        error.add_note("while testing")
        again = way(error)
        assert type(again) is kind
        assert (str(again), again.args) == (str(error), error.args)
        assert again.__dict__.keys() == error.__dict__.keys()
        simple = {name: value for name, value in error.__dict__.items() if name != "trained"}
        assert simple == {name: again.__dict__[name] for name in simple}


def test_an_error_in_a_worker_process_comes_back() -> None:
    """As that error: without it, `Pool.map` waits for ever."""
    with get_context("spawn").Pool(1) as pool:
        answer = pool.map_async(partial(rd.BayesNet, observed=["x"]), [{"x": ["stranger"]}])
        with pytest.raises(
            UnknownVariableError, match="'stranger', given as a parent, is not among the variables of the model"
        ) as caught:
            answer.get(timeout=100)
    assert caught.value.variables == ("stranger",)


def guided_program(x: Any) -> None:
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.sample("x", dist.Normal(z, 1), obs=x)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_structure_stays_equal_and_unwritable(way: Callable[[Any], Any]) -> None:
    net = zoo.asia()
    inverse = rd.reversal(net)
    verdict = rd.certify(inverse)
    assert verdict.missing
    again = way(verdict)
    assert again.missing == verdict.missing
    assert (again.inverse.net, hash(again.inverse.net)) == (net, hash(net))
    assert dict(again.inverse.parents) == dict(inverse.parents)
    for array in (again.inverse.net.is_observed, again.inverse.net.parent_rows.index, again.inverse.sets.latents.index):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(TypeError, match="does not support item assignment"):
        again.inverse.net.described["new"] = 1


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_models_simulate_the_same(way: Callable[[Any], Any]) -> None:
    tables = rd.DiscreteNetwork.from_tables(
        {"a": [], "b": ["a"]},
        {"a": ["no", "yes"], "b": ["no", "yes"]},
        {"a": [0.5, 0.5], "b": [[0.9, 0.1], [0.2, 0.8]]},
        ["b"],
    )
    for model in (zoo.binary_tree(2), tables):
        drawn = model.simulate(4, seed=1)
        again = way(model)
        assert again.digest() == model.digest()
        assert again.simulate(4, seed=1)[model.net.names[0]].tolist() == drawn[model.net.names[0]].tolist()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_learned_models_and_posteriors_stay_the_same(way: Callable[[Any], Any], learned: rd.LearnedModel) -> None:
    again = way(learned)
    assert again.history == learned.history
    assert (again.bound(IMAGES) == learned.bound(IMAGES)).all()
    assert (again.generate(2)["x"] == learned.generate(2)["x"]).all()
    data, posterior = learned.model.split(IMAGES), learned.posterior
    assert (way(posterior).sample(data, 3)["z[0]"] == posterior.sample(data, 3)["z[0]"]).all()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_posteriors_say_stays_the_same(way: Callable[[Any], Any]) -> None:
    random = np.random.default_rng(0)
    weighed = Importance({"z": random.normal(size=50)}, random.normal(size=50))
    assert way(weighed).mean == weighed.mean
    outcome = Calibration(("z", "TARP distance"), random.random((100, 2)), 19, 0.001)
    assert str(way(outcome)) == str(outcome)


def test_guides_keep_their_parts() -> None:
    guide = rd.AutoFaithful(guided_program, widths=(8,)).setup(2.0)
    for again in (way(guide) for way in WAYS.values()):
        assert dict(again.inverse.parents) == dict(guide.inverse.parents)
        assert eqx.tree_equal(again.parts.encoder, guide.parts.encoder)
