"""Calibration over sets of evidence: ranks of what is not known among draws, all together and by how much is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.graph.rows import Mask
from retrodict.pictures.table import Table, Tabular
from retrodict.plan.layout import Floats
from retrodict.posterior.any_evidence.evidence_drawing import EvidenceDrawer, EvidenceTask
from retrodict.posterior.any_evidence.gated.evidence_sets import EvidencePool
from retrodict.posterior.any_evidence.gated.slot_plans import SlotPlan, plan_slots
from retrodict.posterior.calibration.uniformity import chi_square, holm, kolmogorov_smirnov
from retrodict.train.compiled import Programs

RANKS = Programs(most=8)
# The simulations of one program, and the fewest of which ranks are tested.
BLOCK, LEAST = 100, 50


class EvidenceCheck(NamedTuple):
    """The test of one variable where so much was known; ``p_value`` is adjusted for the number of tests."""

    name: str
    known: str
    simulations: int
    p_value: float
    passed: bool


@dataclass(frozen=True, eq=False, repr=False)
class EvidenceCalibration(Tabular):
    """Whether ranks are uniform, for each variable over all sets of evidence, and over small and large ones.

    Arguments:
        checks: the outcome of each test.
        alpha: the probability that an exact posterior is rejected in any of them.
    """

    checks: tuple[EvidenceCheck, ...]
    alpha: float

    def __bool__(self) -> bool:
        return not self.rejected

    def __repr__(self) -> str:
        verdict = f"rejected {', '.join(self.rejected)}" if self.rejected else "passed"
        return f"EvidenceCalibration({len(self.checks)} tests, {verdict})"

    @property
    def rejected(self) -> tuple[str, ...]:
        """The variables that were rejected."""
        return tuple(dict.fromkeys(check.name for check in self.checks if not check.passed))

    @property
    def table(self) -> Table:
        """The tests, a row each."""
        rows = [(c.name, c.known, str(c.simulations), f"{c.p_value:.3g}", str(c.passed)) for c in self.checks]
        return Table(("variable", "known", "simulations", "p", "passed"), rows, repr(self))


def calibrate_evidence(
    drawer: EvidenceDrawer, pool: EvidencePool, stored: Floats | int, draws: int, seed: int, alpha: float
) -> EvidenceCalibration:
    """Return the outcome of the tests with sets of evidence of a pool, over so many or over stored simulations."""
    rng, key = np.random.default_rng([seed, 29]), make_key(seed)
    simulations = stored if isinstance(stored, int) else len(stored)
    chosen = rng.integers(0, len(pool), -(-simulations // BLOCK) * BLOCK)
    plans = plan_slots(drawer.network.columns, drawer.moments, pool.known[chosen], pool.inferred[chosen])
    ranks = []
    for number in range(len(chosen) // BLOCK):
        part = slice(number * BLOCK, (number + 1) * BLOCK)
        truths = (
            np.asarray(drawer.model.draw(fold_key(key, 2 * number), BLOCK))
            if isinstance(stored, int)
            else stored[np.arange(part.start, part.stop) % simulations]
        )
        tasks = _prepare(pool, chosen[part], truths, SlotPlan(*(table[part] for table in plans)))
        found = RANKS.run(_find_ranks, drawer.weights, drawer, tasks, truths, fold_key(key, 2 * number + 1), draws)
        below, same = (np.asarray(counts) for counts in found)
        ranks.append((below + rng.integers(0, same, endpoint=True) + rng.random(below.shape)) / (draws + 1))
    sizes = pool.known.sum(axis=1)[chosen][:simulations]
    tests = _list_tests(drawer, np.concatenate(ranks)[:simulations], ~pool.known[chosen][:simulations], sizes)
    adjusted = holm(np.array([p for *_, p in tests]))
    return EvidenceCalibration(
        tuple(
            EvidenceCheck(name, known, count, float(p), bool(p > alpha))
            for (name, known, count, _), p in zip(tests, adjusted.tolist(), strict=True)
        ),
        alpha,
    )


def _prepare(pool: EvidencePool, chosen: Any, truths: Any, plan: SlotPlan) -> EvidenceTask:
    """Return the tasks of simulations, one behind another along a leading axis."""
    redrawn = pool.redrawn[chosen]
    return jax.tree.map(jnp.asarray, EvidenceTask(truths, pool.known[chosen], plan, redrawn, ~redrawn))


def _find_ranks(
    weights: Any, drawer: EvidenceDrawer, tasks: EvidenceTask, truths: jax.Array, key: jax.Array, draws: int
) -> tuple[jax.Array, jax.Array]:
    """Return how many draws lie below each true number, and how many equal it."""

    def rank_one(now: Any) -> tuple[jax.Array, jax.Array]:
        task, truth, own = now
        drawn = drawer.draw_rows(weights, task, own, draws, False, False).columns
        return (drawn < truth).sum(axis=0), (drawn == truth).sum(axis=0)

    return jax.lax.map(rank_one, (tasks, truths, jax.random.split(key, BLOCK)))


def _list_tests(drawer: EvidenceDrawer, ranks: Any, unknown: Mask, sizes: Any) -> list[tuple[str, str, int, float]]:
    """Return the p-value of each group of simulations in which a variable is unknown, the smaller of two twice over."""
    layout, middle = drawer.model.layout, np.median(sizes)
    groups = {"any": sizes >= 0, "few": sizes <= middle, "many": sizes > middle}
    tests = []
    for column, name in enumerate(layout.owners):
        at = column - int(layout.start[drawer.model.net.index(name)])
        label = f"{name}[{at}]" if layout.sizes[drawer.model.net.index(name)] > 1 else str(name)
        for known, members in groups.items():
            own = ranks[members & unknown[:, drawer.model.net.index(name)], column][:, None]
            if len(own) >= LEAST:
                p = min(1.0, 2 * min(float(chi_square(own, 10)[0]), float(kolmogorov_smirnov(own)[0])))
                tests.append((label, known, len(own), p))
    return tests
