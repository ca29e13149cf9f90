"""Calibration over sizes: ranks of one instance of each latent a simulation, all together and by size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key, split_key
from retrodict.encode.lifted.cells import Cells
from retrodict.encode.lifted.lifted_drawing import Stage, draw_latents
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder
from retrodict.exact.lifted.find_lifted import LiftedForms
from retrodict.pictures.table import Table, Tabular
from retrodict.posterior.calibration.uniformity import chi_square, holm, kolmogorov_smirnov
from retrodict.posterior.lifted.exact_factors import draw_for_cells
from retrodict.train.compiled import Programs
from retrodict.train.lifted.template_simulations import TemplateSimulator

RANKS = Programs(most=8)
# Instances that are drawn together, over all simulations and draws of a block.
MOST_TOGETHER = 1 << 19
SIZES = ("all", "small", "large")


class LiftedQuestion(NamedTuple):
    """What draws latents: an encoder stage by stage, then closed forms."""

    encoder: LiftedEncoder
    stages: tuple[Stage, ...]
    forms: LiftedForms


class LiftedCheck(NamedTuple):
    """The test of one latent at some sizes: ``p_value`` is adjusted for the number of tests."""

    name: str
    sizes: str
    simulations: int
    p_value: float
    passed: bool


@dataclass(frozen=True, eq=False, repr=False)
class LiftedCalibration(Tabular):
    """Whether ranks are uniform, for each latent over all sizes, and over the smaller and the larger half of them.

    Arguments:
        checks: the outcome of each test.
        alpha: the probability that an exact posterior is rejected in any of them.
    """

    checks: tuple[LiftedCheck, ...]
    alpha: float

    def __bool__(self) -> bool:
        return not self.rejected

    def __repr__(self) -> str:
        verdict = f"rejected {', '.join(self.rejected)}" if self.rejected else "passed"
        return f"LiftedCalibration({len(self.checks)} tests, {verdict})"

    @property
    def rejected(self) -> tuple[str, ...]:
        """The latents that were rejected."""
        return tuple(dict.fromkeys(check.name for check in self.checks if not check.passed))

    @property
    def table(self) -> Table:
        """The tests, a row each."""
        rows = [(c.name, c.sizes, str(c.simulations), f"{c.p_value:.3g}", str(c.passed)) for c in self.checks]
        return Table(("latent", "sizes", "simulations", "p", "passed"), rows, repr(self))


def calibrate_lifted(
    asked: LiftedQuestion,
    simulator: TemplateSimulator,
    simulations: int,
    draws: int,
    seed: int,
    alpha: float,
) -> LiftedCalibration:
    """Return the outcome of the tests of what draws latents."""
    total = sum(int(np.prod(marks.shape)) for marks in simulator.space.present.values())
    block = max(1, min(simulations, MOST_TOGETHER // (total * draws)))
    key, parts = make_key(seed), []
    for number in range(-(-simulations // block)):
        own = fold_key(key, number)
        parts.append(_find_ranks(asked, own, simulator, block, draws))
    found = jax.tree.map(lambda *blocks: np.concatenate([np.asarray(b) for b in blocks])[:simulations], *parts)
    tests = [test for name, (ranks, sizes) in found.items() for test in _list_tests(name, ranks, sizes)]
    adjusted = holm(np.array([p for *_, p in tests]))
    checks = [
        LiftedCheck(name, sizes, count, float(p), bool(p > alpha))
        for (name, sizes, count, _), p in zip(tests, adjusted.tolist(), strict=True)
    ]
    return LiftedCalibration(tuple(checks), alpha)


def _list_tests(name: str, ranks: Any, sizes: Any) -> list[tuple[str, str, int, float]]:
    """Return the p-value of each group of simulations, the smaller of two tests twice over."""
    middle = np.median(sizes)
    groups = {"all": sizes > 0}
    if len(np.unique(sizes[sizes > 0])) > 1:
        groups |= {"small": (sizes > 0) & (sizes <= middle), "large": sizes > middle}
    found = []
    for label, chosen in groups.items():
        uniform = np.asarray(ranks[chosen], np.float64)[:, None]
        if len(uniform) >= 50:
            p = min(1.0, 2 * min(float(chi_square(uniform, 10)[0]), float(kolmogorov_smirnov(uniform)[0])))
            found.append((name, label, len(uniform), p))
    return found


def _find_ranks(
    asked: LiftedQuestion, key: jax.Array, simulator: TemplateSimulator, simulations: int, draws: int
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Return for each latent the rank, between 0 and 1, of one instance, and how many instances there are."""
    simulate, sample, choose, exact = split_key(key, 4)
    truth = RANKS.run(_simulate, simulator, simulate, simulations)
    drawn = {}
    if asked.encoder.plans:
        drawn = RANKS.run(_draw_encoded, asked.encoder, sample, truth, draws, asked.stages)
    if asked.forms:
        drawn |= draw_for_cells(asked.forms, simulator.space, _repeat_rows(truth, draws), drawn, exact)
    ranks: dict[str, tuple[jax.Array, jax.Array]] = RANKS.run(_rank, choose, truth, drawn, draws)
    return ranks


def _simulate(simulator: TemplateSimulator, key: jax.Array, simulations: int) -> Cells:
    return simulator(key, simulations)


def _draw_encoded(
    encoder: LiftedEncoder, key: jax.Array, truth: Cells, draws: int, stages: tuple[Stage, ...]
) -> dict[str, jax.Array]:
    return draw_latents(encoder, key, _repeat_rows(truth, draws), stages)


def _rank(
    choose: jax.Array, truth: Cells, drawn: dict[str, jax.Array], draws: int
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Return the rank of one instance of each latent among draws, chosen at random."""
    simulations = len(next(iter(truth.exists.values())))
    found = {}
    for number, (name, codes) in enumerate(drawn.items()):
        pick, tie = jax.random.split(jax.random.fold_in(choose, number))
        columns = codes.shape[-1]
        whole = jnp.broadcast_to(truth.exists[name][..., None], truth.codes[name].shape).reshape(simulations, -1)
        place = jnp.argmax(jnp.where(whole, jax.random.uniform(pick, whole.shape), -1.0), axis=1)
        own = jnp.take_along_axis(truth.codes[name].reshape(simulations, -1), place[:, None], axis=1)
        others = codes.reshape(draws, simulations, -1)
        others = jnp.take_along_axis(others, jnp.broadcast_to(place[None, :, None], (draws, simulations, 1)), axis=2)
        below, same = (others < own).sum(axis=0)[:, 0], (others == own).sum(axis=0)[:, 0]
        rank = below + jnp.floor(jax.random.uniform(tie, below.shape) * (same + 1))
        spread = jax.random.uniform(jax.random.fold_in(tie, 1), below.shape)
        found[name] = (rank + spread) / (draws + 1), whole.sum(axis=1) // columns
    return found


def _repeat_rows(cells: Cells, draws: int) -> Cells:
    return jax.tree.map(lambda array: jnp.tile(array, (draws, *(1 for _ in array.shape[1:]))), cells)
