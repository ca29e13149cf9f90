"""Effective numbers of draws, in the tails too, and standard deviations that rest on few of them."""

import numpy as np

from retrodict.posterior.answers.draw_tails import find_ess, note_tails

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


def test_latents_with_heavy_tails_are_named():
    rng = np.random.default_rng(2)
    light = {"normal": rng.normal(size=(4000, 300)), "exponential": rng.exponential(size=4000)}
    assert not note_tails(light, 4000)
    scales = 1 / np.sqrt(rng.gamma(1.0, size=(4000, 3)))  # a tail of shape 1/2: no variance
    (note,) = note_tails(light | {"scales": scales, "worse": rng.standard_cauchy(4000)}, 4000)
    assert "'worse' and of 1 more" in note


def test_few_draws_and_whole_numbers_have_no_tail():
    rng = np.random.default_rng(3)
    assert not note_tails({"few": rng.standard_cauchy(200), "counts": rng.geometric(0.5, size=4000)}, 200)


def test_a_tail_that_few_effective_draws_reach_is_named():
    draws = {"x": np.exp(0.65 * np.random.default_rng(4).normal(size=4000))}
    assert not note_tails(draws, 4000)
    (note,) = note_tails(draws, 500)
    assert "standard error" in note


def test_draws_that_are_no_numbers_are_passed_over():
    rng = np.random.default_rng(5)
    draws = rng.normal(size=(4000, 3))
    draws[0] = np.inf, np.nan, 1e200
    assert not note_tails({"x": draws}, 4000)
