"""NumPyro's NUTS on the codes of one observation, standardized by what was refined before."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer import NUTS

from retrodict.posterior.answers.draw_tails import find_ess, find_rhat
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.weights.pareto import Doubles

CHAINS, WARMUP, ROUND, MOST_ROUNDS = 4, 500, 500, 40
# Transitions between two looks at the clock.
PIECE = 50
# Up to so many codes the mass matrix is dense.
MOST_DENSE = 150
# The most doublings of a trajectory: while chains adapt, long ones from poor scales teach little, and after.
MOST_DOUBLINGS = 7, 10
# The share of steps that are to be accepted; chains that diverge are adapted again, to the shorter steps of the second.
ACCEPTANCES = 0.9, 0.98
# Rounds after which it is seen whether they diverge, and whether they have met.
SEEN = 2
# Chains with a larger R-hat by then are far from each other.
FAR_RHAT = 1.1
# What chains are to reach.
MOST_RHAT, LEAST_ESS, MOST_DIVERGENT = 1.01, 1000.0, 0.001
# Where half of the time is left, they go on to so many: standard deviations of skewed latents take more draws.
GOOD_ESS = 2500.0


class ChainTarget(Protocol):
    """A density of codes that JAX can differentiate."""

    @property
    def size(self) -> int:
        """The number of codes."""

    def score_one(self, codes: jax.Array) -> jax.Array:
        """Return the log density of one row of codes, in nats."""


@dataclass(frozen=True, eq=False)
class Chains:
    """Draws of codes, ``(chains, draws, codes)``, and what tells how far they can be relied on."""

    codes: Doubles
    rhat: float
    ess: float
    divergent: float
    adapted: bool = True

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why they cannot be relied on, a sentence each; none if they can.

        >>> Chains(np.zeros((4, 10, 1)), 1.2, 2000.0, 0.0).reasons
        ('R-hat is 1.200, above 1.01.',)
        """
        found = [] if self.adapted else ["The seconds were over before the chains had adapted."]
        if not self.rhat <= MOST_RHAT:
            found.append(f"R-hat is {self.rhat:.3f}, above {MOST_RHAT}.")
        if not self.ess >= LEAST_ESS:
            found.append(f"{self.ess:,.0f} draws are effective, fewer than {LEAST_ESS:,.0f}.")
        if self.divergent > MOST_DIVERGENT:
            found.append(f"{self.divergent:.1%} of the transitions diverge, more than {MOST_DIVERGENT:.1%}.")
        return tuple(found)


def run_chains(
    target: ChainTarget,
    proposal: LinearProposal,
    codes: Doubles,
    n: int,
    seed: int,
    deadline: float,
    *,
    patient: bool = True,
) -> Chains:
    """Return chains from some of these codes, continued until they can be relied on and hold n draws, or time is up.

    The clock is seen every ``PIECE`` transitions, while chains adapt, too. Those that are not patient end where they
    diverge, or are far from each other, for something else to be tried.
    """
    center, mixing = _numbers_of(proposal.center), _numbers_of(proposal.mixing)

    def lose(point: jax.Array) -> jax.Array:
        return -target.score_one(center + mixing @ point)

    points = (_choose_starts(codes, seed) - proposal.center) @ proposal.whitening.T
    found: list[Chains] = []
    for number, acceptance in enumerate(ACCEPTANCES):
        kernel = NUTS(
            potential_fn=lose,
            dense_mass=target.size <= MOST_DENSE,
            target_accept_prob=acceptance,
            max_tree_depth=MOST_DOUBLINGS,
            inverse_mass_matrix=None,
        )
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), CHAINS)
        walk = _Walk(kernel, kernel.init(keys, WARMUP, _numbers_of(points)))
        is_last = patient and number == len(ACCEPTANCES) - 1
        found.append(_walk_on(walk, proposal, n, deadline, patient=is_last))
        if found[-1].divergent <= MOST_DIVERGENT or monotonic() > deadline:
            break
        last = found[-1].codes[:, -1]
        points = (last - proposal.center) @ proposal.whitening.T if np.isfinite(last).all() else points
    return min(found[::-1], key=lambda chains: len(chains.reasons))


def _walk_on(walk: _Walk, proposal: LinearProposal, n: int, deadline: float, *, patient: bool) -> Chains:
    """Return chains that have adapted and walked until they can be relied on, or time is up.

    Where they diverge or are far from each other, those that are not patient end after ``SEEN`` rounds.
    """
    halfway = (monotonic() + deadline) / 2
    adapted = walk.take(WARMUP, deadline)[2]
    parts: list[Doubles] = []
    divergent: list[float] = []
    for _ in range(MOST_ROUNDS):
        drawn, diverged, complete = walk.take(ROUND, deadline)
        parts.append(proposal.center + drawn @ proposal.mixing.T)
        divergent.append(diverged)
        # Early rounds of chains that had not arrived count no more.
        chains = _judge(parts, divergent, adapted)
        late = _judge(parts[len(parts) // 2 :], divergent[len(divergent) // 2 :], adapted)
        best = late if len(chains.reasons) > len(late.reasons) else chains
        enough = not best.reasons and best.codes.shape[0] * best.codes.shape[1] >= n
        enough = enough and (best.ess >= GOOD_ESS or monotonic() > halfway)
        poor = best.divergent > MOST_DIVERGENT or not best.rhat <= FAR_RHAT
        if not complete or enough or (not patient and len(parts) >= SEEN and poor):
            break
    return best


class _Walk:
    """Chains that are moved on by a few transitions at a time, so that the clock is seen in between."""

    def __init__(self, kernel: NUTS, state: Any) -> None:
        self._state = state
        self._step = jax.jit(lambda state: jax.lax.scan(lambda old, _: _move(kernel, old), state, length=PIECE))

    def take(self, n: int, deadline: float) -> tuple[Doubles, float, bool]:
        """Return ``(chains, draws, codes)``, the share that diverged, and whether there was time for all of them.

        There is a piece of them in any case.
        """
        parts: list[Doubles] = []
        diverged = []
        while len(parts) * PIECE < n and (not parts or monotonic() < deadline):
            self._state, (points, divergent) = self._step(self._state)
            parts.append(np.asarray(points, np.float64).swapaxes(0, 1))
            diverged.append(np.asarray(divergent).mean())
        return np.concatenate(parts, axis=1), float(np.mean(diverged)), len(parts) * PIECE >= n


def _move(kernel: NUTS, state: Any) -> tuple[Any, tuple[jax.Array, jax.Array]]:
    after = kernel.sample(state, (), {})
    return after, (after.z, after.diverging)


def _judge(parts: list[Doubles], divergent: list[float], adapted: bool) -> Chains:
    codes = np.concatenate(parts, axis=1)
    if not np.isfinite(codes).all():
        return Chains(codes, np.inf, 0.0, float(np.mean(divergent)), adapted)
    return Chains(codes, find_rhat(codes), find_ess(codes), float(np.mean(divergent)), adapted)


def _numbers_of(array: Doubles) -> jax.Array:
    """Return an array in the precision that JAX has."""
    return jnp.asarray(array, float)


def _choose_starts(codes: Doubles, seed: int) -> Doubles:
    return codes[np.random.default_rng(seed).choice(len(codes), CHAINS, replace=len(codes) < CHAINS)]
