"""What is saved comes back, bit for bit, for the same model only; whatever else lies there is refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
from dataclasses import fields, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open

import retrodict as rd
from retrodict import AmortizedPosterior, BayesNet, LinearGaussian, amortize, certify, invert, reversal, zoo
from retrodict.encode.features import Scaling
from retrodict.encode.recipe import Recipe
from retrodict.errors import FileError, GraphError
from retrodict.files.checkpoint import read_arrays, write_arrays
from retrodict.graph.model_digest import digest_model
from retrodict.posterior import storage
from retrodict.posterior.novelty import Familiar
from retrodict.train.loop import History
from tests.posterior.exact import exact_posterior
from tests.processes import run_python

TREE = zoo.binary_tree(3, seed=0)
TUPLES = BayesNet({1: [], ("x", 2): [1]}, observed=[("x", 2)])
DATA = {"x3": 0.5, "x4": -1.0, "x5": 2.0, "x6": 0.0}
BARREN = LinearGaussian.from_weights(BayesNet({"z": [], "x": ["z"], "barren": ["z"]}, observed=["x"]), {})


def make(model=TREE, order="auto", **recipe) -> AmortizedPosterior:
    """A posterior as amortize makes it, but for the training."""
    inverse = invert(model, order) if isinstance(order, str) else order
    if inverse.is_generative.all():
        return AmortizedPosterior.of(model, inverse, None)
    chosen = Recipe(inverse, **recipe)
    columns = np.random.default_rng(0).uniform(1, 2, (2, len(model.net) - len(inverse.generative))).astype(np.float32)
    encoder = chosen.build(model, jax.random.key(3), Scaling(*map(jnp.asarray, columns)))
    history = History((25, 50), (2.5, 1.25), (2.0, 1.5), ({}, {}))
    familiar = Familiar.learn(*np.random.default_rng(1).normal(size=(2, 500, len(model.net.observed))))
    return AmortizedPosterior.of(model, inverse, encoder, history, chosen, familiar)


CASES = {
    "shared": lambda: make(),
    "no skip": lambda: make(skip=False),
    "separate": lambda: make(network="separate", widths=(8, 8)),
    "an unfaithful structure": lambda: make(order=reversal(TREE.net)),
    "another order": lambda: make(order="reverse"),
    "barren latents": lambda: make(BARREN),
    "no encoder": lambda: make(LinearGaussian.from_weights(BayesNet({"x": [], "z": ["x"]}, observed=["x"]), {})),
    "names that are no text": lambda: make(LinearGaussian.from_weights(TUPLES, {})),
    "by amortize": lambda: amortize(TREE, widths=(16, 24), steps=3, batch=8, exact=False, quiet=True),
}


@pytest.fixture(scope="module")
def posterior() -> AmortizedPosterior:
    return make(widths=(16, 24))


@pytest.fixture(scope="module")
def saved(posterior, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    posterior.save(folder)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_what_is_saved_comes_back(case, tmp_path):
    posterior = CASES[case]()
    posterior.save(tmp_path / "new" / "folder")
    again = rd.load(tmp_path / "new" / "folder", posterior.model)
    data = dict.fromkeys(posterior.model.net.observed, 0.5)
    draws, others = (p.sample(data, 20, seed=1) for p in (posterior, again))
    assert all(np.array_equal(draws[name], others[name]) for name in draws)
    assert np.array_equal(posterior.log_prob(draws, data), again.log_prob(draws, data))
    assert dict(again.inverse.parents) == dict(posterior.inverse.parents)
    assert again.inverse.sampling_order == posterior.inverse.sampling_order
    assert again.inverse.strategy == posterior.inverse.strategy
    assert again.inverse.generative == posterior.inverse.generative
    assert again.inverse.depths.tolist() == posterior.inverse.depths.tolist()
    assert (again.inverse.forest is None) == (posterior.inverse.forest is None)
    verdict, before = certify(again.inverse), certify(posterior.inverse)
    assert (verdict.missing, verdict.removable) == (before.missing, before.removable)
    assert again.history == posterior.history
    assert again.recipe == (posterior.recipe and posterior.recipe.settle(posterior.model))
    assert jax.tree.structure(again.encoder) == jax.tree.structure(posterior.encoder)


def test_a_file_names_the_choices_of_the_library_and_an_older_one_means_those_of_its_time():
    assert storage.describe_parts(make().parts)["recipe"]["widths"] == [256, 256]
    old = make(widths=(64, 64))
    content, arrays = storage.describe_parts(old.parts), storage.list_parts(old.parts)
    content["recipe"]["widths"] = None
    again = storage.read_parts(Path("old"), content, arrays, TREE, {})
    assert jax.tree.structure(again.encoder) == jax.tree.structure(old.encoder)


def test_the_warning_survives(saved, posterior):
    again = rd.load(saved, TREE)
    for field in fields(Familiar):
        assert np.array_equal(getattr(again.familiar, field.name), getattr(posterior.familiar, field.name))
    with pytest.warns(rd.errors.NoveltyWarning):
        again.sample({**DATA, "x3": 1e3}, 5)


def test_watched_numbers_survive(posterior, tmp_path):
    history = replace(posterior.history, watched=({"kl": 0.5},) * len(posterior.history.step))
    replace(posterior, history=history).save(tmp_path)
    assert rd.load(tmp_path, TREE).history == history


def test_saving_twice_gives_the_same_bytes_and_keeps_one_file(posterior, tmp_path):
    digests = set()
    for _ in range(2):
        posterior.save(tmp_path)
        (file,) = tmp_path.iterdir()
        digests.add(hashlib.sha256(file.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_another_process_draws_the_same(saved, posterior):
    program = f"""
import retrodict as rd
posterior = rd.load({str(saved)!r}, rd.zoo.binary_tree(3, seed=0))
print(posterior.sample({DATA!r}, 50, seed=4)["x0"].tobytes().hex())
"""
    assert bytes.fromhex(run_python(program).strip()) == posterior.sample(DATA, 50, seed=4)["x0"].tobytes()


# -- the digest of a model ---------------------------------------------------------------------------


def change(part: str) -> LinearGaussian:
    net, weights = TREE.net, TREE.weights.copy()
    match part:
        case "weight":
            weights[3] = np.nextafter(weights[3], 9)
            return LinearGaussian(net, weights, TREE.bias, TREE.variance)
        case "bias":
            return LinearGaussian(net, weights, TREE.bias + 1e-12, TREE.variance)
        case "variance":
            return LinearGaussian(net, weights, TREE.bias, TREE.variance * 2)
    parents = {name: net.parents(name) for name in net.names}
    match part:
        case "observed":
            other = BayesNet(parents, observed=net.observed[1:])
        case "edge":
            other = BayesNet({**parents, "x6": ["x1"]}, observed=net.observed)
        case _:
            renamed = {f"y{name[1:]}": [f"y{p[1:]}" for p in listed] for name, listed in parents.items()}
            other = BayesNet(renamed, observed=[f"y{name[1:]}" for name in net.observed])
    return LinearGaussian(other, weights, TREE.bias, TREE.variance)


@pytest.mark.parametrize("part", ["weight", "bias", "variance", "observed", "edge", "names"])
def test_another_model_is_refused(saved, part):
    with pytest.raises(FileError, match="was saved for another model"):
        rd.load(saved, change(part))


def test_the_same_model_written_down_differently_is_the_same(saved):
    names = list(TREE.net.names)[::-1]
    net = BayesNet({name: TREE.net.parents(name) for name in names}, observed=TREE.net.observed[::-1])
    assert LinearGaussian(net, TREE.weights, TREE.bias, TREE.variance).digest() == TREE.digest()


def test_the_digest_is_the_same_in_every_process():
    program = "from retrodict import zoo; print(zoo.binary_tree(3, seed=0).digest())"
    assert {run_python(program, PYTHONHASHSEED=seed).strip() for seed in "12"} == {TREE.digest()}


def test_names_are_told_apart_by_type_and_place():
    nets = [
        BayesNet({name: [], other: [name]}, observed=[other])
        for name, other in [(1, 2), ("1", "2"), ((1,), (2,)), (1.0, 2.0), ("1, 2", "3"), ("1", "2, 3"), ("a", "b c")]
    ]
    assert len({digest_model(net, {}) for net in nets}) == len(nets)
    with pytest.raises(GraphError, match="names that a file cannot carry"):
        digest_model(BayesNet({object: [], "x": [object]}, observed=["x"]), {})


# -- what is refused ---------------------------------------------------------------------------------


def test_an_encoder_of_unknown_make_is_not_saved(tmp_path):
    with pytest.raises(FileError, match="nothing says how to build it again"):
        exact_posterior(TREE).save(tmp_path / "a")


def test_folders_without_a_posterior_are_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FileError, match="holds nothing that was saved"):
            rd.load(folder, TREE)
    (tmp_path / "file").write_text("a file")
    with pytest.raises(FileError, match="file: holds nothing that was saved"):
        rd.load(tmp_path / "file", TREE)


def test_a_posterior_of_an_old_release_is_refused(tmp_path):
    (tmp_path / "posterior.retrodict").write_bytes(b"RTRDCT01" + bytes(99))
    for source in (TREE, zoo.programs.vae(1, pixels=2, hidden=())):
        with pytest.raises(FileError, match=r"posterior\.retrodict: was written before retrodict 0\.1.* Train"):
            rd.load(tmp_path, source)


def test_a_folder_that_cannot_be_written_is_named(posterior, tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(FileError, match=r"file: cannot be written \(File exists"):
        posterior.save(tmp_path / "file")


def test_a_save_that_fails_keeps_the_posterior_before_it(posterior, saved, tmp_path, monkeypatch):
    shutil.copytree(saved, tmp_path / "copy")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FileError, match="No space left"):
        make().save(tmp_path / "copy")
    again = rd.load(tmp_path / "copy", TREE)
    assert np.array_equal(again.sample(DATA, 9)["x0"], posterior.sample(DATA, 9)["x0"])
    assert len(list((tmp_path / "copy").iterdir())) == 1


def edit(saved: Path, folder: Path, change) -> Path:
    """A copy of what was saved with its values changed and a digest that fits."""
    content, arrays = read_arrays(saved / storage.FILE)
    change(content, arrays)
    folder.mkdir(exist_ok=True)
    write_arrays(folder / storage.FILE, content, arrays)
    return folder


def put(name, value):
    def change(content, arrays):
        arrays[name] = value(arrays[name]) if callable(value) else value

    return change


def set_recipe(**values):
    return lambda content, arrays: content["recipe"].update(values)


EDITS = {
    "another kind": (lambda c, a: c.update(kind="resume"), "holds no posterior"),
    "another verdict": (lambda c, a: c["certificate"].update(n_missing=3), "not the one that was certified"),
    "no strategy": (lambda c, a: c.pop("strategy"), "does not fit"),
    "a strategy that is a list": (lambda c, a: c.update(strategy=[]), "strategy of its inverse"),
    "no array": (lambda c, a: a.pop("inverse.walk"), "does not fit"),
    "an edge less": (put("inverse.walk", lambda w: np.zeros_like(w)), "FileError|does not fit|not the one"),
    "a parent beyond the last": (put("inverse.index", lambda x: x + 99), "rows of latent parents"),
    "rows that run backwards": (put("inverse.pointer", lambda x: x[::-1].copy()), "rows of latent parents"),
    "a slice beyond the walk": (put("inverse.stop", lambda x: x + 99), "slices of observed parents"),
    "an order that repeats": (put("inverse.elimination", lambda x: x * 0), "order of elimination"),
    "an order turned round": (put("inverse.elimination", lambda x: x[::-1].copy()), "drawn before|forest"),
    "another forest": (put("inverse.forest", lambda x: x * 0), "forest"),
    "floats for integers": (put("inverse.start", lambda x: x.astype(float)), "wrong type"),
    "barren latents": (put("inverse.is_generative", lambda x: ~x), "does not fit|not the one"),
    "another encoder": (set_recipe(network="convolutional"), "does not exist"),
    "a recipe with more": (set_recipe(path="/etc"), "does not fit"),
    "a recipe of no text": (set_recipe(network=["shared"]), "recipe of the encoder"),
    "other widths": (set_recipe(widths=[16, 16]), "builds differently"),
    "widths beyond memory": (set_recipe(widths=[10**9, 10**9]), "widths of the encoder"),
    "widths of text": (set_recipe(widths=["16", "24"]), "widths of the encoder"),
    "no width": (set_recipe(widths=[0, 24]), "widths of the encoder"),
    "a longer history": (put("history.step", lambda x: np.append(x, 9)), "history"),
    "a narrower summary": (put("familiar.mean", lambda x: x[1:]), "what training saw"),
    "limits of three": (put("familiar.limits", np.zeros(3)), "does not fit"),
}


@pytest.mark.parametrize("what", EDITS)
def test_files_whose_values_do_not_fit_are_refused(saved, tmp_path, what):
    change, message = EDITS[what]
    with pytest.raises(FileError, match=message) as caught:
        rd.load(edit(saved, tmp_path / "edited", change), TREE)
    assert str(tmp_path / "edited") in str(caught.value)


def test_a_flipped_bit_or_a_missing_end_is_seen(saved, tmp_path):
    whole = (saved / storage.FILE).read_bytes()
    rng = random.Random(0)  # noqa: S311
    for trial in range(200):
        data = bytearray(whole)
        if trial % 2:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        else:
            del data[rng.randrange(len(data)) :]
        (tmp_path / storage.FILE).write_bytes(data)
        with pytest.raises(FileError, match=storage.FILE):
            rd.load(tmp_path, TREE)


def scramble(saved: Path, folder: Path, seeds: range) -> None:
    """Loads files whose arrays or values are wrong at random, with a digest that fits: refused, or a posterior."""
    for seed in seeds:
        rng = np.random.default_rng(seed)

        def change(content, arrays, rng=rng):
            name = rng.choice([name for name in arrays if name.startswith(("inverse", "familiar", "history"))])
            array = arrays[name] = arrays[name].copy()
            if rng.random() < 0.3 or not array.size:
                arrays[name] = array.reshape(-1)[: rng.integers(0, array.size + 1)]
            else:
                array.reshape(-1)[rng.integers(array.size)] = rng.choice([-1, 0, 1, 2, 7, 2**40])

        with contextlib.suppress(FileError):  # whatever else is raised fails the test
            rd.load(edit(saved, folder, change), TREE)


def test_scrambled_values_are_refused_by_name(saved, tmp_path):
    scramble(saved, tmp_path / "scrambled", range(60))


@pytest.mark.slow
def test_many_more_scrambled_values_are_refused_by_name(saved, tmp_path):
    scramble(saved, tmp_path / "scrambled", range(60, 3000))


def test_nothing_in_the_file_names_code(saved):
    with safe_open(saved / storage.FILE, "numpy") as file:
        content = json.loads(file.metadata()["retrodict"])["content"]
    assert content.keys() == {"kind", "model", "strategy", "certificate", "recipe", "closed"}
    assert b"retrodict." not in (saved / storage.FILE).read_bytes()
