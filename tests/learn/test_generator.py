"""A program with parameters scores and draws what the program says, relaxed or not."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro import distributions as dist
from numpyro.distributions import biject_to, constraints

from retrodict import from_numpyro, invert, zoo
from retrodict.encode.space import Space
from retrodict.encode.trees import list_arrays
from retrodict.errors import OptionError, ProgramError
from retrodict.learn.generator import ProgramGenerator
from retrodict.learn.parameters import as_module
from tests.learn import programs


class Shares(eqx.Module):
    """A binary latent beside a simplex."""

    weights: jax.Array

    def __call__(self) -> None:
        share = numpyro.sample("share", dist.Dirichlet(jnp.ones(3)))
        switch = numpyro.sample("switch", dist.Bernoulli(logits=0.4))
        with numpyro.plate("rows", 1):
            numpyro.sample("x", dist.Normal(switch * (self.weights @ share), 1.0))


def generate(program: eqx.Module) -> ProgramGenerator:
    model = from_numpyro(program, observed=["x"], elementwise=True)
    return ProgramGenerator(program, model, Space(invert(model)))


def score(generator: ProgramGenerator, latents: jax.Array, x: jax.Array) -> jax.Array:
    return eqx.filter_jit(lambda g: g.log_joint(latents, x))(generator)


def draw(generator: ProgramGenerator, seed: int, n: int) -> tuple[jax.Array, jax.Array]:
    return eqx.filter_jit(lambda g, key: g.draw(key, n))(generator, jax.random.key(seed))


def test_the_joint_density_is_that_of_the_program() -> None:
    program = programs.factors()
    z, x = jnp.array([[0.3, -1.0]]), jnp.array([[1.0, 0.0, 2.0, -1.0]])

    @jax.jit
    def expect():
        return dist.Normal(0, 1).log_prob(z).sum() + dist.Normal(program.weights @ z[0], 1.0).log_prob(x).sum()

    np.testing.assert_allclose(score(generate(program), z, x)[0], expect(), rtol=1e-5)


def test_gradients_reach_the_parameters_of_the_present_program() -> None:
    generator = generate(programs.factors())
    moved = eqx.tree_at(lambda g: g.program.log_scale, generator, jnp.array(0.7))
    z, x = draw(moved, 0, 50)
    differentiate = eqx.filter_jit(eqx.filter_value_and_grad(lambda g: g.log_joint(z, x).mean()))
    gradient = differentiate(moved)[1]
    step = 1e-3
    sides = [eqx.tree_at(lambda g: g.program.log_scale, generator, jnp.array(0.7 + s)) for s in (step, -step)]
    difference = (differentiate(sides[0])[0] - differentiate(sides[1])[0]) / (2 * step)
    np.testing.assert_allclose(gradient.program.log_scale, difference, rtol=2e-2)
    assert jnp.abs(gradient.program.weights).min() > 0


def test_a_positive_latent_is_scored_as_the_number_behind_it() -> None:
    generator = generate(zoo.programs.deep_exponential_family((2,), pixels=3))
    codes, x = draw(generator, 1, 5)

    @jax.jit
    def expect():
        columns = jnp.concatenate([jnp.exp(codes), x], axis=1)
        return generator.model.log_conditionals(columns).sum(axis=1) + codes.sum(axis=1)  # dz / dc = z

    np.testing.assert_allclose(score(generator, codes, x), expect(), rtol=1e-5)


def test_barren_latents_do_not_count_and_leave_gradients_finite() -> None:
    generator = generate(programs.Mixed(jnp.array([0.2, 1.5, 0.7])))
    latents, x = draw(generator, 2, 20)
    assert latents.shape == (20, 2)
    assert "unused" not in generator.scored
    switch, z = latents[:, 0], latents[:, 1]

    @jax.jit
    def expect():
        return (
            dist.Bernoulli(logits=0.2).log_prob(switch.astype(int))
            + dist.Normal(1.5 * switch, 1).log_prob(z)
            + dist.Normal(0.7 * z[:, None], 0.5).log_prob(x).sum(axis=1)
        )

    np.testing.assert_allclose(score(generator, latents, x), expect(), rtol=1e-4)
    gradient = eqx.filter_jit(eqx.filter_grad(lambda g: g.log_joint(latents, x).mean()))(generator)
    assert jnp.isfinite(gradient.program.weights).all()


# -- relaxed -----------------------------------------------------------------------------------------


def test_a_relaxed_program_is_scored_by_logits() -> None:
    program = zoo.programs.sigmoid_belief_network((2, 3), pixels=4)
    relaxed = generate(program).relax(0.5)
    y = jnp.array([[0.5, -2.0, 1.0, 3.0, -0.3]])
    x = jnp.array([[1.0, 0.0, 0.0, 1.0]])

    @jax.jit
    def expect():
        top, low = jax.nn.sigmoid(y[0, :2]), jax.nn.sigmoid(y[0, 2:])
        logits = program.weights[0] @ top + program.biases[1]
        return (
            dist.Logistic(program.biases[0] / 0.5, 2.0).log_prob(y[0, :2]).sum()
            + dist.Logistic(logits / 0.5, 2.0).log_prob(y[0, 2:]).sum()
            + dist.Bernoulli(logits=program.weights[1] @ low + program.biases[2]).log_prob(x[0]).sum()
        )

    np.testing.assert_allclose(score(relaxed, y, x)[0], expect(), rtol=1e-5)


def test_a_simplex_stands_beside_what_is_relaxed() -> None:
    """It has fewer codes than numbers, so columns of codes and of values are not the same."""
    program = Shares(jnp.array([0.5, -1.0, 2.0]))
    generator = generate(program)
    relaxed = generator.relax(0.5)
    codes, y, x = jnp.array([0.3, -0.8]), jnp.array(1.2), jnp.array([0.4])
    latents = jnp.zeros(3).at[generator.space.code_columns["share"]].set(codes)
    latents = latents.at[generator.space.code_columns["switch"]].set(y)

    @jax.jit
    def expect():
        share = biject_to(constraints.simplex)(codes)
        return (
            dist.Dirichlet(jnp.ones(3)).log_prob(share)
            + biject_to(constraints.simplex).log_abs_det_jacobian(codes, share)
            + dist.Logistic(0.4 / 0.5, 2.0).log_prob(y)
            + dist.Normal(jax.nn.sigmoid(y) * (program.weights @ share), 1.0).log_prob(x).sum()
        )

    np.testing.assert_allclose(score(relaxed, latents, x), expect(), rtol=1e-5)
    drawn = draw(relaxed, 5, 4)[0]
    assert drawn.shape == (4, 3)
    assert (drawn[:, generator.space.code_columns["switch"]] % 1 != 0).all()


def test_draws_of_a_cold_relaxation_are_those_of_the_program() -> None:
    generator = generate(zoo.programs.sigmoid_belief_network((2,), pixels=2))
    n = 20_000
    exact, relaxed = draw(generator, 3, n), draw(generator.relax(0.05), 4, n)
    rows = [np.concatenate([np.asarray(z) > 0, np.asarray(x) > 0.5], axis=1) for z, x in (exact, relaxed)]
    counts = [np.bincount(row @ (1 << np.arange(4)), minlength=16) / n for row in rows]
    # the largest of 16 differences of frequencies, at 4.5 standard errors, and what is left of the temperature
    assert np.abs(counts[0] - counts[1]).max() < 4.5 * np.sqrt(2 * 0.25 / n) + 0.01


def test_only_binary_latents_can_be_relaxed() -> None:
    with pytest.raises(OptionError, match="'z'"):
        generate(programs.Categories(jnp.arange(3.0))).relax(0.5)
    with pytest.raises(OptionError, match="no binary latents"):
        generate(programs.factors()).relax(0.5)


# -- programs ----------------------------------------------------------------------------------------


def test_parameters_that_are_sites_become_a_module() -> None:
    module = as_module(programs.with_sites)
    assert sum(leaf.size for leaf in list_arrays(module).values()) == 2 + (2 * 8 + 8) + (8 * 4 + 4)
    generator = generate(module)
    z, x = draw(generator, 0, 3)

    @jax.jit
    def expect():
        logits = jax.vmap(programs.NETWORK)(z)
        return dist.Normal(0, 1).log_prob(z).sum(axis=1) + dist.Bernoulli(logits=logits).log_prob(x).sum(axis=1)

    np.testing.assert_allclose(score(generator, z, x), expect(), rtol=1e-5)


def test_parameters_may_begin_with_numbers_of_python() -> None:
    assert [float(leaf) for leaf in list_arrays(as_module(programs.shifted)).values()] == [0.0]


def test_what_has_no_parameters_is_refused() -> None:
    with pytest.raises(ProgramError, match="no parameters"):
        as_module(programs.without_parameters)
    with pytest.raises(OptionError, match="must be a function"):
        as_module(3)  # type: ignore[arg-type]
