"""What becomes of each variable when a part of a model is asked for, given another.

A latent that informs nothing given is *barren*: drawn last, from the model's own conditional. That takes all of its
parents, and each of its descendants to be barren, too, or of no concern. With a hidden variable above it, a latent that
informs nothing given is *downstream* instead: its conditional is not the model's, and which families of the model
concern a latent depends on what is drawn before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Mask


@dataclass(frozen=True, eq=False)
class Roles:
    """Which variables are ``asked`` for and ordered, ``barren``, ``downstream`` (some of those asked), ``hidden``.

    Hidden variables that concern nothing given or asked have no role, nor have those that are given.

    >>> net = BayesNet({"h": [], "a": ["h"], "b": ["a"], "x": ["h"]}, observed=["x"])
    >>> roles = Roles.of(net.observing(["x"], of=["a", "b"]))
    >>> [net.to_names(np.flatnonzero(mask)) for mask in (roles.asked, roles.barren, roles.downstream, roles.hidden)]
    [('a',), ('b',), ('a',), ('h',)]
    """

    asked: Mask
    barren: Mask
    downstream: Mask
    hidden: Mask
    kept: Mask

    @classmethod
    def of(cls, net: BayesNet) -> Roles:
        """Return the roles that the observed, latent and hidden variables of a structure give to each."""
        informed = find_ancestors(net, net.is_observed)
        if not net.is_hidden.any():
            nothing = np.zeros(len(net), dtype=bool)
            return cls(~net.is_observed & informed, ~informed, nothing, nothing, informed)
        concerned = find_ancestors(net, ~net.is_hidden)
        barren = _find_barren(net, informed, concerned)
        kept = concerned & ~barren
        asked = kept & ~net.is_observed & ~net.is_hidden
        return cls(asked, barren, asked & ~informed, net.is_hidden & kept, kept)


def _find_barren(net: BayesNet, informed: Mask, concerned: Mask) -> Mask:
    barren = ~informed & ~net.is_hidden
    barren[net.parent_rows.sources[net.is_hidden[net.parent_rows.index]]] = False
    found, children, matters = barren.tolist(), net.child_rows.lists, concerned.tolist()
    for v in np.flatnonzero(barren)[::-1].tolist():  # children have larger numbers: theirs are final
        found[v] = all(found[child] or not matters[child] for child in children[v])
    return np.array(found, dtype=bool)
