"""Gaussian conditionals along an eliminated inverse: the sparse Cholesky factorization, now with numbers.

The joint density is exp(-x'Px/2 + h'x) with a precision P as sparse as the moral graph. Eliminating a latent
v reads its conditional off its row of P,

    E[v | rest] = (h_v - P_vr x_r) / P_vv,    var = 1 / P_vv,

and leaves the density of the rest with P_ab - P_av P_vb / P_vv and h_a - P_av h_v / P_vv. The rows stay
within the parents that the inverse has, so nothing dense is ever formed; pairs of observed variables never
enter a row and are skipped.

Sources: Koller & Friedman, section 14.2 (canonical forms); Davis, Direct Methods for Sparse Linear Systems, ch. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrodict.graph.inverse import Inverse
from retrodict.graph.rows import Integers, Rows
from retrodict.models.gaussian.equations import Equations
from retrodict.models.gaussian.gaussian_factors import GaussianFactors
from retrodict.plan.layout import Floats


def eliminate_numerically(model: Equations, inverse: Inverse) -> GaussianFactors:
    """Return the exact posterior along an inverse that was made by elimination.

    The work is the sum over latents of latent parents times all parents.
    """
    inverse.require_size()
    net = model.net
    rows = Rows.from_lists([inverse.parent_index(latent).tolist() for latent in range(len(net.latents))])
    system = _assemble(model, inverse, rows)
    for latent in inverse.elimination.tolist():
        if not inverse.is_generative[latent]:
            system.eliminate(latent)
    weights = -system.entries / np.repeat(system.diagonal, rows.lengths)
    bias, variance = system.potential / system.diagonal, 1 / system.diagonal
    for latent in np.flatnonzero(inverse.is_generative).tolist():
        variable = int(net.latent_index[latent])
        weights[rows.pointer[latent] : rows.pointer[latent + 1]] = model.edge_weights(variable)
        bias[latent], variance[latent] = model.bias[variable], model.variance[variable]
    return GaussianFactors(inverse, rows, weights, bias, variance)


@dataclass
class _System:
    """Precision and potential of the latents not yet eliminated.

    The entry of a pair stands in the row of the one that is eliminated first; ``step`` says when: observed
    variables never are, so theirs is later than any.
    """

    inverse: Inverse
    rows: Rows
    step: Integers
    entries: Floats
    diagonal: Floats
    potential: Floats

    def add(self, first: int, others: Integers, amounts: Floats) -> None:
        """Add to the entries of pairs of one variable with others that are eliminated later."""
        latent = int(self.inverse.net.place[first])
        start = self.rows.pointer[latent]
        self.entries[start + np.searchsorted(self.rows[latent], others)] += amounts

    def eliminate(self, latent: int) -> None:
        """Pass what a latent knows on to its latent parents."""
        net = self.inverse.net
        parents = self.rows[latent]
        row = self.entries[self.rows.pointer[latent] : self.rows.pointer[latent + 1]]
        scaled = row / self.diagonal[latent]
        steps = self.step[parents]
        for at in np.flatnonzero(~net.is_observed[parents]).tolist():
            parent = int(parents[at])
            place = net.place[parent]
            self.diagonal[place] -= row[at] * scaled[at]
            self.potential[place] -= scaled[at] * self.potential[latent]
            later = steps > steps[at]
            self.add(parent, parents[later], -scaled[at] * row[later])


def _assemble(model: Equations, inverse: Inverse, rows: Rows) -> _System:
    """Sum the precision over families: each adds (e - w)(e - w)' / s. Barren latents integrate to one."""
    net, n = model.net, len(net_latents := inverse.net.latent_index)
    step = np.full(len(net), n)
    step[net_latents[inverse.elimination]] = np.arange(n)
    system = _System(inverse, rows, step, np.zeros(len(rows.index)), np.ones(n), np.zeros(n))
    barren = np.zeros(len(net), dtype=bool)
    barren[net_latents] = inverse.is_generative
    system.diagonal[~inverse.is_generative] = 0.0
    for variable in np.flatnonzero(~barren).tolist():
        _add_family(model, system, variable)
    return system


def _add_family(model: Equations, system: _System, variable: int) -> None:
    net, step = model.net, system.step
    members = np.append(net.parent_rows[variable], variable)
    signs = np.append(-model.edge_weights(variable), 1.0)
    scaled = signs / model.variance[variable]
    for at, member in enumerate(members.tolist()):
        if not net.is_observed[member]:
            place = net.place[member]
            system.diagonal[place] += signs[at] * scaled[at]
            system.potential[place] += scaled[at] * model.bias[variable]
            later = step[members] > step[member]
            system.add(member, members[later], scaled[at] * signs[later])
