"""Small data for every program of NumPyro's examples that has a density, and where each program stands."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

RNG = np.random.default_rng(0)
Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]


class Case(NamedTuple):
    """A program of a file by its name, and a function that makes its arguments of the module."""

    file: str
    name: str
    make: Callable[[Any], Arguments]

    @property
    def label(self) -> str:
        """How it is called in results."""
        return f"{self.file}:{self.name}"


def _plain(*arguments: Any, **named: Any) -> Callable[[Any], Arguments]:
    return lambda _: (arguments, named)


X = RNG.normal(size=(30, 3)).astype(np.float32)
LINE = (X @ np.array([1.0, -0.5, 0.0]) + 0.3 * RNG.normal(size=30)).astype(np.float32)
BINARY = (RNG.random(30) < 1 / (1 + np.exp(-X[:, 0]))).astype(np.int32)
TIMES = np.linspace(-1, 1, 20).astype(np.float32)
WAVE = (np.sin(3 * TIMES) + 0.1 * RNG.normal(size=20)).astype(np.float32)
SERIES = jnp.cumsum(jnp.asarray(0.3 * RNG.normal(size=30)))
PAIRS = jnp.asarray(0.3 * RNG.normal(size=(12, 2)))
BATS, HITS = np.full(10, 45), RNG.integers(5, 20, 10)
LABELS = RNG.integers(0, 3, (12, 4))
POSITIONS = np.array([0, 1, 2, 3])
CAPTURES = RNG.integers(0, 2, (8, 5))
CAPTURES[:, 0] = 1
SEX = RNG.integers(0, 2, 8)
CHORALES = jnp.asarray(RNG.integers(0, 2, (4, 6, 5)))
LENGTHS = jnp.array([6, 5, 4, 6])
TONES = Namespace(hidden_dim=4)
WORDS = RNG.integers(0, 5, 20)
DEPTS = np.repeat(np.arange(4), 2)
ADMITS = (DEPTS, np.tile([0.0, 1.0], 4), np.full(8, 50), RNG.integers(10, 40, 8))
SPARSE = {"expected_sparsity": 1.0, "alpha1": 3.0, "beta1": 1.0, "alpha2": 3.0, "beta2": 1.0, "alpha3": 1.0, "c": 1.0}
POPULATIONS = np.exp(np.log([[10.0, 10.0]]) + 0.2 * RNG.normal(size=(8, 2))).astype(np.float32)
SHELLS = {"center1": jnp.array([-3.5, 0.0]), "center2": jnp.array([3.5, 0.0]), "radius": 2.0, "width": 0.1}
COUNTED = {"A": RNG.integers(0, 2, 20), "C": RNG.integers(0, 2, 20)}
DOCS = RNG.poisson(1.0, (6, 10))
ANGLES = RNG.uniform(-3, 3, (10, 2)).astype(np.float32)
COUNTS = RNG.poisson(1.0, 30)

ANNOTATION = [
    *(("multinomial", (LABELS,)), ("dawid_skene", (POSITIONS, LABELS)), ("mace", (POSITIONS, LABELS))),
    *(("hierarchical_dawid_skene", (POSITIONS, LABELS)), ("item_difficulty", (LABELS,))),
    ("logistic_random_effects", (POSITIONS, LABELS)),
]
BASEBALL = ("fully_pooled", "not_pooled", "partially_pooled", "partially_pooled_with_logit")


def _make_hmm(_: Any) -> Arguments:
    shape = jnp.ones(3), jnp.full(5, 0.1)
    return (*shape, WORDS[:10] % 3, WORDS[:10], WORDS[10:]), {}


def _make_mortality(_: Any) -> Arguments:
    grid = np.meshgrid(np.arange(3), np.arange(4), np.arange(3), indexing="ij")
    age, space, time = (part.reshape(-1) for part in grid)
    population = np.full(len(age), 1000)
    return (age, space, time, np.array([0, 0, 1, 1]), population, RNG.binomial(1000, 0.02, len(age))), {}


def _make_birthdays(_: Any) -> Arguments:
    days = np.arange(40)
    x = ((days - days.mean()) / days.std()).astype(np.float32)
    none = np.zeros(40, np.int32)
    given = (x, days % 7, days % 366, none, none, none, 2 * np.pi / 9.0, 2.0, 3, 3, 3)
    return given, {"y": RNG.normal(size=40).astype(np.float32)}


def _make_deep_markov(_: Any) -> Arguments:
    notes = jnp.asarray(RNG.integers(0, 2, (4, 5, 6)).astype(np.float32))
    small = {"latent_dim": 2, "emission_dim": 3, "transition_dim": 3, "data_dim": 6, "gru_dim": 3}
    return (notes, notes, jnp.array([5, 4, 5, 3])), {"subsample_size": 4, **small}


CASES = [
    *(Case("annotation", name, _plain(*given)) for name, given in ANNOTATION),
    Case("ar2", "ar2_scan", _plain(SERIES)),
    Case("ar2", "ar2_for_loop", _plain(SERIES[:10])),
    *(Case("baseball", name, _plain(BATS, HITS)) for name in BASEBALL),
    Case("bnn", "model", _plain(X, LINE[:, None], 3)),
    *(Case("capture_recapture", f"model_{i}", _plain(CAPTURES, SEX)) for i in range(1, 6)),
    Case("covtype", "model", _plain(jnp.asarray(X), jnp.asarray(BINARY))),
    Case("dais_demo", "model", _plain(TIMES, (WAVE > 0).astype(np.int32))),
    Case("funnel", "model", _plain()),
    Case("gaussian_shells", "model", _plain(**SHELLS)),
    Case("gp", "model", _plain(TIMES, WAVE)),
    Case("hmcecs", "model", _plain(X, BINARY, 10)),
    Case("hmm", "semi_supervised_hmm", _make_hmm),
    *(Case("hmm_enum", f"model_{i}", _plain(CHORALES, LENGTHS, TONES)) for i in (1, 2, 3, 4, 6)),
    Case("holt_winters", "holt_winters", _plain(SERIES[:16], 4)),
    Case("horseshoe_regression", "model_normal_likelihood", _plain(X, LINE)),
    Case("horseshoe_regression", "model_bernoulli_likelihood", _plain(X, BINARY)),
    Case("hsgp", "birthdays_model", _make_birthdays),
    Case("minipyro", "model", _plain(LINE)),
    Case("mortality", "model", _make_mortality),
    Case("neutra", "dual_moon_model", _plain()),
    Case("ode", "model", _plain(8, POPULATIONS)),
    Case("prodlda", "model", _plain(DOCS, {"vocab_size": 10, "dropout_rate": 0.0, "num_topics": 3, "batch_size": 6})),
    Case("proportion_test", "model", _plain(jnp.asarray(X), jnp.asarray(BINARY))),
    Case("sparse_regression", "model", _plain(X, LINE, SPARSE)),
    Case("ssbvm_mixture", "ss_model", _plain(ANGLES, len(ANGLES))),
    Case("stein_bnn", "model", _plain(X, LINE, hidden_dim=3, sub_size=30)),
    Case("stein_dmm", "model", _make_deep_markov),
    Case("stochastic_volatility", "model", _plain(0.01 * SERIES)),
    Case("thompson_sampling", "model", _plain(TIMES, WAVE)),
    Case("toy_mixture_model_discrete_enumeration", "model", _plain({}, COUNTED, 20)),
    Case("ucbadmit", "glmm", _plain(*ADMITS)),
    Case("vae", "model", _plain(jnp.asarray(RNG.integers(0, 2, (6, 9)).astype(np.float32)), 4, 2)),
    Case("var2", "var2_scan", _plain(PAIRS)),
    Case("zero_inflated_poisson", "model", _plain(X, COUNTS)),
]
