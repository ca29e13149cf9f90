r"""Which families of a model take part when a latent is drawn.

A family is a variable with its parents, a clique of the moral graph. When the latent :math:`v_t` is drawn, known are
:math:`K_t = x \cup \{v_1, \ldots, v_{t-1}\}`, and Lauritzen's criterion asks for the moral graph of
:math:`\mathrm{An}(K_t \cup v_t)`: of the families of this set and no others. A variable with an observed descendant
is always in it; a barren one from the time on when the first of its descendants, or itself, is drawn.

Two kinds of barren latents can be spared this reckoning.

* With at most one parent: counted from the start, such a latent hangs on its parent and leads nowhere else until
  something below it is drawn, so it adds to no boundary before its time.
* Drawn before its children and after all its parents (*settled*): while it is drawn all of its family is known but
  itself, later all is. Its family links nothing; it only gives the latent its parents.

Every other start of a family begins a new phase, in which components are found anew. An inverse that draws barren
latents last and parents first, as `invert` makes them, has one phase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Integers, Mask


@dataclass(frozen=True, eq=False)
class Families:
    """The families of a model, each with its members and the time from which it takes part.

    ``child`` and ``member`` pair every family, named by its child, with each of its members. ``step`` numbers
    latents backwards in time: 0 is drawn last, ``n`` stands for every observed variable. ``last_drawn`` is the
    step of the member drawn last. ``since`` is the time, counted from 1, from which a family takes part (0: always).
    Hidden variables are never drawn: they stand for the first ``hidden`` steps, so that they are unknown to all others.
    """

    child: Integers
    member: Integers
    step: Integers
    last_drawn: Integers
    since: Integers
    settled: Mask
    order: Integers
    hidden: int

    @classmethod
    def of(cls, net: BayesNet, elimination: Integers) -> Families:
        """Collect the families of a model whose latents are drawn in the reverse of this order.

        >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"], "x": ["a"]}, observed=["x"])
        >>> families = Families.of(net, np.array([1, 2, 0]))  # a is drawn first, then c, then b
        >>> families.since.tolist(), families.starts
        ([0, 0, 2, 0], [1, 2])
        """
        hidden = np.flatnonzero(net.is_hidden)
        order = np.concatenate([hidden, net.latent_index[elimination]])
        n = len(order)
        step = np.full(len(net), n, dtype=np.int64)
        step[order] = np.arange(n)
        rows, everyone = net.parent_rows, np.arange(len(net))
        last_drawn = step.copy()
        np.minimum.at(last_drawn, rows.sources, step[rows.index])
        first = _find_first_draw(net, n - step)
        crowded = (first > 0) & (rows.lengths > 1)
        settled = crowded & (first == n - step) & (last_drawn == step)
        return cls(
            child=np.concatenate([everyone, rows.sources]),
            member=np.concatenate([everyone, rows.index]),
            step=step,
            last_drawn=last_drawn,
            since=np.where(crowded & ~settled, first, 0),
            settled=settled,
            order=order,
            hidden=len(hidden),
        )

    @property
    def n(self) -> int:
        """Number of steps, those of hidden variables included."""
        return len(self.order)

    @property
    def starts(self) -> list[int]:
        """The times at which phases begin; the last latent is drawn at the time ``n - hidden``."""
        starts = np.unique(np.maximum(self.since, 1))
        return starts[starts <= self.n - self.hidden].tolist()


def _find_first_draw(net: BayesNet, time: Integers) -> Integers:
    """Return when the first of the descendants of each variable, or itself, is drawn: 0 if one is observed."""
    informed = find_ancestors(net, net.is_observed)
    first = np.where(informed, 0, time)
    for variable in np.flatnonzero(~informed)[::-1].tolist():  # children have larger numbers: theirs are final
        for child in net.child_rows[variable].tolist():
            first[variable] = min(first[variable], first[child])
    return first
