"""A generator without a density: simulated, inverted, learned from its draws, and refused where one is needed."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.errors import DensityError

MODEL = zoo.programs.implicit_generator(latents=3, pixels=5, hidden=(16,), noise=4)


def test_pixels_are_one_variable_below_all_latents():
    assert MODEL.net.parents("x") == ("z0", "z1", "z2")
    assert MODEL.net.variable("x").shape == (5,)
    inverse = rd.invert(MODEL, "forward")
    assert inverse.n_edges == 3 + 3
    assert rd.certify(inverse).faithful


def test_draws_are_those_of_the_seed_and_vary():
    one, same, other = (MODEL.simulate(seed=seed, n=500) for seed in (0, 0, 1))
    assert one["x"].shape == (500, 5)
    np.testing.assert_array_equal(one["x"], same["x"])
    assert (one["x"] != other["x"]).all()
    assert np.abs(np.corrcoef(one["z0"], one["z1"])[0, 1]) < 0.2


def test_pixels_follow_the_latents_and_the_noise():
    """Redrawn given the same latents, pixels stay correlated with what they were, and differ."""
    columns = MODEL.draw(jax.random.key(0), 4000)
    again = MODEL.redraw(jax.random.key(1), columns, np.array([False, False, False, True]))
    np.testing.assert_array_equal(again[:, :3], columns[:, :3])
    assert (again[:, 3:] != columns[:, 3:]).mean() > 0.99
    correlations = [np.corrcoef(again[:, i], columns[:, i])[0, 1] for i in range(3, 8)]
    assert max(correlations) > 0.2
    fresh = MODEL.redraw(jax.random.key(1), columns, np.array([True, False, True, False]))
    np.testing.assert_array_equal(fresh[:, [1, 3, 4, 5, 6, 7]], columns[:, [1, 3, 4, 5, 6, 7]])
    assert (fresh[:, [0, 2]] != columns[:, [0, 2]]).all()


def test_parameters_tell_generators_apart():
    digests = {zoo.programs.implicit_generator(3, 5, (16,), 4, seed).digest() for seed in (0, 0, 1)}
    assert len(digests) == 2
    assert MODEL.digest() in digests


def test_no_density_is_given():
    with pytest.raises(DensityError, match=r"no density of 'x'.*Use amortize"):
        MODEL.log_joint(MODEL.simulate(n=2))


def test_a_posterior_is_learned_and_not_weighted():
    posterior = rd.amortize(MODEL, steps=100, exact=False, quiet=True)
    data = {"x": MODEL.simulate(seed=5, n=1)["x"][0]}
    draws = posterior.sample(data, 50)
    assert draws["z0"].shape == (50,)
    assert np.isfinite(posterior.log_prob(draws, data)).all()
    assert posterior.history.step[-1] == 100
    with pytest.raises(DensityError, match="no density"):
        posterior.importance(data, 50)
