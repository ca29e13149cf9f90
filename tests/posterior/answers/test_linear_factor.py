"""A wide proposal mixed in bounds the weights of what a linear one misses."""

import numpy as np
from scipy.integrate import trapezoid
from scipy.stats import norm

from retrodict.posterior.answers.linear_factor import DefendedProposal, LinearProposal
from retrodict.posterior.weights.pareto import Doubles, smooth

SCALE = 0.25


def make_funnel_proposal(size: int) -> LinearProposal:
    """Return the proposal with the moments of a funnel: a logarithm of a scale, and codes of that scale."""
    variance = np.array([SCALE**2, *[np.exp(2 * SCALE**2)] * (size - 1)])
    alone = np.zeros((size, size), bool)
    return LinearProposal.fit(np.zeros(size), np.diag(variance), np.inf, alone, np.arange(size))


def score_funnel(codes: Doubles) -> Doubles:
    scales = np.exp(codes[:, :1])
    return np.asarray(norm.logpdf(codes[:, 0], scale=SCALE) + norm.logpdf(codes[:, 1:], scale=scales).sum(axis=1))


def test_its_density_is_that_of_its_draws():
    proposal = DefendedProposal(make_funnel_proposal(1))
    grid = np.linspace(-100, 100, 400_001)
    density = np.exp(proposal.score(grid[:, None]))
    assert abs(trapezoid(density, grid) - 1) < 1e-5
    draws, log_density = proposal.draw(np.random.default_rng(0), 100_000)
    np.testing.assert_array_equal(log_density, proposal.score(draws))
    for end in (-0.5, 0.1, 1.0):
        share = trapezoid(density[grid <= end], grid[grid <= end])
        assert abs(np.mean(draws <= end) - share) < 4 * np.sqrt(share * (1 - share) / len(draws)) + 1e-3


def test_the_largest_weights_of_a_funnel_are_halved():
    """The linear proposal has few draws in the mouth of a funnel; the wide one has more there."""
    plain = make_funnel_proposal(4)
    for seed in range(3):
        khat, largest = {}, {}
        for name, proposal in (("plain", plain), ("defended", DefendedProposal(plain))):
            codes, log_density = proposal.draw(np.random.default_rng(seed), 16_384)
            log_weights = score_funnel(codes) - log_density
            khat[name] = smooth(log_weights).khat
            largest[name] = np.exp(log_weights.max()) / np.exp(log_weights).mean()
        assert khat["defended"] < khat["plain"]
        assert largest["defended"] < 0.5 * largest["plain"]
