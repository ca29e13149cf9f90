"""Effective numbers of draws: independent ones count in full, and chains that stay in a tail are seen."""

import numpy as np

from retrodict.posterior.answers.draw_tails import find_ess

CHAINS, N = 4, 2000


def test_independent_draws_count_in_full():
    draws = np.random.default_rng(0).normal(size=(CHAINS, N, 2))
    assert find_ess(draws) > 0.7 * CHAINS * N


def test_draws_that_do_not_vary_say_nothing_against_others():
    draws = np.random.default_rng(0).normal(size=(CHAINS, N, 2))
    draws[..., 1] = 3.0
    assert find_ess(draws) > 0.7 * CHAINS * N
    assert find_ess(draws[..., 1:]) == CHAINS * N


def test_a_tail_that_is_visited_in_a_few_long_stays_is_seen():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(CHAINS, N, 1))
    # One draw in twenty lies in the tail, as it should, but all of these come one after the other.
    order = np.argsort(draws[..., 0], axis=1)
    top = order[:, -N // 20 :]
    for chain, places in enumerate(top):
        values = draws[chain, places, 0].copy()
        start = int(rng.integers(0, N - len(places)))
        rest = np.delete(draws[chain, :, 0], places)
        draws[chain, :, 0] = np.concatenate([rest[:start], values, rest[start:]])
    assert find_ess(draws) < 0.1 * CHAINS * N
