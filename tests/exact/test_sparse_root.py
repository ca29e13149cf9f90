"""Sparse least squares, level by level, against dense ones in double precision."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.exact.column_levels import plan_levels
from retrodict.exact.sparse_root import eliminate


def build_groups(n: int, per_group: int, shared: int) -> np.ndarray:
    """Two effects of each group, their priors, and columns that all rows hold."""
    rows = np.repeat(np.eye(n, dtype=bool), per_group, axis=0)
    own = np.concatenate([np.tile(rows, 2), np.eye(2 * n, dtype=bool)])
    return np.concatenate([own, np.ones((len(own), shared), bool)], axis=1)


def build_nested(outer: int, inner: int) -> np.ndarray:
    """Schools in districts: pupils hold a school, schools a district, districts a mean."""
    schools, districts = np.eye(outer * inner, dtype=bool), np.eye(outer, dtype=bool)
    above = np.repeat(districts, inner, axis=0)
    pupils = np.concatenate([schools, 0 * above, np.zeros((outer * inner, 1), bool)], axis=1)
    effects = np.concatenate([schools, above, np.zeros((outer * inner, 1), bool)], axis=1)
    means = np.concatenate([np.zeros((outer, outer * inner), bool), districts, np.ones((outer, 1), bool)], axis=1)
    top = np.zeros((1, outer * inner + outer + 1), bool)
    top[:, -1] = True
    return np.concatenate([pupils, pupils, effects, means, top])


def build_crossed(raters: int, items: int) -> np.ndarray:
    """Each rater meets each item once; all effects have priors."""
    pairs = np.stack(np.meshgrid(np.arange(raters), raters + np.arange(items)), axis=-1).reshape(-1, 2)
    marks = np.zeros((len(pairs), raters + items), bool)
    np.put_along_axis(marks, pairs, True, axis=1)
    return np.concatenate([marks, np.eye(raters + items, dtype=bool)])


def build_chain(n: int) -> np.ndarray:
    """Steps of a random walk, and what is seen of each state."""
    eye = np.eye(n, dtype=bool)
    return np.concatenate([eye, eye | np.eye(n, k=-1, dtype=bool)])


CASES = {
    "groups": build_groups(12, 5, 1),
    "two shared": build_groups(9, 4, 2),
    "one row each": build_groups(10, 1, 1),
    "nested": build_nested(5, 4),
    "crossed": build_crossed(12, 4),
    "chain": build_chain(40),
    "nothing shared": np.tile(np.eye(12, dtype=bool), (2, 1)),
}


def require_law(pattern: np.ndarray, seed: int) -> None:
    plan = plan_levels(pattern)
    assert plan is not None
    rng = np.random.default_rng(seed)
    m, k = pattern.shape
    matrix = np.where(pattern, rng.normal(size=(m, k)), 0.0)
    slopes = np.zeros((m, plan.n_colors))
    for column in range(k):
        slopes[:, plan.color[column]] += matrix[:, column]
    assert (matrix == np.where(pattern, slopes[:, plan.color], 0.0)).all(), "two columns of a color share a row"
    left, noise = rng.normal(size=m), rng.normal(size=k)
    solution, back, log_det, basis = _solve(plan, slopes, left, noise)
    exact = -np.linalg.lstsq(matrix, left, rcond=None)[0]
    condition = np.linalg.cond(matrix)
    precision = matrix.T @ matrix
    close = {"rtol": 1e-5 * condition, "atol": 1e-5 * condition}
    np.testing.assert_allclose(solution, exact, **close)
    np.testing.assert_allclose(back, noise, **close)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(precision)[1] / 2, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(basis @ precision @ basis.T, np.eye(k), atol=1e-4 * condition)


def _solve(plan, *given):
    """The solution, noise moved there and back, the determinant, and all directions, in one program."""

    @jax.jit
    def solve(slopes, left, noise):
        root = eliminate(plan, slopes)
        directions = jax.vmap(root.move)(jnp.eye(plan.n_columns))
        return root.solve(left), root.whiten(root.move(noise)), root.log_det, directions

    return [np.asarray(each, float) for each in solve(*(jnp.asarray(each, jnp.float32) for each in given))]


@pytest.mark.parametrize("name", CASES)
def test_levels_solve_what_dense_columns_solve(name):
    require_law(CASES[name], 0)


@settings(deadline=None, max_examples=6)
@given(st.integers(9, 14), st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000))
def test_levels_solve_random_groups(n, per_group, shared, seed):
    rng = np.random.default_rng(seed)
    pattern = build_groups(n, per_group, shared)
    pattern[: n * per_group] &= rng.random((n * per_group, pattern.shape[1])) < 0.8  # ragged, and some rows empty
    require_law(np.concatenate([pattern, np.eye(pattern.shape[1], dtype=bool)]), seed)


def test_the_solution_can_be_differentiated_as_often_as_peaks_need():
    pattern = CASES["groups"]
    plan = plan_levels(pattern)
    rng = np.random.default_rng(1)
    slopes, left = rng.normal(size=(len(pattern), plan.n_colors)), rng.normal(size=len(pattern))

    def score(scale):
        root = eliminate(plan, jnp.asarray(slopes) * scale)
        total = root.solve(jnp.asarray(left)).sum()
        return total + root.log_det, total

    # b is as 1 / scale, and the determinant as scale ** k.
    k = pattern.shape[1]
    (curvature, slope), total = jax.jit(lambda s: (_derive(score)(s), score(s)[1]))(1.0)
    np.testing.assert_allclose(slope, k - total, rtol=1e-3)
    np.testing.assert_allclose(curvature, 2 * total - k, rtol=1e-3)


def _derive(score):
    """Second and first derivative."""
    return jax.jacfwd(lambda s: (jax.grad(score, has_aux=True)(s)[0],) * 2, has_aux=True)


def test_columns_that_all_meet_stay_dense():
    assert plan_levels(np.ones((30, 12), bool)) is None
    assert plan_levels(np.eye(6, dtype=bool)) is None
