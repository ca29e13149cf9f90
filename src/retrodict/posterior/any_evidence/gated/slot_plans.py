r"""What is drawn for a set of evidence, of what, and where it starts: lists of slots with their inputs.

Networks start at regressions: of one mean and one covariance of all inputs follow those on whatever a set of evidence
makes parents. Of a linear-Gaussian network they are the exact conditionals.

Source: Koller & Friedman, theorem 7.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrodict.graph.frozen import Portable
from retrodict.graph.rows import Integers, Mask
from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns
from retrodict.posterior.any_evidence.gated.evidence_sets import find_parents, list_drawn

Doubles = NDArray[np.float64]
# Numbers in systems of equations that are solved together.
TOGETHER = 1 << 22
LEAST_VARIANCE = 1e-8


@dataclass(frozen=True, eq=False)
class InputMoments(Portable):
    """Mean and covariance of the inputs; ``ridge`` is added to variances, where simulations are finitely many."""

    mean: Doubles
    covariance: Doubles
    ridge: float

    @classmethod
    def of(cls, inputs: Any) -> InputMoments:
        """Return the moments of simulated inputs, rows that are not finite left out."""
        rows = np.asarray(inputs, np.float32)
        usable = rows[np.isfinite(rows).all(axis=1)]
        mean = usable.mean(axis=0, dtype=np.float64)
        away = usable - mean.astype(np.float32)
        covariance = (away.T @ away).astype(np.float64) / (len(usable) - 1)
        return cls(mean, covariance, 1.0 / len(usable))


class SlotPlan(NamedTuple):
    """Slots in the order in which they are drawn, padded with slots that are not ``active``; sets along a first axis.

    ``inputs`` are those of the parents and a bit for each parent, where ``seen``; ``slopes``, ``offset`` and ``spread``
    are the regression of the slot's own inputs on them.
    """

    slots: Any
    active: Any
    inputs: Any
    seen: Any
    slopes: Any
    offset: Any
    spread: Any


class SlotItem(NamedTuple):
    """A slot of a set of evidence, at its place, with the slots that it depends on."""

    row: int
    place: int
    slot: int
    parents: Integers


def plan_slots(
    columns: EvidenceColumns, moments: InputMoments, known: Mask, inferred: Mask, *, rounded: bool = False
) -> SlotPlan:
    """Return the plans of sets of evidence, of which ``known`` and ``inferred`` mark variables, a row for each set.

    ``rounded`` makes sizes 8, 32, 128 and so on, so that few programs serve all of them.
    """
    items = [item for row in range(len(known)) for item in _list_items(columns, row, known[row], inferred[row])]
    fan = np.maximum(columns.cards, 1) + 1
    longest = max((item.place + 1 for item in items), default=1)
    widest = max((int(fan[item.parents].sum()) for item in items), default=1)
    if rounded:
        longest, widest = _round_up(longest), _round_up(widest)
    most = columns.own.shape[1]
    plan = SlotPlan(
        np.zeros((len(known), longest), np.int32),
        np.zeros((len(known), longest), bool),
        np.zeros((len(known), longest, widest), np.int32),
        np.zeros((len(known), longest, widest), bool),
        np.zeros((len(known), longest, most, widest), np.float32),
        np.zeros((len(known), longest, most), np.float32),
        np.ones((len(known), longest), np.float32),
    )
    for item in items:
        plan.slots[item.row, item.place], plan.active[item.row, item.place] = item.slot, True
    for alike in _group(columns, items):
        _fill(plan, columns, moments, alike)
    return plan


def _round_up(size: int) -> int:
    """Return the next of 8, 32, 128 and so on.

    >>> _round_up(3), _round_up(9), _round_up(33)
    (8, 32, 128)
    """
    return next(8 * 4**k for k in range(16) if size <= 8 * 4**k)


def _list_items(columns: EvidenceColumns, row: int, known: Mask, inferred: Mask) -> Iterator[SlotItem]:
    """Yield the slots that are inferred: each depends on those of the parents, and on earlier ones of its variable."""
    parents = find_parents(columns.net, known)
    place = 0
    for v in (v for v in list_drawn(columns.net, known) if inferred[v]):
        above = np.flatnonzero(parents[v][columns.variable])
        own = np.flatnonzero(columns.variable == v)
        for number, slot in enumerate(own.tolist()):
            yield SlotItem(row, place, slot, np.concatenate([above, own[:number]]))
            place += 1


def _group(columns: EvidenceColumns, items: Sequence[SlotItem]) -> Iterator[list[SlotItem]]:
    """Yield items that have as many inputs and as many outcomes, not too many together."""
    sizes = np.maximum(columns.cards, 1)
    groups: dict[tuple[int, int, int], list[SlotItem]] = {}
    for item in items:
        key = int(sizes[item.parents].sum()), len(item.parents), int(sizes[item.slot])
        groups.setdefault(key, []).append(item)
    for (n_inputs, _, _), group in groups.items():
        together = max(1, TOGETHER // max(1, n_inputs**2))
        for start in range(0, len(group), together):
            yield group[start : start + together]


def _fill(plan: SlotPlan, columns: EvidenceColumns, moments: InputMoments, items: list[SlotItem]) -> None:
    """Write inputs and regressions of items of one size."""
    rows, places = np.array([i.row for i in items]), np.array([i.place for i in items])
    inputs = np.stack([columns.list_inputs(item.parents) for item in items])
    bits = len(columns.owner) + np.stack([item.parents for item in items]).astype(np.int64)
    own = columns.own[[item.slot for item in items]]
    size, width = inputs.shape[1], inputs.shape[1] + bits.shape[1]
    plan.inputs[rows, places, :width] = np.concatenate([inputs, bits], axis=1)
    plan.seen[rows, places, :width] = True
    within = moments.covariance[inputs[:, :, None], inputs[:, None, :]] + moments.ridge * np.eye(size)
    across = moments.covariance[inputs[:, :, None], own[:, None, :]]
    slopes = np.linalg.solve(within, across).transpose(0, 2, 1) if size else across.transpose(0, 2, 1)
    plan.slopes[rows, places, :, :size] = slopes
    plan.offset[rows, places] = moments.mean[own] - np.einsum("iko,io->ik", slopes, moments.mean[inputs])
    left = moments.covariance[own[:, 0], own[:, 0]] - np.einsum("io,io->i", slopes[:, 0], across[:, :, 0])
    plan.spread[rows, places] = np.sqrt(np.maximum(left, LEAST_VARIANCE))
