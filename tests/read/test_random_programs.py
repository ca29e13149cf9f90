"""Random programs, followed, against probing them at random points, where some of their steps are not finite."""

import jax
import numpy as np
import pytest

from retrodict.read.numpyro_sets import SetTable
from retrodict.read.numpyro_walk import follow
from tests.read.random_programs import SIZE, STEPS, find_changes, make_program, probe

# The list of all steps, each alone and after a step that is not finite everywhere, is gone through by `make test`.
QUICK, ALL, PIECES = 48, 2_000, 8


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
    """Compare a program with its probes; what one compilation for many points calls a change must be one alone, too."""
    names, function = make_program(seed)
    stated, result = read(function)
    points, results, seen = probe(function, seed)
    alone = jax.jit(function)
    missing = []
    for base, i, element in np.argwhere(seen & ~stated.T):
        left, right = (np.asarray(alone(points[base, k])).ravel()[element] for k in (i, SIZE))
        if find_changes(left, right):
            missing.append((int(element), int(i)))
    assert not missing, (seed, names, missing)
    constants = result.known.ravel()
    if constants.any():
        told = np.broadcast_to(result.value.ravel()[constants], results[..., constants].shape)
        np.testing.assert_allclose(results[..., constants], told, rtol=1e-4, atol=1e-5, err_msg=f"{seed}: {names}")


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
