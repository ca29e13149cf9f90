"""Roots of small matrices beside those of LAPACK, and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.exact.lifted.small_roots import solve_root, solve_twice, take_root


def make_matrices(shape, size, rng):
    columns = rng.normal(size=(*shape, size, size + 2))
    return columns @ np.swapaxes(columns, -1, -2)


@pytest.mark.parametrize("size", [1, 2, 4, 5, 12])
def test_roots_and_solutions_are_those_of_lapack(size):
    rng = np.random.default_rng(size)
    with jax.enable_x64(True):
        matrices, right = make_matrices((3, 7), size, rng), rng.normal(size=(3, 7, size, 4))
        root = take_root(jnp.asarray(matrices))
        np.testing.assert_allclose(root, np.linalg.cholesky(matrices), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(solve_twice(root, jnp.asarray(right)), np.linalg.solve(matrices, right), rtol=1e-7)
        noise = rng.normal(size=(50, 3, 7, size))
        found = solve_root(root[None], jnp.asarray(noise))
        upper = np.swapaxes(np.asarray(root), -1, -2)
        np.testing.assert_allclose(found, np.linalg.solve(upper[None], noise[..., None])[..., 0], rtol=1e-7)


@pytest.mark.parametrize("size", [2, 5])
def test_derivatives_are_those_of_lapack(size):
    rng = np.random.default_rng(size)
    with jax.enable_x64(True):
        matrix, right = jnp.asarray(make_matrices((), size, rng)), jnp.asarray(rng.normal(size=(size, 1)))

        def ours(matrix):
            root = take_root(matrix)
            return (right * solve_twice(root, right)).sum() + jnp.log(jnp.diagonal(root)).sum()

        def theirs(matrix):
            return (right * jnp.linalg.solve(matrix, right)).sum() + 0.5 * jnp.linalg.slogdet(matrix)[1]

        one, other = (np.asarray(jax.grad(function)(matrix)) for function in (ours, theirs))
        np.testing.assert_allclose(one + one.T, other + other.T, rtol=1e-8)


@pytest.mark.parametrize("size", [2, 5])
def test_a_matrix_that_is_not_positive_has_no_root(size):
    assert not np.isfinite(np.asarray(take_root(-jnp.eye(size)))).all()
