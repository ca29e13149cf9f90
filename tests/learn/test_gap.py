"""What an encoder loses is split as closed forms and sums over all states say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import Capacity, LearnedModel, Training, fit_model, zoo
from retrodict.errors import OptionError, SizeError
from retrodict.learn.enumeration import enumerate_bound, list_states
from retrodict.learn.gap import Gap, split_gap
from retrodict.learn.refine import EXACT, refine_encoder
from tests.learn import programs
from tests.learn.test_fit_model import draw_factors, mean_field_gap

# Each image trains an encoder of its own, each encoder compiles.
pytestmark = pytest.mark.slow

ROWS = draw_factors(1000)
WEIGHTS = jnp.array([[1.0, 0.7], [0.8, 0.7], [0.9, 0.0], [0.3, 1.0]])
IMAGES = (np.random.default_rng(0).random((60, 6)) < np.linspace(0.1, 0.9, 6)).astype(np.float32)


@dataclass
class Case:
    learned: LearnedModel
    gap: Gap
    exact: np.ndarray


def split_factors(encoder: str) -> Case:
    """The model stays nearly as it was: learned, it would turn until mean field fits it."""
    start = fit_model(
        programs.Factors(WEIGHTS, jnp.zeros(())),
        {"x": ROWS},
        encoder,
        epochs=1,
        training=Training(learning_rate=1e-6),
        quiet=True,
    )
    learned = refine_encoder(start, {"x": ROWS}, epochs=60, learning_rate=5e-3, quiet=True)
    gap = split_gap(learned, {"x": ROWS[:20]}, steps=150, judged=8000, weights=2000, seed=1)
    program: Any = learned.program
    return Case(learned, gap, programs.log_normal(ROWS[:20].astype(np.float64), program.covariance()))


@pytest.fixture(scope="module")
def apart() -> Case:
    return split_factors("mean-field")


@pytest.fixture(scope="module")
def faithful() -> Case:
    return split_factors("forward")


def learn_network(encoder: str) -> LearnedModel:
    start = zoo.programs.sigmoid_belief_network((3,), pixels=6, seed=1, scale=4.0)
    data = {"x": IMAGES}
    training = Training(draws=4, batch=20, held_out=data)
    return fit_model(
        start, data, encoder, widths=Capacity(300), objective="vimco", epochs=3, training=training, quiet=True
    )


@pytest.fixture(scope="module")
def network() -> LearnedModel:
    return learn_network("forward")


# -- real latents: closed forms ----------------------------------------------------------------------


def test_mean_field_loses_by_its_structure_what_the_closed_form_says(apart: Case) -> None:
    """The posterior's covariance is the same for all observations, and so is the gap."""
    expected = mean_field_gap(apart.learned.program)
    assert expected > 0.1
    np.testing.assert_allclose(apart.exact - apart.gap.own, expected, atol=0.03)
    np.testing.assert_allclose(apart.gap.approximation.mean(), expected, atol=0.02)


def test_a_faithful_encoder_loses_nothing_by_its_structure(faithful: Case) -> None:
    np.testing.assert_allclose(faithful.gap.approximation, 0, atol=0.03)
    np.testing.assert_allclose(faithful.gap.log_likelihood, faithful.exact, atol=0.03)


def test_what_is_amortized_is_hardly_worse_and_never_better(apart: Case, faithful: Case) -> None:
    for case in (apart, faithful):
        assert case.gap.amortization.min() > -0.02
        assert case.gap.amortization.mean() < 0.04


# -- binary latents: sums over all states ------------------------------------------------------------


def test_states_are_enumerated_without_noise(network: LearnedModel) -> None:
    gap = split_gap(network, {"x": IMAGES[:5]}, steps=300, objective=EXACT, learning_rate=3e-2)
    program: Any = network.program
    np.testing.assert_allclose(gap.log_likelihood, program.log_likelihood(IMAGES[:5]), atol=1e-5)
    bound = network.bound({"x": IMAGES[:5]}, draws=20_000)
    np.testing.assert_allclose(gap.amortized, bound, atol=0.05)
    assert gap.amortization.min() >= 0
    assert gap.amortization.mean() > 0.1  # three epochs are few
    assert -1e-5 < gap.approximation.min() <= gap.approximation.max() < 0.02


def test_images_side_by_side_do_not_matter(network: LearnedModel) -> None:
    one, other = (split_gap(network, {"x": IMAGES[:5]}, steps=5, objective=EXACT, chunk=chunk) for chunk in (2, 5))
    np.testing.assert_allclose(one.own, other.own, atol=1e-5)


def test_gaps_of_relaxed_training_are_those_of_the_discrete_model(network: LearnedModel) -> None:
    exact = split_gap(network, {"x": IMAGES[:3]}, steps=100, objective=EXACT, learning_rate=1e-2)
    relaxed = split_gap(
        network, {"x": IMAGES[:3]}, steps=100, temperature=0.3, learning_rate=1e-2, judged=20_000, weights=20_000
    )
    np.testing.assert_allclose(relaxed.log_likelihood, exact.log_likelihood, atol=0.05)
    np.testing.assert_allclose(relaxed.amortized, exact.amortized, atol=0.05)


def test_the_encoder_alone_is_trained_on(network: LearnedModel) -> None:
    data = {"x": IMAGES}
    refined = refine_encoder(network, data, EXACT, epochs=20, batch=20, learning_rate=1e-2, quiet=True)
    states = list_states(network.generator)
    before, exact = enumerate_bound(network.pair, states, jnp.asarray(IMAGES))
    after, same = enumerate_bound(refined.pair, states, jnp.asarray(IMAGES))
    np.testing.assert_array_equal(same, exact)
    assert float(after.mean()) > float(before.mean()) + 0.05


# -- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["steps", "draws", "judged", "weights", "chunk"])
def test_numbers_below_one_are_refused(network: LearnedModel, name: str) -> None:
    with pytest.raises(OptionError, match=f"{name}=0 is too small"):
        split_gap(network, {"x": IMAGES[:2]}, objective=EXACT, **{name: 0})


def test_states_that_cannot_be_listed_are_refused(faithful: Case) -> None:
    with pytest.raises(OptionError, match="no binary latents"):
        split_gap(faithful.learned, {"x": ROWS[:2]}, objective=EXACT)
    large = zoo.programs.sigmoid_belief_network((11,), pixels=6)
    training = Training(draws=2, batch=20)
    learned = fit_model(large, {"x": IMAGES}, "mean-field", objective="vimco", epochs=1, training=training, quiet=True)
    with pytest.raises(SizeError, match="11 latents, 11 of them binary"):
        split_gap(learned, {"x": IMAGES[:2]}, objective=EXACT)


def test_discrete_latents_need_an_objective_that_suits_them(network: LearnedModel) -> None:
    with pytest.raises(OptionError, match="vimco"):
        split_gap(network, {"x": IMAGES[:2]}, objective="elbo")
