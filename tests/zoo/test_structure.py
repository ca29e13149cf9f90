"""What the reader finds in the learned programs, beside what their formulas say."""

from __future__ import annotations

import pytest

import retrodict as rd
from retrodict import errors, zoo
from tests.processes import run_python
from tests.zoo.programs import CASES, read

IMPORTS = """
import sys
import retrodict.zoo
assert retrodict.zoo.find("tree:3").net.n_edges == 6
print(*({"jax", "equinox", "numpyro"} & set(sys.modules)))
retrodict.zoo.programs.vae(latents=1, pixels=1)
assert "equinox" in sys.modules and callable(retrodict.zoo.programs.vae)
"""


def test_structures_wait_for_no_framework():
    assert run_python(IMPORTS).split() == []


def test_every_public_name_is_there():
    assert {"vae", "implicit_generator"} <= set(dir(zoo.programs))
    assert all(callable(getattr(zoo.programs, name)) for name in dir(zoo.programs))
    with pytest.raises(AttributeError, match="no attribute 'gan'"):
        _ = zoo.programs.gan


@pytest.mark.parametrize("name", CASES)
def test_variables_and_edges_are_those_of_the_formula(name):
    case, net = CASES[name], read(name).net
    assert set(net.latents) == set(case.latents)
    assert set(net.observed) == {f"x[{i}]" for i in range(7)}
    assert net.n_edges == case.edges


@pytest.mark.parametrize("name", CASES)
def test_the_inverse_joins_latents_with_common_children(name):
    case, inverse = CASES[name], rd.invert(read(name), "forward")
    assert inverse.n_edges == case.forward
    assert rd.certify(inverse).faithful
    assert rd.certify(inverse).minimal


@pytest.mark.parametrize("name", CASES)
def test_mean_field_lacks_all_edges_between_latents(name):
    net = read(name).net
    assert not rd.certify(rd.mean_field(net)).faithful
    assert not rd.certify(rd.reversal(net)).faithful


def test_layers_are_parents_of_the_next_one_alone():
    net = read("belief network of three layers").net
    assert net.parents("z2[1]") == ("z3[0]", "z3[1]")
    assert net.parents("z1[0]") == ("z2[0]", "z2[1]", "z2[2]")
    assert net.parents("x[6]") == ("z1[0]", "z1[1]", "z1[2]", "z1[3]")


def test_pixels_need_the_pixels_before_them():
    net = read("autoregressive vae").net
    for i in range(7):
        assert set(net.parents(f"x[{i}]")) == {*(f"z[{k}]" for k in range(3)), *(f"x[{k}]" for k in range(i))}


@pytest.mark.parametrize(
    ("name", "supports"),
    [
        ("vae", ("real", "boolean")),
        ("Bernoulli vae", ("boolean", "boolean")),
        ("Poisson family", ("positive", "count")),
        ("Bernoulli family", ("positive", "boolean")),
    ],
)
def test_supports_are_told(name, supports):
    net = read(name).net
    assert (net.variable(net.latents[0]).support, net.variable("x[0]").support) == supports


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zoo.programs.vae(latents=0), "latents=0 is too small"),
        (lambda: zoo.programs.vae(hidden=(8, 0)), r"hidden=\(8, 0\) is out of range"),
        (lambda: zoo.programs.bernoulli_vae(pixels=0), "pixels=0 is too small"),
        (lambda: zoo.programs.layered_vae(()), r"sizes=\(\) is out of range"),
        (lambda: zoo.programs.layered_vae(hidden=(-1,)), r"hidden=\(-1,\) is out of range"),
        (lambda: zoo.programs.sigmoid_belief_network((3, 0)), r"sizes=\(3, 0\) is out of range"),
        (lambda: zoo.programs.deep_exponential_family(observation="normal"), "'normal' is not offered"),
        (lambda: zoo.programs.deep_exponential_family(shape=0.0), "shape=0.0 is out of range"),
        (lambda: zoo.programs.autoregressive_vae(pixels=0), "pixels=0 is too small"),
        (lambda: zoo.programs.autoregressive_vae(hidden=(0,)), r"hidden=\(0,\) is out of range"),
        (lambda: zoo.programs.implicit_generator(noise=0), "noise=0 is too small"),
        (lambda: zoo.programs.implicit_generator(hidden=(0,)), r"hidden=\(0,\) is out of range"),
    ],
)
def test_sizes_that_cannot_be_are_refused(make, message):
    with pytest.raises(errors.OptionError, match=message):
        make()


@pytest.mark.parametrize("name", CASES)
def test_the_seed_decides_the_parameters(name):
    assert read(name).digest() == rd.from_numpyro(CASES[name].make(), observed=["x"], elementwise=True).digest()


def test_other_seeds_give_other_parameters():
    digests = {rd.from_numpyro(zoo.programs.vae(2, 3, (4,), seed), observed=["x"]).digest() for seed in range(3)}
    assert len(digests) == 3
