"""Counts and seeds from outside: any integer of Python, NumPy or JAX; anything else is an error by name."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import amortize, invert, zoo
from retrodict.encode.recipe import Recipe
from retrodict.errors import OptionError
from retrodict.plan.counts import read_count, read_seed
from tests.posterior.exact import exact_posterior

TREE = zoo.binary_tree(2, seed=0)
DATA = {"x1": 0.5, "x2": 1.0}
POSTERIOR = exact_posterior(TREE)
EXACT = TREE.posterior(invert(TREE))
NO_COUNTS = [2.5, 3.0, "3", float("nan"), None, True, np.array([3, 4]), -1, 0]
NO_SEEDS = [1.5, "a", float("nan"), None, 2**32, 2**64, -1]

# What takes a count, what takes a seed: how it is called, and by which name the error knows it.
COUNTS = {
    "sample": ("n", lambda n: POSTERIOR.sample(DATA, n)["x0"]),
    "stream": ("n", lambda n: next(POSTERIOR.stream(DATA, n))["x0"]),
    "chunk": ("chunk", lambda n: next(POSTERIOR.stream(DATA, 6, chunk=n))["x0"]),
    "importance": ("n", lambda n: POSTERIOR.importance(DATA, n).log_weights),
    "resample": ("n", lambda n: POSTERIOR.importance(DATA, 10).resample(n)["x0"]),
    "simulate": ("n", lambda n: TREE.simulate(n=n)["x0"]),
    "exact": ("n", lambda n: EXACT.sample(DATA, n)["x0"]),
}
SEEDS = {
    "sample": lambda seed: POSTERIOR.sample(DATA, 3, seed=seed),
    "stream": lambda seed: POSTERIOR.stream(DATA, 3, seed=seed),
    "importance": lambda seed: POSTERIOR.importance(DATA, 3, seed=seed),
    "resample": lambda seed: POSTERIOR.importance(DATA, 10).resample(3, seed=seed),
    "calibration": lambda seed: POSTERIOR.calibration(100, 19, seed=seed),
    "simulate": lambda seed: TREE.simulate(3, seed=seed),
    "amortize": lambda seed: amortize(TREE, steps=1, seed=seed, exact=False, quiet=True),
    "exact": lambda seed: EXACT.sample(DATA, 3, seed=seed),
}


@pytest.mark.parametrize("call", COUNTS)
@pytest.mark.parametrize("three", [np.int64(3), jnp.asarray(3)], ids=repr)
def test_every_integer_is_a_count(call, three):
    _, function = COUNTS[call]
    assert np.array_equal(function(three), function(3))


@pytest.mark.parametrize("call", COUNTS)
@pytest.mark.parametrize("wrong", NO_COUNTS, ids=repr)
def test_what_is_no_count_is_an_error_by_name(call, wrong):
    name, function = COUNTS[call]
    if (call == "resample" and wrong is None) or (call == "chunk" and wrong is None):
        pytest.skip("None asks for the default")
    with pytest.raises(OptionError, match=rf"^{name}=.* is (not a whole number|too small)\. Give .*1 or more\.$"):
        function(wrong)


@pytest.mark.parametrize("call", SEEDS)
@pytest.mark.parametrize("wrong", NO_SEEDS, ids=repr)
def test_what_is_no_seed_is_an_error_before_anything_is_drawn(call, wrong):
    with pytest.raises(OptionError, match=r"^seed=.* is (not a whole|too).*\. Give .*0 to 4,294,967,295\.$"):
        SEEDS[call](wrong)


@pytest.mark.parametrize("seed", [np.int64(7), np.uint32(7), jnp.asarray(7)], ids=repr)
def test_every_integer_is_a_seed(seed):
    assert np.array_equal(POSTERIOR.sample(DATA, 3, seed=seed)["x0"], POSTERIOR.sample(DATA, 3, seed=7)["x0"])


@pytest.mark.parametrize("wrong", [2.5, "9", float("nan"), -1], ids=repr)
@pytest.mark.parametrize("option", ["steps", "batch", "patience"])
def test_counts_of_training_are_read_before_it_begins(option, wrong):
    with pytest.raises(OptionError, match=f"^{option}="):
        amortize(TREE, exact=False, quiet=True, **{option: wrong})


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf"), "fast"], ids=repr)
def test_a_learning_rate_is_a_positive_number(wrong):
    with pytest.raises(OptionError, match=r"^learning_rate=.* is out of range\. Give a positive number\.$"):
        amortize(TREE, exact=False, quiet=True, learning_rate=wrong)


def test_patience_of_amortize_is_in_steps():
    """Nothing is learned: the rate falls after 50 steps, in epochs of 25, and three times as many follow."""
    posterior = amortize(
        TREE, steps=400, batch=8, widths=(8, 8), learning_rate=1e-30, patience=26, exact=False, quiet=True
    )
    assert posterior.history.step == tuple(range(0, 201, 25))


def test_what_is_kept_are_integers_of_python():
    """A file describes itself in JSON, which knows no others."""
    assert json.dumps(Recipe(widths=np.array([64, 32])).widths) == "[64, 32]"
    with pytest.raises(OptionError, match=r"^widths=64\.5 is not a whole number"):
        Recipe(widths=(64.5, 32))


def test_bounds_are_part_of_the_remedy():
    assert read_count("draws", 19, 19, 60_000) == 19
    with pytest.raises(OptionError, match=r"^draws=18 is too small\. Give 19 to 60,000\.$"):
        read_count("draws", 18, 19, 60_000)
    with pytest.raises(OptionError, match=r"^draws=60001 is too large\. Give 19 to 60,000\.$"):
        read_count("draws", 60_001, 19, 60_000)
    assert read_seed(2**32 - 1) == 2**32 - 1
