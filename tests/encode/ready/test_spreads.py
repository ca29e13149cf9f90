"""Spreads that an encoder of a black box sees beside its data: what they are, and who may see pooled ones."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import retrodict as rd
from retrodict.encode.ready.spreads import PooledSpread
from retrodict.encode.summaries import add_spreads, summarize
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.models.black_box import BlackBox
from retrodict.plan.dependencies import Dependencies

RNG = np.random.default_rng(0)


def make_model(groups=4, each=3):
    parents = {"noise": [], "top": [], **{f"z{i}": ["top"] for i in range(groups)}}
    data = {f"y{i}": [f"z{i}", "noise"] for i in range(groups)}
    shape = (each,) if each > 1 else ()
    variables = [Variable(name, size=each, shape=shape) for name in data]
    return BlackBox(BayesNet(parents | data, list(data), variables=variables))


@pytest.mark.parametrize("shape", [(5,), (5, 4), (5, 2, 3)])
def test_spreads_are_those_of_means_and_around_means(shape):
    value = RNG.normal(size=shape)
    flat = value.reshape(5, -1)
    expected = [flat.mean(axis=1).std(), np.sqrt(flat.var(axis=1).mean())][: 1 if flat.shape[1] == 1 else 2]
    np.testing.assert_allclose(PooledSpread()(jnp.asarray(value, jnp.float32)), np.log(expected), rtol=1e-5)


def test_equal_values_have_the_least_spread_that_was_seen():
    seen = RNG.normal(size=(50, 4, 3)).astype(np.float32)
    known = np.array([PooledSpread()(jnp.asarray(value)) for value in seen])
    alike = PooledSpread().over(seen)(jnp.full((4, 3), 7.0))
    np.testing.assert_allclose(alike, known.min(axis=0), rtol=1e-4)


def test_vectors_have_their_own_spreads_and_a_pooled_one():
    sizes = {summary.name: summary.size for summary in add_spreads(make_model(), [])}
    assert sizes == {**{("spread", f"y{i}"): 1 for i in range(4)}, ("pooled", 3): 2}


def test_single_numbers_have_a_pooled_spread_alone():
    assert {summary.name: summary.size for summary in add_spreads(make_model(each=1), [])} == {("pooled",): 1}


def test_what_the_user_summarizes_is_not_pooled():
    names = {summary.name for summary in add_spreads(make_model(), ["y0", "y1"])}
    assert names == {("spread", "y2"), ("spread", "y3")}


def test_variables_without_a_common_parent_are_not_pooled():
    parents = {f"z{i}": [] for i in range(4)} | {f"y{i}": [f"z{i}"] for i in range(4)}
    assert add_spreads(BlackBox(BayesNet(parents, [f"y{i}" for i in range(4)])), []) == ()


def test_latents_see_a_pooled_spread_if_they_depend_on_all_of_its_variables():
    """A spread of data that a latent must not depend on would be an edge that its inverse lacks."""
    model = make_model()
    inverse = rd.invert(model.net)
    plain = Dependencies.of(inverse, None).by_column()
    shown = summarize(plain, add_spreads(model, []))
    data = set(range(len(model.net.observed)))
    pooled = shown.observed.index(("pooled", 3))
    for name, before, after in zip(plain.latents, plain.parents.to_lists(), shown.parents.to_lists(), strict=True):
        assert (pooled in after) == data.issubset(before), name
    assert any(pooled in row for row in shown.parents.to_lists())
    assert not all(pooled in row for row in shown.parents.to_lists())
