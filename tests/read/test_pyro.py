"""Programs of Pyro, and what its tracing would silently get wrong; in the environment of `make test-readers`."""

from __future__ import annotations

import random
from importlib.util import find_spec

import pytest

import retrodict as rd
from retrodict.errors import SourceError

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]

if find_spec("pyro"):
    import pyro
    import torch
    from pyro import distributions as dist


def draw(name: str, loc: object = 0.0, obs: float | None = None) -> object:
    return pyro.sample(name, dist.Normal(loc, 1.0), obs=None if obs is None else torch.tensor(obs))


def parents(program, *args, **kwargs) -> dict[object, set[object]]:
    net = rd.from_pyro(program, *args, **kwargs)
    return {name: set(net.parents(name)) for name in net.names}


# -- what is read ------------------------------------------------------------------------------------


def hierarchical(data):
    mu, tau = draw("mu"), pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("schools", len(data)):
        theta = pyro.sample("theta", dist.Normal(mu, tau))
        pyro.sample("y", dist.Normal(theta, 10.0), obs=data)


def contracted():
    a = draw("a")
    b = pyro.deterministic("b", 2 * a)
    c = pyro.sample("c", dist.Delta(b + 1))
    draw("y", c, obs=0.0)


def autoregressive():
    z = [draw("z0")]
    y = draw("y0", z[0], obs=0.0)
    for t in range(1, 4):
        z.append(draw(f"z{t}", z[-1]))
        y = draw(f"y{t}", z[-1] + y, obs=0.0)


def mixture():
    weights = pyro.sample("w", dist.Dirichlet(torch.ones(3)))
    means = pyro.sample("means", dist.Normal(torch.zeros(3), 1.0).to_event(1))
    with pyro.plate("data", 5):
        k = pyro.sample("k", dist.Categorical(weights))
        pyro.sample("x", dist.Normal(means[k], 1.0), obs=torch.zeros(5))


def in_tensors():
    a, b = draw("a"), draw("b")
    both = torch.stack([a, b])
    chosen = torch.where(both > 0, both, torch.zeros(2))
    total = chosen.sum()
    total += 1.0
    draw("y", total, obs=0.0)


def with_parameters():
    scale = pyro.param("scale", torch.tensor(1.0), constraint=dist.constraints.positive)
    draw("x", draw("z") * scale, obs=0.0)


def test_a_hierarchical_program():
    net = rd.from_pyro(hierarchical, torch.zeros(8))
    assert net.observed == ("y",)
    assert net.variable("theta").size == 8
    assert parents(hierarchical, torch.zeros(8)) == {"mu": set(), "tau": set(), "theta": {"mu", "tau"}, "y": {"theta"}}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (contracted, {"a": set(), "y": {"a"}}),
        (mixture, {"w": set(), "means": set(), "k": {"w"}, "x": {"means", "k"}}),
        (in_tensors, {"a": set(), "b": set(), "y": {"a", "b"}}),
        (with_parameters, {"z": set(), "x": {"z"}}),
    ],
)
def test_what_stays_in_tensors_is_read(program, expected):
    assert parents(program) == expected


def test_edges_from_observed_sites_are_kept():
    found = parents(autoregressive)
    assert found["y2"] == {"z2", "y1"}
    assert found["z2"] == {"z1"}


def test_another_observed_set_can_be_chosen():
    assert rd.from_pyro(contracted, observed=["a"]).observed == ("a",)


def test_pyro_is_left_as_it_was():
    pyro.set_rng_seed(3)
    expected = torch.rand(3)
    pyro.set_rng_seed(3)
    pyro.get_param_store().clear()
    rd.from_pyro(with_parameters)
    assert torch.equal(torch.rand(3), expected)
    assert list(pyro.get_param_store()) == []


# -- what is refused ---------------------------------------------------------------------------------


def branch():
    draw("y", 1.0 if draw("a") > 0 else 0.0, obs=0.0)


def item():
    draw("y", draw("a").item(), obs=0.0)


def number():
    draw("y", float(draw("a")), obs=0.0)


def through_numpy():
    draw("y", torch.tensor(draw("a").numpy() + 1), obs=0.0)


def as_list():
    draw("y", torch.tensor(draw("a").reshape(1).tolist()).sum(), obs=0.0)


def buffer():
    values = torch.zeros(2)
    for i in range(2):
        values[i] = draw(f"a{i}")
    draw("y", values.sum(), obs=0.0)


def in_place():
    total = torch.zeros(())
    total.add_(draw("a"))
    draw("y", total, obs=0.0)


def rebuilt():
    draw("y", torch.tensor([draw("a"), draw("b")]).sum(), obs=0.0)


def counted():
    for i in range(int(pyro.sample("n", dist.Poisson(3.0)))):
        draw(f"z{i}")
    draw("y", obs=0.0)


@pytest.mark.parametrize(
    ("program", "site", "message"),
    [
        (branch, "'a'", "decides something in Python"),
        (item, "'a'", "Python number"),
        (number, "'a'", "Python float"),
        (through_numpy, "'a'", "NumPy array"),
        (as_list, "'a'", "list"),
        (buffer, "'a0'", "forgets where it came from"),
        (in_place, "'a'", "forgets where it came from"),
        (rebuilt, "'a', 'b'", "forgets where it came from"),
        (counted, "'n'", "Python integer"),
    ],
)
def test_a_value_that_leaves_the_tensors_is_refused(program, site, message):
    with pytest.raises(SourceError, match=message) as caught:
        rd.from_pyro(program)
    assert f"the value of {site}" in str(caught.value)


def by_chance():
    a = draw("a")
    if random.random() < 0.5:  # noqa: S311
        draw("b", a)
    draw("y", a, obs=0.0)


def test_a_structure_that_changes_from_run_to_run_is_refused():
    with pytest.raises(SourceError, match="same structure in every run: 'b' is different"):
        rd.from_pyro(by_chance)


def test_an_error_of_the_program_is_its_own():
    with pytest.raises(ZeroDivisionError):
        rd.from_pyro(lambda: 1 / 0)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(SourceError, match="not a int"):
        rd.from_pyro(3)
