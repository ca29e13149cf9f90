"""Sums of statistics: whatever is said to be one is one, on random functions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.exact.conjugacy.statistic_forms import LOG, LOG_REST, OTHER, REST, V
from retrodict.exact.conjugacy.statistics_walk import list_statistics

SIZE, N_POINTS = 3, 40
FREE = np.array([0.5, 2.0, 1.25], np.float32)

# What expressions are made of: each takes arrays of three numbers, and gives one.
UNARY = {
    "log": jnp.log,
    "log1p": jnp.log1p,
    "root": jnp.sqrt,
    "square": jnp.square,
    "over": lambda a: 1 / a,
    "minus": lambda a: -a,
    "rest": lambda a: 1 - a,
    "less": lambda a: a - 1,
    "turned": lambda a: a[::-1],
    "first": lambda a: jnp.full(SIZE, a[0]),
    "total": lambda a: jnp.full(SIZE, a.sum()),
    "scaled": lambda a: a * FREE,
    "moved": lambda a: a + FREE,
    "cut": lambda a: jnp.clip(a, 1e-37, 1 - 1e-7),
    "floor": lambda a: jnp.maximum(a, 0.3),
    "size": jnp.abs,
    "sign": lambda a: jnp.where(a > 0, a, -3 * a),
    "part": lambda a: jnp.where(FREE > 1, a, 2.0),
    "loop": lambda a: jax.lax.scan(lambda c, x: (c + x, c * x), a[0], a)[1],
    "carried": lambda a: jnp.full(SIZE, jax.lax.fori_loop(0, 3, lambda _, c: c * FREE[0], a[1])),
    "branch": lambda a: jax.lax.cond(FREE[0] > 1, lambda c: c, lambda c: 2 * c, a),
}
BINARY = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "div": jnp.divide,
    "cases": lambda a, b: jnp.where(FREE > 1, a, b),
    "stack": lambda a, b: jnp.concatenate([a, b])[1 : SIZE + 1],
    "xlogy": jax.scipy.special.xlogy,
    "dot": lambda a, b: jnp.full(SIZE, a @ b),
}
LEAVES = st.sampled_from(["v", "v", "v", "free", "one"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), inner), st.tuples(st.sampled_from(sorted(BINARY)), inner, inner)
    ),
    max_leaves=5,
)


def compute(expression, v):
    if isinstance(expression, str):
        return {"v": v, "free": jnp.asarray(FREE), "one": jnp.ones(SIZE)}[expression]
    name, *parts = expression
    return {**UNARY, **BINARY}[name](*(compute(part, v) for part in parts))


def list_basis(found, v):
    values = {LOG: np.log, LOG_REST: np.log1p}
    columns = [np.ones((len(v), 1))]
    for each in found:
        if isinstance(each, str):
            columns.append(values[each](v if each == LOG else -v))
        else:
            columns.append(v ** float(each[0]) * (1 - v) ** float(each[1]))
    return np.concatenate(columns, axis=1)


@settings(max_examples=120, deadline=None)
@given(EXPRESSIONS, st.booleans())
def test_what_is_said_to_be_a_sum_of_statistics_is_one(expression, below_one):
    """Values at random points are in the span of the statistics."""

    def function(v):
        return compute(expression, v).sum()

    program = jax.make_jaxpr(function)(np.ones(SIZE, np.float32))
    [found] = list_statistics(program, 0, below_one=below_one)
    if OTHER in found:
        return
    most = 0.9 if below_one else 3.0
    v = np.random.default_rng(0).uniform(0.1, most, size=(N_POINTS, SIZE))
    with np.errstate(all="ignore"):
        basis = list_basis(found, v)
        values = np.asarray(jax.vmap(function)(jnp.asarray(v, jnp.float32)), float)
    if not (np.isfinite(values).all() and np.isfinite(basis).all()):
        return
    scale = np.linalg.norm(basis, axis=0)
    fitted = basis / scale @ np.linalg.lstsq(basis / scale, values, rcond=1e-9)[0]
    np.testing.assert_allclose(fitted, values, rtol=2e-3, atol=2e-3 * (1 + np.abs(values).max()))


@pytest.mark.parametrize(
    ("function", "statistics"),
    [
        (lambda v: jnp.log(1 / v - 1), {LOG, LOG_REST}),
        (lambda v: jnp.log1p(v / (1 - v)), {LOG_REST}),
        (lambda v: jnp.log(jnp.stack([v, 1 - v])), {LOG, LOG_REST}),
        (lambda v: (1 - v) * 3 - v, {V, REST}),
        (lambda v: v - v, {V}),
        (lambda v: jnp.log(v + 2), {OTHER}),
        (lambda v: jnp.log(v) ** 2, {OTHER}),
        (lambda v: jnp.round(v), {OTHER}),
        (lambda v: jax.lax.stop_gradient(v), {OTHER}),
    ],
)
def test_statistics_of_a_share(function, statistics):
    program = jax.make_jaxpr(function)(np.ones(SIZE, np.float32))
    assert list_statistics(program, 0, below_one=True) == (statistics,)
