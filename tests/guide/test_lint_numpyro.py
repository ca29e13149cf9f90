"""What a hand-written NumPyro guide lacks is found, and a right one passes."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from tests.guide import programs

DATA = jnp.array([1.0, 2.0, -0.5, 0.3])


def faithful(x):
    """The right one: the children from their leaves, the root from both."""
    left = numpyro.sample("left", dist.Normal(x[0] + x[1] + 0.1 * x[2:].sum(), 1.0))
    right = numpyro.sample("right", dist.Normal(x[2] + x[3] + 0.3 * left, 1.0))
    numpyro.sample("root", dist.Normal(left + right, 1.0))


def reversed_edges(x):
    left = numpyro.sample("left", dist.Normal(x.sum(), 1.0))
    numpyro.sample("right", dist.Normal(x.sum(), 1.0))
    numpyro.sample("root", dist.Normal(left, jnp.exp(numpyro.param("scale", 0.0))))


def without_root(x):
    left = numpyro.sample("left", dist.Normal(x.sum(), 1.0))
    numpyro.sample("right", dist.Normal(left + x.sum(), 1.0))


def with_more(x):
    faithful(x)
    numpyro.sample("more", dist.Normal(0.0, 1.0))
    numpyro.sample("helping", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})


def fitted(x):
    """Free parameters and no data: mean field, fitted to these data."""
    for name in ("root", "left", "right"):
        numpyro.sample(name, dist.Normal(numpyro.param(name + "_mean", 0.0), 1.0))


def ill_shaped(x):
    faithful_but = dist.Normal(x[:2].sum(), 1.0).expand([2])
    left = numpyro.sample("left", faithful_but)
    right = numpyro.sample("right", dist.Normal(x.sum() + left.sum(), 1.0))
    numpyro.sample("root", dist.Normal(left.sum() + right, 1.0))


def test_a_right_guide_passes():
    verdict = rd.lint(programs.tree, faithful, DATA)
    assert verdict
    assert verdict.is_amortized
    assert {name: set(parents) for name, parents in verdict.parents.items()} == {
        "left": {"x"}, "right": {"left", "x"}, "root": {"left", "right"}
    }  # fmt: skip
    assert str(verdict) == "faithful, and its sites are those of the program"


def test_a_missing_edge_is_shown_with_its_path():
    """In this order, right -> root is the only edge between the two that are drawn last; left -- right is open too."""
    verdict = rd.lint(programs.tree, reversed_edges, DATA)
    assert not verdict
    assert not verdict.faithful
    lacks = {(edge.parent, edge.child): edge.drawing for edge in verdict.missing}
    assert len(lacks) == 2
    assert {frozenset(pair) for pair in lacks} == {frozenset({"left", "right"}), frozenset({"right", "root"})}
    assert any("root" in drawing for drawing in lacks.values())
    assert "right" in str(verdict)


def test_a_missing_site_counts_as_drawn_from_the_prior():
    verdict = rd.lint(programs.tree, without_root, DATA)
    assert verdict.missing_sites == ("root",)
    assert not verdict
    assert {edge.parent for edge in verdict.missing if edge.child == "root"} == {"left", "right"}


def test_an_extra_site_is_named_and_an_auxiliary_one_is_not():
    verdict = rd.lint(programs.tree, with_more, DATA)
    assert verdict.extra_sites == ("more",)
    assert verdict.faithful
    assert not verdict


def test_parameters_fitted_to_the_data_count_as_depending_on_them():
    verdict = rd.lint(programs.tree, fitted, DATA)
    assert not verdict.is_amortized
    assert verdict.missing
    assert all(edge.parent != "x" for edge in verdict.missing)


def test_a_wrong_shape_is_found():
    assert rd.lint(programs.tree, ill_shaped, DATA).wrong_shapes == (("left", (), (2,)),)


@pytest.mark.parametrize(
    ("prior", "guess", "is_right"),
    [
        (dist.HalfNormal(1.0), dist.Normal(0.0, 1.0), False),
        (dist.HalfNormal(1.0), dist.LogNormal(0.0, 1.0), True),
        (dist.Beta(1.0, 1.0), dist.Uniform(0.0, 1.0), True),
        (dist.Uniform(0.0, 2.0), dist.Uniform(0.0, 1.0), False),
        (dist.Normal(0.0, 1.0), dist.StudentT(3.0, 0.0, 1.0), True),
        (dist.Gamma(1.0), dist.TransformedDistribution(dist.Normal(0.0, 1.0), dist.transforms.ExpTransform()), True),
        (dist.Poisson(1.0), dist.Bernoulli(0.5), False),
    ],
)
def test_supports_are_compared(prior, guess, is_right):
    def program(x):
        z = numpyro.sample("z", prior)
        numpyro.sample("x", dist.Normal(z, 1.0), obs=x)

    def guide(x):
        shift = numpyro.sample("w", dist.Normal(x, 1.0), infer={"is_auxiliary": True})
        del shift
        numpyro.sample("z", guess)

    verdict = rd.lint(program, guide, 1.0)
    assert [fault.site for fault in verdict.wrong_supports] == ([] if is_right else ["z"])


@pytest.mark.parametrize(
    "program", [programs.normal, *(pytest.param(p, marks=pytest.mark.slow) for p in (programs.tree, programs.supports))]
)
def test_our_own_guide_passes(program):
    data = {"normal": 1.0, "tree": DATA, "supports": jnp.zeros((2, 3))}[program.__name__]
    guide = rd.AutoFaithful(program, exact=False)  # closed forms are point masses
    verdict = rd.lint(program, guide, data)
    assert verdict
    assert {n: set(p) for n, p in verdict.parents.items()} == {n: set(p) for n, p in guide.inverse.parents.items()}


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(rd.errors.ProgramError, match=r"(?s)draws 'root', .* as point masses.*exact=False"):
        rd.lint(programs.tree, rd.AutoFaithful(programs.tree, joint=True), DATA)
    with pytest.raises(rd.errors.ProgramError, match="raised TypeError"):
        rd.lint(programs.tree, lambda: None, DATA)
    with pytest.raises(rd.errors.ProgramError, match="'x' has data that are not among the arguments"):
        rd.lint(lambda: programs.normal(1.0), lambda: numpyro.sample("z", dist.Normal(0.0, 1.0)))
    with pytest.raises(rd.errors.GuideError, match="nothing more"):
        rd.lint(rd.zoo.binary_tree(2).net, {"x0": ["x1", "x2"]}, 1.0)
