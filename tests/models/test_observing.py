"""The same model with other observed variables, whatever it was made of."""

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict.errors import GraphError, ProgramError, UnknownVariableError
from tests.processes import ROOT

ASIA = rd.from_bif(ROOT / "tests" / "data" / "asia.bif")
TREE = rd.zoo.binary_tree(depth=3)


def program(x=None):
    z = numpyro.sample("z", dist.Normal(0, 1))
    y = numpyro.sample("y", dist.Normal(z, 1).expand([2]).to_event(1))
    numpyro.sample("x", dist.Normal(y, 1).to_event(1), obs=x)


def test_a_net_is_the_one_written_down_with_other_observed_variables():
    parents = {"z": [], "y": ["z"], "x": ["y"]}
    net = rd.BayesNet(parents, observed=["x"], variables=[rd.Variable("y", size=2)])
    before = net.latents  # kept by the net, and not to be taken over
    other = net.observing(["y", "x"])
    assert other == rd.BayesNet(parents, observed=["x", "y"], variables=[rd.Variable("y", size=2)])
    assert (other.latents, other.observed, before, net.latents) == (("z",), ("y", "x"), ("z", "y"), ("z", "y"))
    assert other.observing(net.observed) == net


@pytest.mark.parametrize("model", [ASIA, TREE], ids=["tables", "linear-Gaussian"])
def test_a_model_keeps_its_numbers(model):
    leaf = model.net.observed[0]
    other = model.observing([leaf])
    values = {name: float(array[0]) for name, array in model.simulate(1, seed=1).items()}
    assert type(other) is type(model)
    assert other.net == model.net.observing([leaf])
    assert float(other.log_joint(values)) == float(model.log_joint(values))
    assert other.observing(model.net.observed).digest() == model.digest()
    assert rd.invert(other).net.observed == (leaf,)


def test_a_linear_gaussian_model_has_the_posterior_of_what_is_observed_now():
    """x0 -> x1, x0 -> x2, all unit variances and weights one: given x1 alone, x0 has variance 1/2."""
    net = rd.BayesNet({"x0": [], "x1": ["x0"], "x2": ["x0"]}, observed=["x1", "x2"])
    model = rd.LinearGaussian.from_weights(net, {"x1": {"x0": 1.0}, "x2": {"x0": 1.0}}).observing(["x1"])
    joint = 0.5 * np.log(2 * np.pi * np.e * 0.5) + 0.5 * np.log(2 * np.pi * np.e)  # x0 given x1, x2 given x0
    assert model.entropy() == pytest.approx(joint, abs=1e-12)


@pytest.mark.parametrize(("names", "units"), [(["y"], ("y",)), (["x", "y"], ("y", "x"))])
def test_a_program_is_read_as_from_numpyro_would(names, units):
    read = rd.from_numpyro(program, observed=["x"])
    other, again = read.observing(names), rd.from_numpyro(program, observed=names)
    assert other.net == again.net
    assert other.net.observed == units
    assert other.digest() == again.digest()


def test_a_site_stands_for_all_of_its_elements():
    def plain():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("x", dist.Normal(z, 1).expand([2]))

    model = rd.from_numpyro(plain, observed=["x[0]"], elementwise=True)
    assert model.observing(["x"]).net.observed == ("x[0]", "x[1]")


def test_a_program_that_uses_its_data_elsewhere_is_refused_once_they_count_as_observed():
    """As long as y is latent, nothing reads the data that the program gives to it; then the prior of x does."""

    def twice(y):
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(z, 1), obs=y)
        numpyro.sample("x", dist.Normal(z, 1 + y**2))

    model = rd.from_numpyro(twice, np.array(0.5), observed=["x"])
    with pytest.raises(ProgramError):
        model.observing(["y"])


@pytest.mark.parametrize("source", [TREE, TREE.net, rd.from_numpyro(program, observed=["x"])], ids=repr)
def test_names_are_checked(source):
    net = source if isinstance(source, rd.BayesNet) else source.net
    with pytest.raises(UnknownVariableError, match="nothing_like"):
        source.observing(["nothing_like"])
    with pytest.raises(GraphError, match="nothing is latent"):
        source.observing(net.names)
