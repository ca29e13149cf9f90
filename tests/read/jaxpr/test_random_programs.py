"""Random programs, followed, against probing them at random points, where some of their steps are not finite."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.walk import follow
from tests.read.jaxpr.random_programs import find_changes, make_program, probe
from tests.read.jaxpr.random_steps import SIZE, STEPS

QUICK, ALL, PIECES = 24, 2_000, 20


@pytest.fixture(autouse=True)
def forgotten_programs():
    """What was compiled is never used again."""
    yield
    jax.clear_caches()


def read(function):
    """What each element of the result is stated to need, as a matrix of (element, input), and the result followed."""
    table = SetTable()
    program = jax.make_jaxpr(function)(np.zeros(SIZE, np.float32))
    [result] = follow(program, [table.singletons(range(SIZE))], table)
    stated = np.zeros((result.sets.size, SIZE), dtype=bool)
    for row, members in zip(stated, table.members(result.sets), strict=True):
        row[members] = True
    return stated, result


def check(seed):
    """Compare a program with its probes.

    What is found is looked at once more, step by step: XLA compiles some programs wrongly as a whole:
    a scatter of differences overwrites in place what the differences are computed from.
    """
    names, function = make_program(seed)
    stated, result = read(function)
    points, results, seen = probe(function, seed)
    for base, i in np.argwhere((seen & ~stated.T).any(axis=2)):
        left, right = (np.ravel(function(jnp.asarray(points[base, k]))) for k in (i, SIZE))
        assert not (find_changes(left, right) & ~stated[:, i]).any(), (seed, names, int(i))
    constants = result.known.ravel()
    told = result.value.ravel()[constants]
    for base, k in np.argwhere(~is_close(results[..., constants], told).all(axis=2)):
        again = np.ravel(function(jnp.asarray(points[base, k])))[constants]
        assert is_close(again, told).all(), (seed, names, again, told)


def is_close(left, right):
    return np.isclose(left, right, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_a_missing_edge_would_be_seen():
    """The probes find nearly every edge of programs without flat parts."""
    points, _, seen = probe(lambda v: v[::-1] + 0.1 * v, 0)
    assert points.shape[:2] == (*seen.shape[:1], SIZE + 1)
    assert seen.any(0).T.tolist() == [[i in (k, SIZE - 1 - k) for i in range(SIZE)] for k in range(SIZE)]


@pytest.mark.parametrize("piece", range(4))
def test_random_programs_lack_nothing(piece):
    for seed in range(piece, QUICK, 4):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(PIECES))
def test_two_thousand_random_programs_lack_nothing(piece):
    for seed in range(piece, ALL, PIECES):
        check(seed)


def test_every_step_is_among_the_two_thousand():
    assert {name for seed in range(ALL) for name in make_program(seed)[0]} == set(STEPS)
