"""Logistic regression on several categories, by a few Newton steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from retrodict.encode.start.ridge import Cases

# Newton steps at most; the penalized likelihood of a step counts as converged within so many nats a draw.
STEPS, CLOSE = 12, 1e-7
# How often a step is halved that gains nothing.
HALVINGS = 10
# The weight of the squares of slopes: what bounds them where categories are told apart without error.
RIDGE = 0.05
# The Hessian of so many numbers is formed; of more, its bound (Boehning 1992) in its place, which needs more steps.
MOST_NUMBERS, BOUND_STEPS = 400, 60

Numbers = Float[np.ndarray, "..."]


def fit_logistic(cases: Cases, column: int, categories: int) -> Numbers:
    """Return the logits of the categories as affine maps of the parents, ``(1 + parents, categories)``.

    The first row has the intercepts; the last category has the logit zero. ``column`` counts among those of the cases.

    Sources: Boehning 1992; McCullagh & Nelder 1989, section 5.2.
    """
    problem = _Likelihood.of(cases, column, categories)
    logits = np.zeros((len(problem.inputs), categories - 1))
    if categories > 1:
        logits = _climb(problem, logits, CLOSE * cases.draws.effective)
    return np.hstack([logits, np.zeros((len(logits), 1))])


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """The penalized likelihood of logits, and its derivatives.

    ``inputs`` are a row of ones, then the parents; ``chosen`` marks the draws of each category but the last.
    """

    inputs: Numbers
    chosen: Numbers
    weights: Numbers
    penalty: Numbers

    @classmethod
    def of(cls, cases: Cases, column: int, categories: int) -> _Likelihood:
        parents = cases.inputs
        inputs = np.vstack([np.ones(parents.shape[1]), parents])
        chosen = (cases.values[column] == np.arange(categories - 1)[:, None]).astype(np.float64)
        penalty = np.full(len(inputs), RIDGE)
        penalty[0] = RIDGE / 100  # an intercept is hardly held back
        return cls(inputs, chosen, cases.draws.weights, penalty)

    def score(self, logits: Numbers) -> tuple[float, Numbers]:
        """Return the value in nats, and the probabilities of all categories but the last, a row each."""
        linear = logits.T @ self.inputs
        top = np.maximum(linear.max(axis=0), 0.0)
        powers = np.exp(linear - top)
        total = powers.sum(axis=0) + np.exp(-top)
        likelihood = ((self.chosen * linear).sum(axis=0) - top - np.log(total)) @ self.weights
        return float(likelihood - 0.5 * (self.penalty[:, None] * logits**2).sum()), powers / total

    def slope(self, logits: Numbers, probabilities: Numbers) -> Numbers:
        """Return the gradient."""
        return ((self.chosen - probabilities) * self.weights @ self.inputs.T).T - self.penalty[:, None] * logits

    def solve(self, probabilities: Numbers, slope: Numbers) -> Numbers:
        """Return the Newton step."""
        count, others = len(self.inputs), len(probabilities)
        hessian = np.empty((others, count, others, count))
        for a in range(others):
            for b in range(a + 1):
                curvature = self.weights * probabilities[a] * ((a == b) - probabilities[b])
                hessian[a, :, b, :] = hessian[b, :, a, :] = self.inputs * curvature @ self.inputs.T
        whole = hessian.reshape(others * count, others * count)
        whole += np.diag(np.tile(self.penalty, others))
        return np.linalg.solve(whole, slope.T.ravel()).reshape(others, count).T

    @cached_property
    def bound(self) -> tuple[Numbers, Numbers]:
        """The inverse of the bound of the Hessian: its factor between parents, and that between categories."""
        others = len(self.chosen)
        between = np.linalg.inv(self.inputs * self.weights @ self.inputs.T + 2 * np.diag(self.penalty))
        return between, 2 * (np.eye(others) + 1.0)


def _climb(problem: _Likelihood, logits: Numbers, close: float) -> Numbers:
    """Return the logits at which steps gain less than ``close`` nats; a step is halved until it gains anything."""
    exact = logits.size <= MOST_NUMBERS
    value, probabilities = problem.score(logits)
    for _ in range(STEPS if exact else BOUND_STEPS):
        slope = problem.slope(logits, probabilities)
        step = problem.solve(probabilities, slope) if exact else problem.bound[0] @ slope @ problem.bound[1]
        for _ in range(HALVINGS):
            found, probabilities = problem.score(logits + step)
            if found >= value:
                break
            step = step / 2
        else:
            return logits
        logits, value, gained = logits + step, found, found - value
        if gained < close:
            break
    return logits
