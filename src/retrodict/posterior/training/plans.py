"""How `amortize` trains where it is not told: steps, minibatches, rates and pace."""

from __future__ import annotations

from typing import Any, NamedTuple

from retrodict.encode.families.conditionals import Conditional
from retrodict.plan.counts import read_count, read_rate
from retrodict.posterior.any_evidence.gated.evidence_training import EvidencePlan
from retrodict.train.loop import Plan
from retrodict.train.optimizers import choose_paced
from retrodict.train.pace import Pace

STEPS, BATCH, LEARNING_RATE = 10_000, 256, 5e-3
# The part of a budget in which the rate falls: the last, or all of it where patience outlasts it.
COOLING, WHOLE = Pace().cooling, 1.0
# Mixtures: at the usual rate truncated ones may stay where one component stands for two, and others stop too early,
# where the budget allows so many steps: within fewer, the usual rate gains more. So it does of more than so many
# codes, whose training ends by the clock: chains from an encoder of a hundred were stuck at the lower rate.
MIXTURE_RATE, LONG, FEW = 2e-3, 5000, 40
# For any evidence.
EVIDENCE_RATE = 3e-3
# Of templates, each of whose simulations holds many instances. Its first steps may lose the start before they gain.
TEMPLATE_BATCH, TEMPLATE_RATE, TEMPLATE_PACE = 64, 2e-3, Pace(first=600, stretch=0.6)


class Plans(NamedTuple):
    """Two plans of training, None where no step is to be taken: the usual one, and that of mixtures."""

    usual: Plan | None
    mixture: Plan | None

    @classmethod
    def of(
        cls, steps: int, seconds: float | None, batch: int | None, learning_rate: float | None, patience: int | None
    ) -> Plans:
        """Read what `amortize` was told; without a rate, each plan has its own."""
        rates = (choose(learning_rate, own) for own in (LEARNING_RATE, MIXTURE_RATE))
        return cls(*(plan_training(steps, seconds, choose(batch, BATCH), rate, patience) for rate in rates))

    def suit(self, conditional: str | Conditional, codes: int) -> Plan | None:
        """Return the plan for a family of conditionals of so many codes."""
        family = conditional.partition(":")[0] if isinstance(conditional, str) else ""
        long = self.mixture is not None and self.mixture.steps >= LONG
        return self.mixture if family == "truncated" or (family == "mixture" and long and codes <= FEW) else self.usual


def plan_evidence(steps: int, seconds: float | None, batch: int | None, rate: float | None) -> EvidencePlan:
    """Return the plan of training for any evidence."""
    return EvidencePlan(
        read_count("steps", steps, 0),
        read_count("batch", choose(batch, BATCH)),
        read_rate(choose(rate, EVIDENCE_RATE)),
        None if seconds is None else read_rate(seconds, "seconds"),
    )


def choose(told: Any, default: float) -> Any:
    """Return what was told, or the default where nothing was."""
    return default if told is None else told


def plan_training(
    steps: int,
    seconds: float | None,
    batch: int,
    learning_rate: float,
    patience: int | None,
    usual: Pace | None = None,
) -> Plan | None:
    """Return the plan of training, None where no step is to be taken."""
    steps, batch, rate = read_count("steps", steps, 0), read_count("batch", batch), read_rate(learning_rate)
    waits = 0 if patience is None else read_count("patience", patience)
    if patience is None:
        pace = usual or Pace()
    else:
        pace = Pace(waits, waits, further=0.0, cooling=WHOLE if waits >= steps else COOLING)
    limit = None if seconds is None else read_rate(seconds, "seconds")
    return Plan(steps, batch, seconds=limit, pace=pace, optimizer=choose_paced(rate)) if steps else None
