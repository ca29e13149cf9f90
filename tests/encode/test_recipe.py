"""One recipe for all doors: what it reads, what it refuses, and what it makes of a capacity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pytest

from retrodict import Capacity, from_numpyro, invert, mean_field, zoo
from retrodict.encode.build import count_parameters
from retrodict.encode.recipe import Recipe
from retrodict.errors import OptionError, OrderError

TREE = zoo.binary_tree(4, seed=0)


def program() -> None:
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(z, 1.0).expand([2, 3]).to_event(2))


VECTORS = {read: from_numpyro(program, observed=["x"], elementwise=read) for read in (False, True)}


@pytest.mark.parametrize("order", ["auto", "reverse", TREE.net.latents, "mean-field", "reversal", "fully-connected"])
def test_every_order_becomes_the_inverse_that_invert_makes(order: Any) -> None:
    settled = Recipe(order).settle(TREE)
    assert dict(settled.invert(TREE).parents) == dict(invert(TREE, order).parents)
    assert settled.invert(TREE) is settled.order  # what is settled is not inverted again
    assert replace(settled, widths=None) == Recipe("auto")  # recipes are compared by what an inverse does not say


@pytest.mark.parametrize(("network", "widths"), [("shared", (256, 256)), ("separate", (32, 32))])
def test_the_choice_of_the_library_is_settled_as_numbers(network: str, widths: tuple[int, ...]) -> None:
    recipe = Recipe(network=network, conditional="auto")
    assert recipe.settle(TREE) == Recipe(network=network, widths=widths, conditional="normal")
    assert recipe.settle(VECTORS[False]).conditional == "mixture"


def test_a_linear_gaussian_model_seen_through_a_summary_is_not_known_to_be_normal() -> None:
    name = TREE.net.observed[0]
    recipe = Recipe(conditional="auto", summaries={name: eqx.nn.Lambda(lambda x: jnp.abs(x)[None])})
    assert recipe.settle(TREE).conditional == "mixture"


@pytest.mark.parametrize("network", ["shared", "separate"])
@pytest.mark.parametrize("conditional", ["normal", "mixture"])
def test_a_capacity_is_met_by_every_network_and_family(network: str, conditional: str) -> None:
    recipe = Recipe("reverse", network=network, conditional=conditional, widths=Capacity(6000))
    encoder = recipe.build(TREE, jax.random.key(0))
    assert count_parameters(encoder) == pytest.approx(6000, rel=0.05)
    assert recipe.settle(TREE).widths == recipe.settle(TREE).settle(TREE).widths != Capacity(6000)


@pytest.mark.parametrize("read", [False, True], ids=["sites", "elements"])
def test_a_summary_is_of_a_site_however_it_was_read(read: bool) -> None:
    model = VECTORS[read]
    recipe = Recipe(summaries={"x": eqx.nn.Lambda(lambda x: x.sum(axis=1))})
    (summary,) = recipe.read_summaries(model)
    assert (summary.shape, summary.size) == ((2, 3), 2)
    encoder = recipe.build(model, jax.random.key(0))
    rows = jax.random.normal(jax.random.key(1), (5, 6))
    moved = rows.at[:, :2].add(jnp.array([1.0, -1.0]))  # leaves the sums as they are
    latents = jnp.ones((5, 1))
    assert jnp.allclose(encoder.log_prob(latents, rows), encoder.log_prob(latents, moved), atol=1e-6)
    assert not jnp.allclose(encoder.log_prob(latents, rows), encoder.log_prob(latents, rows + 1.0), atol=1e-6)


REFUSED = {
    "a network": (lambda: Recipe(network="none"), OptionError, "network 'none' does not exist.*shared"),
    "a family": (lambda: Recipe(conditional="cauchy"), OptionError, "family 'cauchy' does not exist.*spline"),
    "a width": (lambda: Recipe(widths=[0, 3]), OptionError, "widths=0"),
    "a capacity": (lambda: Capacity(0), OptionError, "parameters=0"),
    "an order": (lambda: Recipe("upwards").settle(TREE), OrderError, "'upwards' does not exist"),
    "an inverse": (lambda: Recipe(mean_field(zoo.binary_tree(3))).settle(TREE), OptionError, "another model"),
    "a latent": (
        lambda: Recipe(summaries={"x0": jnp.atleast_1d}).settle(TREE),
        OptionError,
        "'x0' has a summary and is not",
    ),
    "no vector": (lambda: Recipe(summaries={"x": jnp.asarray}).settle(VECTORS[False]), OptionError, r"shape \(2, 3\)"),
    "a shape": (
        lambda: Recipe(summaries={"x": eqx.nn.Linear(4, 2, key=jax.random.key(0))}).settle(VECTORS[False]),
        OptionError,
        r"'x' cannot be called with an array of shape \(2, 3\)",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_built(what: str) -> None:
    use, error, message = REFUSED[what]
    with pytest.raises(error, match=message):
        use()
