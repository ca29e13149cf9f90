"""Hand-written guides judged element by element: what vectors hide is found."""

from __future__ import annotations

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd

IMAGE = jnp.zeros(6)
Z = [f"z[{i}]" for i in range(4)]
X = {f"x[{i}]" for i in range(6)}


def read(learned):
    """A learned program, conditioned on an image among its arguments, and read element by element."""

    def program(image):
        with numpyro.handlers.condition(data={"x": image}):
            learned()

    return rd.from_numpyro(program, IMAGE, elementwise=True)


VAE = read(rd.zoo.programs.vae(latents=4, pixels=6, hidden=(8,)))
NETWORK = eqx.nn.MLP(6, 4, 8, 1, key=jax.random.key(0))


def list_parents(verdict):
    return {name: set(parents) for name, parents in verdict.parents.items()}


def mean_field(image):
    numpyro.sample("z", dist.Normal(NETWORK(image), 1.0).to_event(1))


def test_a_mean_field_encoder_lacks_every_edge_between_latents():
    verdict = rd.lint(VAE, mean_field)
    assert list_parents(verdict) == dict.fromkeys(Z, X)
    assert {frozenset((edge.parent, edge.child)) for edge in verdict.missing} == {
        frozenset(pair) for pair in itertools.combinations(Z, 2)
    }
    assert len(verdict.missing) == 6
    assert not verdict.faults
    assert "z[1]" in str(verdict)


def test_site_by_site_nothing_of_it_is_seen():
    """Which is why it is asked element by element."""
    model = rd.from_numpyro(VAE.program.function, IMAGE)
    assert list_parents(rd.lint(model, mean_field)) == {"z": {"x"}}
    assert rd.lint(model, mean_field).faithful


def test_a_joint_normal_is_faithful():
    def guide(image):
        numpyro.sample("z", dist.MultivariateNormal(NETWORK(image), jnp.eye(4) + 0.1))

    verdict = rd.lint(VAE, guide)
    assert verdict
    assert list_parents(verdict) == {name: {*X, *Z[:i]} for i, name in enumerate(Z)}


def test_elements_drawn_one_after_another_need_what_was_drawn():
    """z[0] and z[1] from the image, z[2] and z[3] from these: an edge between the two of each pair is missing."""
    split = read(_two_halves)

    def guide(image):
        first = numpyro.sample("first", dist.Normal(NETWORK(image)[:2], 1.0))
        numpyro.sample("second", dist.Normal(NETWORK(image)[2:] + first.sum(), 1.0))

    verdict = rd.lint(split, guide)
    assert list_parents(verdict)["second[1]"] == {"first[0]", "first[1]", *X}
    lacking = {frozenset((edge.parent, edge.child)) for edge in verdict.missing}
    assert lacking == {frozenset(("first[0]", "first[1]")), frozenset(("second[0]", "second[1]"))}


def _two_halves():
    first = numpyro.sample("first", dist.Normal(jnp.zeros(2), 1.0))
    second = numpyro.sample("second", dist.Normal(jnp.zeros(2), 1.0))
    numpyro.sample("x", dist.Normal(jnp.full(6, first.sum() + second.sum()), 1.0))


def test_pixels_that_an_encoder_leaves_out_are_named():
    def guide(image):
        numpyro.sample("z", dist.MultivariateNormal(NETWORK(image.at[4:].set(0.0)), jnp.eye(4)))

    lacking = {(edge.parent, edge.child) for edge in rd.lint(VAE, guide).missing}
    assert lacking == {(pixel, name) for pixel in ("x[4]", "x[5]") for name in Z}


def test_rows_drawn_jointly_are_apart_from_each_other():
    def program(image):
        z = numpyro.sample("z", dist.Normal(jnp.zeros((3, 2)), 1.0))
        numpyro.sample("x", dist.Normal(jnp.repeat(z.sum(axis=1), 2), 1.0), obs=image)

    def guide(image):
        mean = jnp.repeat(image.reshape(3, 2).sum(axis=1)[:, None], 2, axis=1)
        numpyro.sample("z", dist.MultivariateNormal(mean, jnp.eye(2) + 0.1))

    verdict = rd.lint(rd.from_numpyro(program, IMAGE, elementwise=True), guide)
    assert verdict
    for row in range(3):
        pixels = {f"x[{2 * row}]", f"x[{2 * row + 1}]"}
        assert list_parents(verdict)[f"z[{row},0]"] == pixels
        assert list_parents(verdict)[f"z[{row},1]"] == {f"z[{row},0]", *pixels}


def test_layers_encoded_from_the_image_alone_lack_what_lies_between_them():
    model = read(rd.zoo.programs.sigmoid_belief_network((2, 2), pixels=6))

    def guide(image):
        for name in ("z1", "z2"):
            numpyro.sample(name, dist.Bernoulli(logits=NETWORK(image)[:2]))

    verdict = rd.lint(model, guide)
    lacking = {frozenset((edge.parent, edge.child)) for edge in verdict.missing}
    assert lacking == {frozenset(pair) for pair in itertools.combinations(["z1[0]", "z1[1]", "z2[0]", "z2[1]"], 2)}


def test_latents_that_are_not_drawn_come_from_the_prior():
    model = read(rd.zoo.programs.layered_vae((2, 2), pixels=6, hidden=(4,)))

    def guide(image):
        numpyro.sample("z1", dist.MultivariateNormal(NETWORK(image)[:2], jnp.eye(2) + 0.1))

    verdict = rd.lint(model, guide)
    assert verdict.missing_sites == ("z2",)
    assert {edge.child for edge in verdict.missing} == {"z2[0]", "z2[1]"}


def test_another_shape_is_a_fault():
    def guide(image):
        numpyro.sample("z", dist.Normal(NETWORK(image)[:3], 1.0))

    assert rd.lint(VAE, guide).wrong_shapes == (("z", (4,), (3,)),)


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(rd.errors.GuideError, match="nothing more"):
        rd.lint(VAE, mean_field, IMAGE)
    with pytest.raises(rd.errors.GuideError, match="needs a NumPyro program beside it, not a BayesNet"):
        rd.lint(VAE.net, mean_field)
    with pytest.raises(rd.errors.ProgramError, match="'x' has data that are not among the arguments"):
        rd.lint(
            rd.from_numpyro(rd.zoo.programs.vae(2, 6, (4,)), observed=["x"], elementwise=True),
            lambda: mean_field(IMAGE),
        )
    partly = rd.from_numpyro(VAE.program.function, IMAGE, observed=["x[0]"], elementwise=True)
    with pytest.raises(rd.errors.ProgramError, match="'x' is observed in part"):
        rd.lint(partly, mean_field)
