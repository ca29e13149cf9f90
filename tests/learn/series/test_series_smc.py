"""Particle filters of hidden Markov models, whose likelihoods and posteriors are sums."""

import itertools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.encode.series.named_patterns import find_patterns
from retrodict.learn.series.learned_series import LearnedSeries
from retrodict.learn.series.series_data import read_series
from retrodict.learn.series.series_fit import build_encoder
from retrodict.train.history import History
from retrodict.train.series.series_pair import SeriesPair

FIRST = np.array([0.5, 0.3, 0.2])
MOVES = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.3, 0.3, 0.4]])
CENTERS = np.array([-1.0, 0.5, 2.0])


class HiddenMarkov(rd.SeriesProgram):
    """Three states, normal observations that depend on the last one too."""

    centers: jax.Array

    @property
    def template(self):
        return rd.Template("z[t] | z[t-1]; x[t] | z[t] x[t-1]", observed=["x"])

    @property
    def columns(self) -> Mapping[str, int]:
        return {"z": 1, "x": 1}

    @property
    def states(self) -> Mapping[str, int]:
        return {"z": 3}

    def condition(self, name, parents, time):
        if name == "z":
            moved = jnp.log(MOVES)[parents["z[t-1]"].astype(int)]
            return dist.Categorical(logits=jnp.where(time == 0, jnp.log(FIRST), moved), validate_args=False)
        center = self.centers[parents["z[t]"].astype(int)] + 0.5 * parents["x[t-1]"]
        return dist.Normal(center, 1.0, validate_args=False)


SERIES = [np.array([0.3, 1.5, -1.0, 2.0]), np.array([-2.0, 0.1])]


def list_paths(x):
    """All paths of states with their joint densities."""
    paths = list(itertools.product(range(3), repeat=len(x)))
    before = np.concatenate([[0.0], x[:-1]])
    joint = []
    for path in paths:
        states = np.array(path)
        prior = FIRST[path[0]] * np.prod(MOVES[states[:-1], states[1:]])
        away = x - CENTERS[states] - 0.5 * before
        joint.append(prior * np.prod(np.exp(-0.5 * away**2) / np.sqrt(2 * np.pi)))
    return np.array(paths), np.array(joint)


@pytest.fixture(scope="module")
def learned():
    program = HiddenMarkov(jnp.asarray(CENTERS))
    inverse = find_patterns(program.template, "derived")
    batch = read_series(program, {"x": SERIES})
    encoder = build_encoder(program, inverse, batch, "relu", (5, 4), jax.random.key(0))
    return LearnedSeries(SeriesPair(program, encoder), inverse, History())


def test_the_filter_finds_the_likelihood_and_smoothing_the_posterior(learned):
    found = learned.smc({"x": SERIES}, 1500)
    paths = found.smooth(1500, seed=1)
    for i, x in enumerate(SERIES):
        states, joint = list_paths(x)
        assert found.log_likelihood[i] == pytest.approx(np.log(joint.sum()), abs=0.1)
        for t in range(len(x)):
            exact = [joint[states[:, t] == state].sum() / joint.sum() for state in range(3)]
            shares = [(paths[i]["z"][:, t, 0] == state).mean() for state in range(3)]
            np.testing.assert_allclose(shares, exact, atol=0.06)


def test_the_estimate_of_the_likelihood_is_unbiased(learned):
    found = learned.smc({"x": [SERIES[0]] * 3000}, 5, threshold=0.7, seed=3).log_likelihood
    ratio = np.exp(found - np.log(list_paths(SERIES[0])[1].sum()))
    assert abs(ratio.mean() - 1) < 3.5 * ratio.std() / np.sqrt(len(ratio))
    assert ratio.std() > 0.05  # few particles: there is something to be unbiased about


def test_states_have_no_gradient(learned):
    with pytest.raises(rd.errors.OptionError, match="differentiates draws, and z has states"):
        rd.fit_model(learned.program, {"x": SERIES}, epochs=1, quiet=True)


def test_what_backward_simulation_cannot_do_is_refused():
    program = zoo.programs.deep_markov(2, 3, 4, 4, kind="static")
    data = {"x": [np.zeros((3, 3)), np.ones((2, 3))]}
    inverse = find_patterns(program.template, "derived")
    encoder = build_encoder(program, inverse, read_series(program, data), "gru", (5, 4), jax.random.key(0))
    learned = LearnedSeries(SeriesPair(program, encoder), inverse, History())
    found = learned.smc(data, 7)
    assert found.log_likelihood.shape == (2,)
    with pytest.raises(rd.errors.OptionError, match="Markov of order one"):
        found.smooth(3)
    with pytest.raises(rd.errors.OptionError, match=r"threshold=2 is no share"):
        learned.smc(data, 7, threshold=2)
