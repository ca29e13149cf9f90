"""Exact posteriors that encoders must be able to hold, reached by setting weights by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.encode.lifted.gated import Gated
from retrodict.encode.lifted.pools import Pool
from retrodict.encode.lifted.scans import Memory, Recurrence, recur, scan_along

run, scan = eqx.filter_jit(lambda layer, *given: layer(*given)), eqx.filter_jit(scan_along)

KEY = jax.random.key(0)
NOWHERE = -30.0


def still(layer: Gated, weight: np.ndarray, bias: np.ndarray) -> Gated:
    """A gated layer that is this affine map."""
    assert weight.shape == layer.line.weight.shape
    replaced = (jnp.asarray(weight, jnp.float32), jnp.asarray(bias, jnp.float32), jnp.zeros_like(layer.out))
    return eqx.tree_at(lambda own: (own.line.weight, own.line.bias, own.out), layer, replaced)


def weigh(pool: Pool, value: np.ndarray, weight: np.ndarray, prior: np.ndarray, means: np.ndarray) -> Pool:
    """A pool whose values and log weights are linear, with these logs of prior weights."""
    return eqx.tree_at(
        lambda own: (own.value, own.weight, own.prior_weight, own.prior_mean),
        pool,
        (
            still(pool.value, value, np.zeros(value.shape[1])),
            still(pool.weight, weight, np.zeros(weight.shape[1])),
            jnp.asarray(prior, jnp.float32),
            jnp.asarray(means, jnp.float32),
        ),
    )


def test_a_pool_holds_count_sum_and_sum_of_squares() -> None:
    rng = np.random.default_rng(0)
    y, present = rng.normal(size=(50, 30)), rng.random((50, 30)) < rng.random((50, 1))
    elements = jnp.asarray(np.stack([y, y**2], axis=-1), jnp.float32)
    pool = weigh(Pool(2, 2, 4, KEY), np.eye(2), np.zeros((2, 2)), np.zeros(2), np.zeros(2))
    found = np.asarray(run(pool, elements, jnp.asarray(present), (1,)), np.float64)
    weight = np.exp(found[:, 2:4])
    np.testing.assert_allclose(weight[:, 0] - 1, present.sum(axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[:, 0] * weight[:, 0], (y * present).sum(axis=1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[:, 1] * weight[:, 1], (y**2 * present).sum(axis=1), rtol=1e-4, atol=1e-4)


def test_nested_pools_are_the_conjugate_posterior_of_a_hierarchy() -> None:
    """mu ~ N(m0, s0), theta[j] ~ N(mu, tau), y[j,n] ~ N(theta[j], sigma), any number of groups and observations."""
    m0, s0, tau, sigma = 0.7, 2.0, 0.5, 1.5  # variances but for m0
    rng = np.random.default_rng(1)
    y, present = rng.normal(size=(40, 12, 7)), rng.random((40, 12, 7)) < 0.6
    # Of a group: its mean (hardly any prior), log n and log(n + sigma / tau), the weights of the two channels.
    inner = weigh(
        Pool(1, 2, 4, KEY), np.ones((1, 2)), np.zeros((1, 2)), np.array([-11.0, np.log(sigma / tau)]), np.zeros(2)
    )
    group = run(inner, jnp.asarray(y[..., None], jnp.float32), jnp.asarray(present), (2,))
    # Its precision about mu is n / (n tau + sigma): a weight whose log is linear in these features.
    value, weight = np.zeros((5, 1)), np.zeros((5, 1))
    value[0], weight[2], weight[3] = 1.0, 1.0, -1.0
    outer = weigh(Pool(5, 1, 4, KEY), value, weight, np.array([np.log(tau / s0)]), np.array([m0]))
    found = np.asarray(run(outer, group, jnp.asarray(present.any(axis=2)), (1,)), np.float64)
    n = present.sum(axis=2)
    precision = n / (n * tau + sigma)
    mean = np.where(n > 0, (y * present).sum(axis=2) / np.maximum(n, 1), 0.0)
    total = 1 / s0 + precision.sum(axis=1)
    np.testing.assert_allclose(found[:, 0], (m0 / s0 + (precision * mean).sum(axis=1)) / total, atol=1e-4)
    np.testing.assert_allclose(found[:, 1] - np.log(tau), np.log(total), atol=1e-4)


def test_messages_are_those_of_a_hidden_markov_model() -> None:
    states, symbols, steps, rows = 4, 3, 40, 6
    rng = np.random.default_rng(2)
    moves, emits = rng.dirichlet(np.ones(states), states), rng.dirichlet(np.ones(symbols), states)
    x, present = rng.integers(symbols, size=(rows, steps)), rng.random((rows, steps)) < 0.7
    inputs = np.eye(symbols)[x] * present[..., None]  # nothing is seen of a missing step, whose transition remains
    layer = Recurrence(symbols, 2, 4, KEY, heads=1, states=states)
    weight = np.repeat(np.log(emits).T[:, :, None], states, axis=2).reshape(symbols, -1)
    transfer = still(layer.messages.transfer, weight, np.log(moves).reshape(-1))
    layer = eqx.tree_at(lambda own: own.messages.transfer, layer, transfer)
    found = scan(layer, jnp.asarray(inputs, jnp.float32), jnp.ones((rows, steps), bool), 1)[..., :states]
    for row in range(rows):
        message = np.ones(states)
        for t in reversed(range(steps)):
            seen = emits[:, x[row, t]] if present[row, t] else np.ones(states)
            message = seen * (moves @ message)
            message /= message.sum()
            np.testing.assert_allclose(np.exp(np.asarray(found[row, t])), message, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("slope", [1.0, 0.9])
def test_a_recurrence_is_the_backward_information_filter(slope: float) -> None:
    """z[t] = slope z[t-1] + N(0, q), x[t] = z[t] + N(0, r), any steps missing: precision and information at each t."""
    q, r, steps, rows = 0.3, 0.8, 60, 5
    rng = np.random.default_rng(3)
    x, present = rng.normal(size=(rows, steps)), rng.random((rows, steps)) < 0.6
    inputs = np.stack([x * present, present], axis=-1)
    # Precision N / D: predicting gives D + q N and slope^2 N, an observation adds (D + q N) / r to the latter. A third
    # entry, (1 / slope - 1) D + q N / slope, makes slope D / (D + q N) a ratio of entries.
    layer = Recurrence(2, 1, 4, KEY, heads=1, states=3)
    predict = np.array([[1.0, q, 0.0], [0.0, slope**2, 0.0]])
    rows_of = {False: predict, True: np.array([predict[0], predict[1] + predict[0] / r])}
    third = np.array([1 / slope - 1, q / slope])
    matrices = {seen: np.vstack([m, third @ m]) for seen, m in rows_of.items()}
    logs = {seen: np.log(np.maximum(m, np.exp(NOWHERE))) for seen, m in matrices.items()}
    transfer = still(
        layer.messages.transfer,
        np.stack([np.zeros(9), (logs[True] - logs[False]).reshape(-1)]),
        logs[False].reshape(-1),
    )
    ending = np.log(np.maximum(np.array([1.0, 0.0, third[0]]), np.exp(NOWHERE)))
    # The gate slope D / (D + q N) at t + 1 is D / (D + third entry), the logistic of a difference of logs behind.
    gate = np.zeros((2 + 3 + 3, 2))
    gate[5, 0], gate[7, 0] = 1.0, -1.0
    layer = eqx.tree_at(
        lambda own: (own.messages.transfer, own.messages.end, own.gates, own.value),
        layer,
        (
            transfer,
            jnp.asarray(ending[None], jnp.float32),
            still(layer.gates, gate, np.array([0.0, 0.0])),
            still(layer.value, np.array([[2.0 / r], [0.0]]), np.zeros(1)),  # half of it comes through
        ),
    )
    found = np.asarray(scan(layer, jnp.asarray(inputs, jnp.float32), jnp.ones((rows, steps), bool), 1))
    for row in range(rows):
        precision = information = 0.0
        for t in reversed(range(steps)):
            gain = slope / (1 + q * precision)
            precision, information = slope * gain * precision, gain * information
            if present[row, t]:
                precision, information = precision + 1 / r, information + x[row, t] / r
            np.testing.assert_allclose(found[row, t, 3], information, atol=1e-4)
            if precision > 1e-6:
                np.testing.assert_allclose(found[row, t, 1] - found[row, t, 0], np.log(precision), atol=1e-4)


def test_recurrences_in_parallel_and_step_by_step_agree() -> None:
    factor, added = (jax.random.uniform(key, (33, 4, 3)) for key in jax.random.split(KEY))
    memory = Memory(factor, added)
    np.testing.assert_allclose(
        *jax.jit(lambda memory: (recur(memory), recur(memory, parallel=True)))(memory), rtol=1e-5
    )


def test_steps_that_do_not_exist_change_nothing() -> None:
    layer = Recurrence(2, 3, 4, KEY)
    inputs = jax.random.normal(KEY, (3, 8, 2))
    present = jnp.arange(8) < 5
    long = scan(layer, inputs, jnp.broadcast_to(present, (3, 8)), 1)
    short = scan(layer, inputs[:, :5], jnp.ones((3, 5), bool), 1)
    np.testing.assert_allclose(long[:, :5], short, rtol=1e-6)
