"""Weights against closed forms: evidence, moments and reliability of exact and faulty encoders."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import special, stats

from retrodict import AmortizedPosterior, LinearGaussian, amortize, from_numpyro, invert, zoo
from retrodict.errors import OptionError, WeightError
from retrodict.graph.bayesnet import BayesNet
from retrodict.posterior.weights.effective_draws import count_effective, foresee_share
from retrodict.posterior.weights.importance import Importance
from tests.posterior.exact import exact_posterior

TREE = zoo.binary_tree(3, seed=0)
DATA = {"x3": 0.5, "x4": -1.0, "x5": 2.0, "x6": 0.0}
BATCH = {name: value * np.array([1.0, -0.5, 0.2]) for name, value in DATA.items()}
EXACT = TREE.posterior(invert(TREE))


def log_evidence(data):
    """Log density of the data under the joint normal."""
    which = TREE.net.observed_index
    covariance = TREE.covariance[np.ix_(which, which)]
    values = np.stack(np.broadcast_arrays(*(data[name] for name in TREE.net.observed)), axis=-1)
    quadratic = (values @ np.linalg.inv(covariance) * values).sum(axis=-1)
    return -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1])


def test_the_exact_posterior_has_equal_weights():
    weighed = exact_posterior(TREE).importance(DATA, 500, seed=1)
    np.testing.assert_allclose(weighed.log_weights, log_evidence(DATA), atol=1e-4)
    assert weighed.ess == pytest.approx(500, rel=1e-3)
    assert weighed.reliable
    assert weighed.log_evidence == pytest.approx(log_evidence(DATA), abs=1e-4)


def test_draws_are_those_of_sample():
    posterior = exact_posterior(TREE, sd=1.2)
    weighed, draws = posterior.importance(BATCH, 50, seed=3), posterior.sample(BATCH, 50, seed=3)
    assert all(np.array_equal(weighed.draws[name], draws[name]) for name in TREE.net.latents)


def test_weights_are_joint_over_encoder():
    posterior = exact_posterior(TREE, sd=0.8, shift=0.3)
    weighed = posterior.importance(BATCH, 50, seed=0)
    joint = TREE.log_joint({**weighed.draws, **{name: np.tile(value, (50, 1)) for name, value in BATCH.items()}})
    expected = np.asarray(joint) - posterior.log_prob(weighed.draws, BATCH)
    np.testing.assert_allclose(weighed.log_weights, expected, rtol=1e-4, atol=1e-4)


def test_weights_correct_a_wrong_encoder():
    """Shifted by a third of a standard deviation and 20 % too wide, yet moments and evidence are exact."""
    weighed = exact_posterior(TREE, sd=1.2, shift=0.3).importance(BATCH, 40_000, seed=2)
    exact = EXACT.sample(BATCH, 200_000, seed=0)
    assert weighed.reliable.all()
    assert (weighed.ess > 10_000).all()
    for name in TREE.net.latents:
        spread = exact[name].std(axis=0)
        assert np.abs(weighed.draws[name].mean(axis=0) - exact[name].mean(axis=0)).min() > 0.1 * spread.min()
        np.testing.assert_allclose(weighed.mean[name], exact[name].mean(axis=0), atol=0.03 * spread.max())
        np.testing.assert_allclose(weighed.sd[name], spread, rtol=0.03)
    np.testing.assert_allclose(weighed.log_evidence, log_evidence(BATCH), atol=0.02)


def test_draws_of_equal_weight_have_the_weighted_moments():
    weighed = exact_posterior(TREE, sd=1.3, shift=0.5).importance(BATCH, 20_000, seed=2)
    draws = weighed.resample(30_000, seed=1)
    for name in TREE.net.latents:
        assert draws[name].shape == (30_000, 3)
        np.testing.assert_allclose(draws[name].mean(axis=0), weighed.mean[name], atol=0.02)
        np.testing.assert_allclose(draws[name].std(axis=0), weighed.sd[name], rtol=0.02)
    assert weighed.resample()["x0"].shape == (20_000, 3)
    assert np.array_equal(weighed.resample(10, seed=3)["x0"], weighed.resample(10, seed=3)["x0"])
    rows = np.stack([weighed.draws[name][:, 0] for name in TREE.net.latents], axis=-1)
    taken = np.stack([draws[name][:50, 0] for name in TREE.net.latents], axis=-1)
    assert all((rows == row).all(axis=1).any() for row in taken)


def test_resampling_takes_each_draw_in_proportion():
    """Systematic: as often as its weight says, rounded up or down."""
    weighed = Importance({"z": np.arange(4.0)}, np.log([0.5, 0.25, 0.125, 0.125]))
    counts = np.bincount(weighed.resample(1002, seed=0)["z"].astype(int))
    assert (np.abs(counts - 1002 * np.array([0.5, 0.25, 0.125, 0.125])) <= 1).all()


@pytest.mark.parametrize(("sd", "reliable"), [(0.9, True), (0.5, False), (0.3, False)])
def test_overconfidence_is_told_by_the_tail(sd, reliable):
    """Weights of a normal of sd s against sd 1 have tail shape 1 - s^2 in the limit."""
    weighed = exact_posterior(zoo.binary_tree(2, seed=0), sd=sd).importance({"x1": 0.0, "x2": 0.0}, 20_000)
    assert bool(weighed.reliable) == reliable
    assert weighed.khat == pytest.approx(1 - sd**2, abs=0.25)


def weigh_at_the_border(n, seed):
    """Weights for z ~ U(0, 1), x ~ N(z, 0.01), x = 0, of a normal for logit z such as a short training finds.

    The posterior is half a normal. Draws hardly ever come as near to zero as a sixth of it is.
    """
    code = np.log(0.02) + 0.7 * np.random.default_rng(seed).normal(size=n)
    z = special.expit(code)
    log_q = stats.norm.logpdf(code, np.log(0.02), 0.7) - np.log(z) - np.log1p(-z)
    return Importance({"z": z}, stats.norm.logpdf(0.0, z, 0.01) - log_q)


@pytest.mark.parametrize("n", [4000, 20_000])
def test_draws_that_hardly_reach_a_border_are_not_relied_on(n):
    """Means are a seventh of a standard deviation off, though k-hat, and at times the share, is within its limits."""
    found = [weigh_at_the_border(n, seed) for seed in range(12)]
    assert np.mean([weighed.mean["z"] for weighed in found]) > 0.00798 + 0.07 * 0.00603
    assert sum(bool(weighed.khat < weighed.threshold) for weighed in found) > 3
    assert not any(weighed.reliable for weighed in found)
    if n == 4000:
        assert any("falling ess)" in repr(weighed) for weighed in found)


def near_zero():
    z = numpyro.sample("z", dist.Uniform(0, 1))
    numpyro.sample("x", dist.Normal(z, 0.01))


@pytest.mark.slow
@pytest.mark.parametrize("conditional", ["normal", "mixture", "truncated"])
def test_what_is_relied_on_at_a_border_is_right(conditional):
    """The posterior at 0 is half a normal, with mean 0.00798 and standard deviation 0.00603."""
    model, relied = from_numpyro(near_zero, observed=["x"]), 0
    for seed in range(3):
        posterior = amortize(model, conditional=conditional, steps=400, seed=seed, exact=False, quiet=True)
        for n in (4000, 20_000):
            weighed = posterior.importance({"x": 0.0}, n)
            relied += bool(weighed.reliable)
            if weighed.reliable:
                assert abs(weighed.mean["z"] - 0.00798) < 0.1 * 0.00603
                assert abs(weighed.sd["z"] / 0.00603 - 1) < 0.1
        assert posterior.importance({"x": 0.5}, 4000).reliable
    assert relied > 0 or conditional == "mixture"  # whose components seldom all reach the border


def test_a_small_share_of_effective_draws_is_told_though_the_tail_is_light():
    """A normal of sd 2 in seven dimensions: bounded weights, and one draw of sixteen counts."""
    draws = 2 * np.random.default_rng(0).normal(size=(20_000, 7))
    weighed = Importance({}, (-0.5 * draws**2 + 0.125 * draws**2).sum(axis=1))
    assert weighed.khat < 0.3
    assert weighed.reasons == (f"{float(weighed.ess):,.0f} of 20,000 draws are effective, less than a tenth.",)
    assert {name: bool(mask) for name, mask in weighed.faults.items()} == {
        "k-hat": False,
        "ess": True,
        "falling ess": False,
    }


@pytest.mark.parametrize(("sd", "reliable"), [(0.8, 0.8), (0.9, 1.0), (1.2, 1.0), (1.5, 1.0)])
def test_encoders_that_are_a_little_off_stay_reliable(sd, reliable):
    """Normals of seven dimensions of another sd, with variance of weights: few are doubted, most of them at 0.8."""
    rng = np.random.default_rng(0)
    draws = sd * rng.normal(size=(4000, 30, 7))
    weighed = Importance({}, (-0.5 * draws**2 + 0.5 * (draws / sd) ** 2).sum(axis=-1))
    assert weighed.reliable.mean() >= reliable


def test_a_share_is_foreseen_from_a_sixteenth_of_the_draws():
    heavy = np.random.default_rng(0).pareto(1.5, size=(16_000, 2)) + 1
    share = count_effective(heavy) / 16_000
    sixteenths = np.mean([count_effective(heavy[i : i + 1000]) / 1000 for i in range(0, 16_000, 1000)], axis=0)
    assert (share < 0.8 * sixteenths).all()
    np.testing.assert_allclose(foresee_share(heavy), share * (share / sixteenths) ** 2)
    even = np.random.default_rng(0).uniform(size=4000)
    assert foresee_share(even) == pytest.approx(0.75, abs=0.01)
    few = heavy[:700]
    assert np.array_equal(foresee_share(few), count_effective(few) / 700)
    assert foresee_share(np.arange(1600) < 10) < 10 / 1600  # parts without any weight


def test_barren_latents_do_not_blur_the_weights():
    net = BayesNet({"z": [], "x": ["z"], **{f"b{i}": ["z"] for i in range(50)}}, observed=["x"])
    model = LinearGaussian.from_weights(net, {})
    encoder = exact_posterior(LinearGaussian.from_weights(BayesNet({"z": [], "x": ["z"]}, observed=["x"]), {})).encoder
    weighed = AmortizedPosterior.of(model, invert(model), encoder).importance({"x": 1.0}, 300)
    assert np.ptp(weighed.log_weights) < 1e-5
    assert weighed.log_evidence == pytest.approx(-0.5 * np.log(4 * np.pi) - 0.25, abs=1e-5)


def test_without_an_encoder_all_weights_are_equal():
    model = LinearGaussian.from_weights(BayesNet({"x": [], "z": ["x"]}, observed=["x"]), {})
    weighed = amortize(model, exact=False, quiet=True).importance({"x": np.array([0.0, 2.0])}, 100)
    np.testing.assert_allclose(weighed.log_evidence, -0.5 * np.log(2 * np.pi) - np.array([0.0, 2.0]), rtol=1e-6)


def test_draws_outside_the_support_have_no_weight():
    rng = np.random.default_rng(0)
    z = rng.normal(size=4000)
    weighed = Importance({"z": z}, np.where(z > 0, 0.0, -np.inf))
    assert weighed.mean["z"] == pytest.approx(np.sqrt(2 / np.pi), abs=0.05)
    assert weighed.log_evidence == pytest.approx(np.log(0.5), abs=0.05)
    assert (weighed.resample()["z"] > 0).all()


@pytest.mark.parametrize(
    ("log_weights", "message"),
    [
        (np.full(10, -np.inf), "every importance weight is zero"),
        (np.where(np.arange(3) == 1, -np.inf, np.zeros((10, 3))), r"weight of observations \(1,\) is zero"),
        (np.array([0.0, np.nan]), "1 of 2 importance weights are NaN or infinite"),
        (np.array([0.0, np.inf]), "1 of 2 importance weights are NaN or infinite"),
    ],
)
def test_weights_that_say_nothing_are_refused(log_weights, message):
    with pytest.raises(WeightError, match=message):
        Importance({"z": np.zeros(log_weights.shape)}, log_weights)


@pytest.mark.filterwarnings("ignore::retrodict.errors.NoveltyWarning")
def test_data_of_probability_zero_weigh_nothing():
    """NumPyro bounds probabilities away from zero, so that its density is finite, and equal for all draws."""

    def program():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("x", dist.Bernoulli(jnp.where(z < 9, 0.0, 0.5)))

    posterior = amortize(from_numpyro(program, observed=["x"]), steps=1, exact=False, quiet=True)
    with pytest.raises(WeightError, match="every importance weight is zero"):
        posterior.importance({"x": 1}, 50)
    assert np.isfinite(posterior.importance({"x": 0}, 50).log_weights).all()


def test_variables_of_several_numbers_are_averaged_by_column():
    rng = np.random.default_rng(0)
    draws, log_weights = rng.normal(size=(500, 2, 3)), rng.normal(size=(500, 2))
    weighed = Importance({"z": draws}, log_weights)
    assert weighed.mean["z"].shape == weighed.sd["z"].shape == (2, 3)
    assert weighed.resample(7)["z"].shape == (7, 2, 3)
    one = Importance({"z": draws[:, 1, 2]}, log_weights[:, 1])
    assert one.mean["z"] == pytest.approx(weighed.mean["z"][1, 2])
    with pytest.raises(OptionError, match="n=0"):
        weighed.resample(0)


def test_one_line_says_what_was_found():
    rng = np.random.default_rng(0)
    assert repr(Importance({}, np.zeros(1000))) == "Importance(1000 draws, ess 1000, k-hat -inf, reliable)"
    assert repr(Importance({}, 5 * rng.normal(size=(100, 2)))) == (
        "Importance(100 draws of 2 observations, 0 reliable: 2 by k-hat, 2 by ess)"
    )


def test_the_printed_answer_gives_a_reason_for_each_observation():
    one, many = np.where(np.arange(1000) < 3, 0.0, -20.0), np.zeros((1000, 3, 4))
    many[3:, :, 1:] = -20.0
    assert str(Importance({}, np.zeros(1000))) == repr(Importance({}, np.zeros(1000)))
    assert str(Importance({}, one)) == (
        "Importance(1000 draws, ess 3, k-hat inf, not reliable: k-hat, ess)\n"
        "  3 of 1,000 draws are effective, less than a tenth.\n"
        "  k-hat inf is not below 0.67, its limit for 1,000 draws.\n"
        "  Train for longer, or with another conditional; more draws alone do not help."
    )
    lines = str(Importance({}, many)).splitlines()
    assert lines[0] == "Importance(1000 draws of 12 observations, 3 reliable: 9 by k-hat, 9 by ess)"
    assert lines[1] == "  Observation 0, 1: 3 of 1,000 draws are effective, less than a tenth."
    assert lines[-2] == "  and 10 more"
    assert len(lines) == 11


def test_draws_without_weight_may_have_overflowed():
    values, log_weights = np.array([1.0, 3.0, np.inf, np.nan]), np.array([0.0, 0.0, -np.inf, -np.inf])
    weighed = Importance({"z": values}, log_weights)
    assert (weighed.mean["z"], weighed.sd["z"]) == (2.0, 1.0)
    assert np.isfinite(weighed.resample(100)["z"]).all()


def test_the_error_of_standard_deviations_is_that_of_many_repetitions():
    """For light and heavy tails, with even weights and uneven ones."""
    rng = np.random.default_rng(0)
    for draw in (rng.standard_normal, lambda size: rng.standard_t(9, size)):
        for even in (True, False):
            repeats = []
            for _ in range(400):
                values = draw(2000)
                log_weights = np.zeros(2000) if even else -0.25 * values**2
                weighed = Importance({"z": values}, log_weights)
                repeats.append((weighed.sd["z"], weighed.sd_error["z"]))
            sds, errors = np.array(repeats).T
            assert sds.std() / sds.mean() == pytest.approx(errors.mean(), rel=0.15)
