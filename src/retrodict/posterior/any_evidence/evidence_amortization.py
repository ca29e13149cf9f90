"""`amortize` with evidence: simulate once for units and regressions, then train one network for all sets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet
from retrodict.models.black_box import BlackBox
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.model import Model
from retrodict.plan.capacity import Capacity
from retrodict.plan.counts import read_count
from retrodict.plan.layout import Floats
from retrodict.posterior.any_evidence.evidence_posterior import EvidencePosterior
from retrodict.posterior.any_evidence.fitted_conditionals import can_fit, fit_conditionals
from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns, describe, require_inferable
from retrodict.posterior.any_evidence.gated.evidence_sets import POOL, EvidencePool
from retrodict.posterior.any_evidence.gated.evidence_supply import (
    EvidenceSupply,
    FreshEvidence,
    StoredEvidence,
    look_at,
)
from retrodict.posterior.any_evidence.gated.evidence_training import EvidencePlan, train_for_evidence
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork
from retrodict.posterior.any_evidence.gated.slot_plans import InputMoments, plan_slots
from retrodict.posterior.tables.runs import Runs
from retrodict.train.compiled import TRAINING

WIDTH, COMPONENTS = 64, 5
# Of fewer runs the conditionals of a structure are learned first: on a tree of seven variables 1,000 runs then do much
# better, 10,000 no better.
FEW = 5000
# The share of a limit of time in which conditionals of a structure are learned.
FITTING = 0.4
# Simulations of which means and regressions are taken, and multiplications for these.
DRAWS, MOST_PRODUCTS = 1 << 16, 1 << 33
# Variables in all random sets of evidence together.
MOST_PLACES, FEWEST_SETS = 1 << 18, 256


def amortize_evidence(
    model: Model,
    evidence: Any,
    plan: EvidencePlan,
    seed: int,
    *,
    runs: Runs | None = None,
    widths: Sequence[int] | Capacity | None = None,
    exact: bool = True,
    quiet: bool = False,
) -> EvidencePosterior:
    """Return the posterior of a model for any of these sets of evidence, from fresh or stored runs; see `amortize`.

    Raises: `OptionError` for widths and evidence that are none, and for variables that no conditional can draw.
    """
    if exact and isinstance(model, LinearGaussian):
        return _state_exactly(model, evidence, seed)
    width, lesson = read_width(widths), choose_lesson(model, runs, plan, seed)
    columns = EvidenceColumns.of(model, lesson.simulated)
    pool = EvidencePool.of(model, evidence, seed, size_pool(len(model.net)))
    require_inferable(columns, pool.inferred)
    moments = InputMoments.of(columns.show(columns.encode(jnp.asarray(lesson.simulated))))
    plans = plan_slots(columns, moments, pool.known, pool.inferred)
    network = GatedNetwork(columns, choose_components(model))
    history: list[float] = []
    report = partial(_report, history, plan.steps, quiet)
    weights = network.initialize(width, seed)
    weights = train_for_evidence(lesson.supply, network, weights, plans, lesson.plan, seed, report, lesson.judges)
    return EvidencePosterior(model, network, weights, moments, pool, tuple(history), runs)


class Lesson(NamedTuple):
    """Where simulations come from, and who judges, for how long; ``simulated`` are looked at before."""

    supply: EvidenceSupply
    judges: EvidenceSupply | None
    plan: EvidencePlan
    simulated: Floats


def choose_lesson(model: Model, runs: Runs | None, plan: EvidencePlan, seed: int) -> Lesson:
    """Return what is learned from: a model, stored runs, or for a structure the conditionals that runs teach."""
    most, key = count_draws(model.net), fold_key(make_key(seed), 1)
    if runs is None:
        return Lesson(FreshEvidence(model), None, plan, np.asarray(TRAINING.run(model.draw, key, most)))
    looked = look_at(runs, most, seed)
    few = len(runs) < FEW and plan.steps > 0
    if few and isinstance(model, BlackBox) and can_fit(EvidenceColumns.of(model, looked)):
        first, then = plan.split(FITTING)
        fitted = fit_conditionals(model, runs, looked, first, choose_components(model), seed)
        return Lesson(fitted, None, then, np.asarray(fitted.simulate(key, most)))
    return Lesson(StoredEvidence.of(runs), StoredEvidence.of_held_out(runs), plan, looked)


def _state_exactly(model: LinearGaussian, evidence: Any, seed: int) -> EvidencePosterior:
    """Return the posterior whose regressions are those of the model itself, so that nothing is left to learn."""
    spread = np.sqrt(np.diag(model.covariance))
    columns = EvidenceColumns(model.net, model.mean.astype(np.float32), spread.astype(np.float32))
    scale = columns.spread.astype(np.float64)
    mean = (model.mean - columns.mean.astype(np.float64)) / scale
    moments = InputMoments(mean, model.covariance / np.outer(scale, scale), 0.0)
    network = GatedNetwork(columns)
    pool = EvidencePool.of(model, evidence, seed, size_pool(len(model.net)))
    return EvidencePosterior(model, network, network.initialize(1, seed), moments, pool, ())


def read_width(widths: Sequence[int] | Capacity | None) -> int:
    """Return the width of both hidden layers; raise `OptionError` for layers of different widths."""
    if widths is None:
        return WIDTH
    listed = None if isinstance(widths, Capacity) else [read_count("widths", width) for width in widths]
    if not listed or len(set(listed)) > 1:
        raise OptionError("widths= of a posterior for any evidence is one width of both layers", remedy="Say (64,).")
    return listed[0]


def choose_components(model: Model) -> int:
    """Return how many normal densities make up the conditional of a number: one where it is known to be normal."""
    return 1 if isinstance(model, LinearGaussian | DiscreteNetwork) else COMPONENTS


def count_draws(net: BayesNet) -> int:
    """Return how many simulations are looked at: the covariance of their inputs costs the square of these."""
    inputs = sum((variable.categories or 1) * variable.size for variable in describe(net))
    return max(4096, min(DRAWS, MOST_PRODUCTS // inputs**2))


def size_pool(n: int) -> int:
    """Return how many random sets of evidence have plans that fit into memory."""
    return max(FEWEST_SETS, min(POOL, MOST_PLACES // n))


def _report(history: list[float], steps: int, quiet: bool, step: int, value: float) -> None:
    history.append(value)
    if not quiet and len(history) % 10 == 0:
        print(f"step {step:,} of {steps:,}: {value:.4f} nats")
