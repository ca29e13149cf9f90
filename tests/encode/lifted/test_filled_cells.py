"""Ragged groups are computed on in long form, with the results of whole arrays."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict.encode.lifted.cells import Cells
from retrodict.encode.lifted.filled_cells import FilledCells
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.train.lifted.template_simulations import TemplateSimulator

# Nests of each place, and chicks of each nest: 14 of 3 x 5 x 6 cells.
PLACE = np.array([0, 0, 0, 0, 0, 1, 2])
NEST = np.array([0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 6])


def chicks(place: np.ndarray, nest: np.ndarray) -> None:
    """Counts of chicks in nests in places."""
    level, spread = numpyro.sample("level", dist.Normal(0, 1)), numpyro.sample("spread", dist.HalfNormal(1))
    with numpyro.plate("places", 3):
        a = numpyro.sample("a", dist.Normal(level, 1))
    with numpyro.plate("nests", len(place)):
        b = numpyro.sample("b", dist.Normal(a[place], spread))
    with numpyro.plate("chicks", len(nest)):
        numpyro.sample("y", dist.Poisson(jnp.exp(b[nest])))


@pytest.fixture(scope="module")
def posterior() -> rd.LiftedPosterior:
    model = rd.from_numpyro(chicks, PLACE, NEST, observed=["y"], template=True)
    return rd.amortize(model, missing=0.2, steps=0, quiet=True)


@pytest.fixture(scope="module")
def cells(posterior: rd.LiftedPosterior) -> Cells:
    simulate = TemplateSimulator(TemplateSpace(posterior.source), {}, {"y": 0.2})
    return simulate(jax.random.key(3), 7)


def test_scores_and_their_derivatives_are_those_of_whole_arrays(posterior: rd.LiftedPosterior, cells: Cells) -> None:
    """Both ways add up the same numbers, in another order."""
    assert cells.is_within
    assert cells.exists["y"].mean() < 0.2

    def score(encoder, cells):
        factors = encoder.log_factors(cells)
        return sum(values.sum() for values in factors.values()), factors

    (_, long), slopes = eqx.filter_value_and_grad(score, has_aux=True)(posterior.encoder, cells)
    (_, whole), others = eqx.filter_value_and_grad(score, has_aux=True)(
        posterior.encoder, replace(cells, is_within=False)
    )
    for name, values in whole.items():
        np.testing.assert_allclose(long[name], values, rtol=1e-4, atol=1e-4)
    for one, other in zip(jax.tree.leaves(slopes), jax.tree.leaves(others), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(other).max())))


def test_what_a_program_has_not_is_never_computed(posterior: rd.LiftedPosterior, cells: Cells) -> None:
    """No hidden layer has as many cells as the array of chicks: the largest are those of 3 x 5 nests."""
    hidden = posterior.encoder.around.widths.hidden

    def find_largest(cells: Cells) -> int:
        found = jax.make_jaxpr(lambda cells: posterior.encoder.log_factors(cells))(cells)
        made = [value.aval.shape for equation in found.eqns for value in equation.outvars]
        return max(int(np.prod(shape[:-1])) for shape in made if shape[-1:] == (hidden,))

    assert find_largest(cells) == 7 * 3 * 5
    assert find_largest(replace(cells, is_within=False)) == 7 * 3 * 5 * 6


def test_sums_over_some_dims_are_those_of_the_array():
    rng = np.random.default_rng(0)
    has = rng.random((3, 4, 5)) < 0.3
    few = FilledCells.choose(has, (4, 4, 4))
    assert few is not None
    array = np.zeros((2, 4, 4, 4, 3), np.float32)
    array[:, :3] = rng.normal(size=(2, 3, 4, 4, 3)) * has[None, :, :, :4, None]
    taken = few.take(jnp.asarray(array))
    np.testing.assert_array_equal(few.add(taken, (0, 1, 2)), array)
    for kept, lost in (((0,), (2, 3)), ((0, 2), (2,)), ((), (1, 2, 3))):
        np.testing.assert_allclose(few.add(taken, kept), array.sum(axis=lost), atol=1e-5)


def test_full_arrays_stay_whole():
    assert FilledCells.choose(np.ones((3, 4), bool), (3, 4)) is None
    assert FilledCells.choose(np.zeros((3, 4), bool), (3, 4)) is None
