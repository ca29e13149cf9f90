"""What elements of results need, as found by following the operations, against changing inputs one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import betainc, gammaln, logsumexp

from retrodict.errors import ProgramError
from retrodict.read.jaxpr.rules import RULES
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.walk import follow

ONES = np.ones((3, 3), dtype=np.float32)
MASK = np.array([0.0, 1.0, 1.0], np.float32)
LOWER = jnp.tril(jnp.ones((3, 3))) + jnp.eye(3)


def needed(function, *arrays):
    """The inputs that each element of the results needs, by following the program."""
    table, start, inputs = SetTable(), 0, []
    for array in arrays:
        inputs.append(table.singletons(range(start, start + np.size(array))).reshape(np.shape(array)))
        start += np.size(array)
    results = follow(jax.make_jaxpr(function)(*arrays), inputs, table)
    return [set(members) for result in results for members in table.members(result.sets)]


def moved(function, *arrays, probes=30):
    """The inputs that were seen to matter to each element, by changing one at a time."""
    sizes = [np.size(array) for array in arrays]
    total = sum(sizes)

    def flat(numbers):
        parts = np.split(np.arange(total), np.cumsum(sizes)[:-1])
        given = [numbers[part].reshape(np.shape(a)).astype(a.dtype) for part, a in zip(parts, arrays, strict=True)]
        return jnp.concatenate([jnp.ravel(leaf).astype(jnp.float32) for leaf in jax.tree.leaves(function(*given))])

    run = jax.jit(jax.vmap(flat))
    rng = np.random.default_rng(0)
    limits = np.concatenate([np.full(np.size(a), 1.0 if a.dtype.kind == "f" else 3.0) for a in arrays])
    found = None
    for _ in range(probes):
        base, other = (np.where(limits == 1, rng.uniform(0.1, 0.9, total), rng.integers(0, 3, total)) for _ in "ab")
        rows = np.repeat(base[None], total + 1, axis=0)
        rows[np.arange(total), np.arange(total)] = other
        results = np.asarray(run(rows.astype(np.float32)))
        change = (results[:-1] != results[-1]) & ~(np.isnan(results[:-1]) & np.isnan(results[-1]))
        found = change if found is None else found | change
    return [set(np.flatnonzero(column).tolist()) for column in found.T]


def floats(*shape):
    return np.zeros(shape, dtype=np.float32)


def numbers(*shape):
    return np.zeros(shape, dtype=np.int32)


EXACT = {
    "elementwise": (lambda a, b: jnp.exp(a) * b - a**3, floats(3), floats(3)),
    "scalars": (lambda a, b: a * b + jnp.arange(3.0), floats(), floats(3)),
    "special functions": (lambda a, b: gammaln(a) + betainc(a, b, 0.5), floats(2), floats(2)),
    "where known": (lambda a, b: jnp.where(np.array([True, False, True]), a, b), floats(3), floats(3)),
    "where computed": (lambda a, b: jnp.where(a > 0.5, b, 0.0), floats(3), floats(3)),
    "masked": (lambda a: a * np.array([1.0, 0.0, 2.0], np.float32), floats(3)),
    "matrix": (lambda a: jnp.array([[1.0, 0, 0], [0, 1, 1]]) @ a, floats(3)),
    "masked matrix": (lambda a, w: (w * jnp.eye(3)) @ a, floats(3), floats(3, 3)),
    "batched product": (lambda a, b: jnp.einsum("bij,bj->bi", a, b), floats(2, 3, 3), floats(2, 3)),
    "outer": (jnp.outer, floats(2), floats(3)),
    "shapes": (lambda a: jnp.swapaxes(a.reshape(3, 2)[::-1], 0, 1)[None].squeeze(0), floats(2, 3)),
    "tile and unstack": (lambda a: jnp.unstack(jnp.tile(a, (1, 2)), axis=1), floats(2, 2)),
    "stack and split": (lambda a, b: jnp.split(jnp.stack([a, b], 1).ravel(), 3), floats(3), floats(3)),
    "pad": (lambda a: lax.pad(a, 0.0, [(1, -1, 1)]), floats(3)),
    "pad with a value": (lambda a, b: jnp.pad(a, 1, constant_values=b), floats(2), floats()),
    "roll": (lambda a: jnp.roll(a, 1) + a, floats(4)),
    "differences": (jnp.diff, floats(4)),
    "sums": (lambda a: (a.sum(0), a.prod(1), a.min()), floats(2, 3)),
    "logsumexp": (lambda a: logsumexp(a, axis=1), floats(2, 3)),
    "running sums": (lambda a: (jnp.cumsum(a), lax.cumprod(a, reverse=True)), floats(4)),
    "softmax": (lambda a: jax.nn.softmax(a, axis=-1), floats(2, 3)),
    "sort": (lambda a: jnp.sort(a, axis=1), floats(2, 3)),
    "cholesky of a batch": (lambda a: jnp.linalg.cholesky(a[:, None, None] * jnp.eye(2) + 1)[:, 1, 1], floats(3)),
    "constant index": (lambda a: a[np.array([2, 0, 0])], floats(3)),
    "index of a matrix": (lambda a: a[:, np.array([1, 0])], floats(2, 3)),
    "computed constant index": (lambda a: a[jnp.arange(3) // 2], floats(3)),
    "index by a value": (lambda a, i: a[i], floats(3), numbers(2)),
    "rows by a value": (lambda i: jnp.arange(12.0).reshape(3, 4)[i], numbers(2)),
    "one of each row": (lambda a, i: a[jnp.arange(2), i], floats(2, 3), numbers(2)),
    "along an axis": (lambda a, i: jnp.take_along_axis(a, i, 1), floats(2, 3), numbers(2, 1)),
    "apply": (lambda a: a.at[np.array([0, 2])].apply(jnp.sin), floats(3)),
    "apply out of bounds": (lambda a: a.at[np.array([1, 7])].apply(lambda v: 3 * v, mode="clip"), floats(3)),
    "masked logarithm": (lambda a: MASK * jnp.log(a), floats(3)),
    "masked in a matrix": (lambda a: jnp.exp(np.triu(np.ones((3, 3), np.float32)) @ jnp.log(a)), floats(3)),
    "logarithm of what is kept above zero": (
        lambda a: jnp.where(MASK * jnp.log(jnp.maximum(a, 0.1)) > -1, a, 0.5),
        floats(3),
    ),
    "where masked": (lambda a: jnp.where(MASK * a > 0.1, a, 0.5), floats(3)),
    "best of rows": (lambda a: lax.top_k(a, 2)[0], floats(2, 3)),
    "set": (lambda a, b: a.at[1].set(b), floats(3), floats()),
    "set and add": (lambda a, b: a.at[np.array([0, 0, 2])].add(b), floats(3), floats(3)),
    "set rows": (lambda a, b: a.at[np.array([1, 0])].set(b), floats(3, 2), floats(2, 2)),
    "slice at a place": (lambda a: lax.dynamic_slice(a, (1,), (2,)), floats(4)),
    "update at a place": (lambda a, b: lax.dynamic_update_slice(a, b, (1,)), floats(4), floats(2)),
    "scan": (lambda a: lax.scan(lambda c, x: (0.5 * c + x, c), 0.0, a), floats(4)),
    "scan backwards": (lambda a: lax.scan(lambda c, x: (c + x, c), 0.0, a, reverse=True), floats(4)),
    "scan with a counter": (
        lambda a: lax.scan(lambda i, _: (i + 1, a[i]), 0, None, length=3)[1],
        floats(3),
    ),
    "for loop": (lambda a: lax.fori_loop(1, 3, lambda i, v: v.at[i].add(v[i - 1]), a), floats(4)),
    "known branch": (lambda a: lax.cond(np.array(True), lambda v: v[:1], lambda v: v[1:], a), floats(2)),
    "branch by a value": (lambda a, p: lax.cond(p > 0.5, lambda v: v, lambda v: v[::-1] + 1, a), floats(3), floats()),
    "inner functions": (jax.jit(jax.checkpoint(lambda a: jax.nn.relu(a - 0.5) + jax.nn.silu(a))), floats(3)),
    "convolved images": (
        lambda a: lax.conv(a[:, None, None], np.ones((1, 1, 1, 3), np.float32), (1, 1), "VALID")[:, 0, 0],
        floats(2, 3),
    ),
}
# A constant zero times something that is not finite at zero, where programs are first computed, decides a branch.
DECIDED = {
    "logarithm": lambda a: jnp.where(MASK * jnp.log(a) > -1, a[::-1], 0.0),
    "logarithm of what is kept at zero": lambda a: jnp.where(MASK * jnp.log(jnp.maximum(a, 0.0)) > -1, a[::-1], 0.0),
    "inverse": lambda a: jnp.where(MASK * (1 / a) < 1, a[::-1], 0.0),
    "inverse first": lambda a: jnp.where((1 / a) * MASK < 1, a[::-1], 0.0),
    "matrix with a row of zeros": lambda a: jnp.where(jnp.diag(MASK) @ jnp.log(a) > -1, a[::-1], 0.0),
    "matrix on the right": lambda a: jnp.where(jnp.log(a) @ jnp.diag(MASK) > -1, a[::-1], 0.0),
    "not a number": lambda a: jnp.where(jnp.isnan(MASK * jnp.log(a)), 0.0, a[::-1]),
    "branch": lambda a: lax.cond((MASK * jnp.log(a))[0] < 1, lambda: a, lambda: jnp.zeros(3)),
    "index": lambda a: a[(1 + jnp.nan_to_num(MASK * jnp.log(a))).astype(int)],
    "inside of a loop": lambda a: lax.map(lambda x: jnp.where(0.0 * jnp.log(x) * MASK > -1, a, 0.0), a[:1])[0],
}
SAFE = {
    "a minus a": (lambda a: a - a, floats(2)),
    "while": (lambda a: lax.while_loop(lambda v: v.sum() < 1, lambda v: v + 1, a), floats(3)),
    "fourier": (lambda a: jnp.fft.rfft(a).real, floats(4)),
    "solve": (lambda a: jnp.linalg.solve(LOWER, a), floats(3)),
    "set by a value": (lambda a, b, i: a.at[i].set(b), floats(3), floats(), numbers()),
    "slice by a value": (lambda a, i: lax.dynamic_slice(a, (i, 1), (1, 2)), floats(3, 3), numbers()),
    "update by a value": (lambda a, b, i: lax.dynamic_update_slice(a, b, (i,)), floats(4), floats(1), numbers()),
    "triangular solve": (lambda a: solve_triangular(ONES, a, lower=False), floats(3, 2)),
    "lower triangle solved": (lambda a: solve_triangular(LOWER, a, lower=True), floats(3)),
    "callback": (lambda a: jax.pure_callback(np.sort, jax.ShapeDtypeStruct((3,), np.float32), a), floats(3)),
    "associative scan": (lambda a: lax.associative_scan(jnp.add, a), floats(5)),
    "top": (lambda a: lax.top_k(a, 2)[0], floats(3)),
    "rows by a value of rows": (lambda a, i: a[i], floats(3, 2), numbers(2)),
}


@pytest.mark.parametrize("name", EXACT)
def test_followed_operations_need_what_was_seen_to_matter(name):
    function, *arrays = EXACT[name]
    assert needed(function, *arrays) == moved(function, *arrays)


@pytest.mark.parametrize("name", SAFE)
def test_coarser_rules_miss_nothing(name):
    function, *arrays = SAFE[name]
    if name == "callback":  # cannot be vectorized: all of them matter
        assert needed(function, *arrays) == [{0, 1, 2}] * 3
        return
    assert all(seen <= stated for seen, stated in zip(moved(function, *arrays), needed(function, *arrays), strict=True))


@pytest.mark.parametrize("name", DECIDED)
def test_no_branch_is_decided_by_what_may_not_be_finite(name):
    seen, stated = moved(DECIDED[name], floats(3)), needed(DECIDED[name], floats(3))
    assert any(seen)
    assert all(small <= large for small, large in zip(seen, stated, strict=True))


def test_references_are_refused():
    def function(a):
        reference = jax.new_ref(jnp.zeros(2))
        reference[...] = a
        return reference[...]

    with pytest.raises(ProgramError, match=r"changes references in place .* Use arrays and \.at"):
        needed(function, floats(2))


def test_a_rule_that_does_not_fit_gives_way_to_the_coarsest(monkeypatch):
    function, *arrays = EXACT["shapes"]
    monkeypatch.setitem(RULES, "rev", lambda table, equation, operands: [operands[0].sets[:1]])
    assert needed(function, *arrays) == [set(range(6))] * 6
    monkeypatch.setitem(RULES, "rev", lambda table, equation, operands: equation.params["no such parameter"])
    assert needed(function, *arrays) == [set(range(6))] * 6


def test_columns_are_solved_for_apart():
    function, *arrays = SAFE["triangular solve"]
    assert needed(function, *arrays) == [{0, 2, 4}, {1, 3, 5}] * 3


def test_a_slice_that_a_value_places_keeps_the_other_axes_apart():
    function, *arrays = SAFE["slice by a value"]
    assert needed(function, *arrays) == [{1, 4, 7, 9}, {2, 5, 8, 9}]
