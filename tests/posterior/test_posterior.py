"""The one-call road: amortized posteriors come close to exact ones, and say no to what does not fit."""

import equinox as eqx
import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from retrodict import amortize, from_numpyro, invert, load, reversal, zoo
from retrodict.errors import DataError, FileError, OptionError, OrderError, WidthError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.models.gaussian import LinearGaussian
from retrodict.paper.yardstick import measure_kl

TREE = zoo.binary_tree(4, seed=0)


def judge(posterior, model) -> float:
    """KL from the exact posterior in nats, over fresh draws."""
    columns = np.asarray(model.draw(jax.random.key(77), 20_000))
    latents, observed = columns[:, model.net.latent_index], columns[:, model.net.observed_index]
    return measure_kl(model.posterior(invert(model)), posterior.encoder, latents, observed)[0]


@pytest.fixture(scope="module")
def faithful():
    return amortize(TREE, steps=1500, batch=128, seed=0, exact=False, quiet=True)


@pytest.fixture(scope="module")
def heuristic():
    return amortize(
        TREE, reversal(TREE.net), network="separate", steps=1500, batch=128, seed=0, exact=False, quiet=True
    )


def test_the_faithful_encoder_reaches_the_exact_posterior(faithful):
    assert judge(faithful, TREE) < 0.05


@pytest.mark.slow
def test_the_reversed_edges_stay_above_their_floor(heuristic):
    floor = TREE.kl_floor(reversal(TREE.net))
    assert floor > 0.2
    assert floor - 0.02 < judge(heuristic, TREE) < 1.5 * floor


def test_a_summary_of_a_large_variable_is_trained_along_and_saved(tmp_path):
    """z given 60 numbers x, each N(z, 1), is N(sum / 61, 1 / 61): one number of them is enough."""

    def program():
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
        numpyro.sample("x", dist.Normal(z, 1.0).expand([60]).to_event(1))

    def make(seed):
        return eqx.nn.Linear(60, 1, key=jax.random.key(seed))

    model, data = from_numpyro(program, observed=["x"]), {"x": np.linspace(-1.0, 2.0, 60)}
    posterior = amortize(
        model, summaries={"x": make(0)}, widths=(16, 16), steps=400, batch=128, exact=False, quiet=True
    )
    module = posterior.encoder.features.summaries.modules[0]
    assert not np.array_equal(module.weight, make(0).weight)
    draws = posterior.sample(data, 4000)["z"]
    assert draws.mean() == pytest.approx(data["x"].sum() / 61, abs=0.06)
    assert draws.std() == pytest.approx(61**-0.5, rel=0.15)
    posterior.save(tmp_path)
    again = load(tmp_path, model, {"x": make(1)})
    np.testing.assert_array_equal(again.sample(data, 50)["z"], posterior.sample(data, 50)["z"])
    with pytest.raises(FileError, match=r"saved with summaries of .x.,.*have to be given"):
        load(tmp_path, model)


def test_draws_have_the_moments_of_the_exact_posterior(faithful):
    data = {name: np.array([0.5, -1.0]) for name in TREE.net.observed}
    exact = TREE.posterior(invert(TREE)).sample(data, 20_000, seed=1)
    draws = faithful.sample(data, 20_000, seed=2)
    for name in TREE.net.latents:
        assert draws[name].shape == (20_000, 2)
        assert np.abs(draws[name].mean(0) - exact[name].mean(0)).max() < 0.15 * exact[name].std()
        assert np.abs(draws[name].std(0) / exact[name].std(0) - 1).max() < 0.1


def test_log_prob_is_near_the_exact_one(faithful):
    data = dict.fromkeys(TREE.net.observed, 0.5)
    exact = TREE.posterior(invert(TREE))
    draws = exact.sample(data, 500, seed=3)
    gap = exact.log_prob(draws, data) - faithful.log_prob(draws, data)
    assert gap.shape == (500,)
    assert abs(gap.mean()) < 0.1


def test_the_same_seed_gives_the_same_draws(faithful):
    data = dict.fromkeys(TREE.net.observed, 0.0)
    first, again, other = (faithful.sample(data, 10, seed=s)["x0"] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_barren_latents_come_from_the_model_itself():
    """A random walk watched for one step: the future follows the present by the model's own steps, exactly."""
    net = BayesNet({"z": [], "x": ["z"], "next": ["z"], "last": ["next"]}, observed=["x"])
    model = LinearGaussian.from_weights(net, {"next": {"z": 2.0}, "last": {"next": -1.0}})
    posterior = amortize(model, steps=100, exact=False, quiet=True)
    assert posterior.inverse.generative == ("next", "last")
    draws = posterior.sample({"x": 1.0}, 20_000, seed=0)
    for child, mean in {"next": 2.0 * draws["z"], "last": -draws["next"]}.items():
        residual = draws[child] - mean
        assert abs(residual.mean()) < 5 / np.sqrt(20_000)
        assert abs(residual.std() - 1) < 5 / np.sqrt(40_000)
    exact = model.posterior(invert(model))
    gap = exact.log_prob(draws, {"x": 1.0}) - posterior.log_prob(draws, {"x": 1.0})
    assert abs(gap.mean()) < 0.05


def test_with_barren_latents_only_there_is_no_network_and_no_error():
    net = BayesNet({"x": [], "z": ["x"]}, observed=["x"])
    model = LinearGaussian.from_weights(net, {"z": {"x": 3.0}})
    posterior = amortize(model, exact=False, quiet=True)
    assert posterior.encoder is None
    draws = posterior.sample({"x": 2.0}, 20_000)
    assert abs(draws["z"].mean() - 6.0) < 5 / np.sqrt(20_000)
    exact = model.posterior(invert(model)).log_prob(draws, {"x": 2.0})
    np.testing.assert_allclose(posterior.log_prob(draws, {"x": 2.0}), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("x7"), "the data lack 'x7', for which the encoder was built"),
        (lambda data: data.update(x0=0.0), "the data hold 'x0', for which the encoder was not built"),
        (
            lambda data: data.update(x8=float("nan")),
            r"'x8' has NaN or infinity\. .*evidence='any'\) takes NaN as missing",
        ),
        (lambda data: data.update(x9=np.zeros(3), x8=np.zeros(2)), "the value of 'x9' has the shape"),
    ],
)
def test_data_that_do_not_fit_are_refused(faithful, change, message):
    data = dict.fromkeys(TREE.net.observed, 0.0)
    change(data)
    with pytest.raises(DataError, match=message):
        faithful.sample(data, 10)


def test_requests_out_of_range_are_refused(faithful):
    data = dict.fromkeys(TREE.net.observed, 0.0)
    with pytest.raises(OptionError, match="n=0 is too small"):
        faithful.sample(data, 0)
    with pytest.raises(DataError, match="draws lack 'x1'"):
        faithful.log_prob({name: 0.0 for name in TREE.net.latents if name != "x1"}, data)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"order": "sideways"}, OrderError, "'sideways' does not exist"),
        ({"order": invert(zoo.binary_tree(3))}, OptionError, "belongs to another model"),
        ({"network": "conv"}, OptionError, "network 'conv' does not exist"),
        ({"widths": (3, 64)}, WidthError, "at least 7 wide"),
        ({"steps": -1}, OptionError, "steps=-1"),
        ({"learning_rate": -1.0}, OptionError, "learning_rate=-1.0 is out of range"),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        amortize(TREE, exact=False, quiet=True, **options)


def test_a_graph_alone_cannot_be_amortized():
    with pytest.raises(OptionError, match="a structure alone cannot be simulated"):
        amortize(TREE.net)


def test_latents_on_a_support_without_a_family_are_refused():
    net = BayesNet({"z": [], "x": ["z"]}, observed=["x"], variables=[Variable("z", support="sphere")])
    with pytest.raises(OptionError, match=r"'z' \(sphere\)"):
        amortize(LinearGaussian.from_weights(net, {}), exact=False, quiet=True)


def test_numbers_of_one_latent_are_dependent_in_its_posterior():
    """z in two dimensions, x their sum with variance 1/4: the posterior correlation is -4/5."""

    def program():
        z = numpyro.sample("z", dist.Normal(0, 1).expand([2]).to_event(1))
        numpyro.sample("x", dist.Normal(z.sum(), 0.5))

    posterior = amortize(from_numpyro(program, observed=["x"]), steps=300, exact=False, quiet=True)
    draws = posterior.sample({"x": 1.0}, 20_000, seed=1)["z"]
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(-0.8, abs=0.03)


def test_numbers_with_ends_of_their_own_stay_inside_of_them():
    def program():
        z = numpyro.sample("z", dist.Uniform(0.0, np.array([1.0, 2.0])).to_event(1))
        numpyro.sample("x", dist.Normal(z.sum(), 0.5))

    posterior = amortize(from_numpyro(program, observed=["x"], elementwise=True), steps=0, exact=False, quiet=True)
    draws = posterior.sample({"x": 1.0}, 2_000)
    assert 1.0 < draws["z[1]"].max() < 2.0
    assert draws["z[0]"].max() < 1.0
