"""Supports whose ends are computed by the program, from other variables or number by number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask, Rows, drop_repeats, sort_edges
from retrodict.plan.supports import ENDED


def is_moving(variable: Variable) -> bool:
    """Whether only the program knows where the values of a variable end.

    >>> is_moving(Variable("u", support="interval")), is_moving(Variable("u", support="interval", bounds=(0.0, 1.0)))
    (True, False)
    """
    return variable.support in ENDED and variable.bounds is None


def mark_moving(net: BayesNet) -> Mask:
    """Mark the latents whose supports move, among all variables."""
    described = [net.variable(name) for name in net.names] if net.described else []
    moving = np.array([is_moving(variable) for variable in described] or np.zeros(len(net)), dtype=bool)
    return moving & ~net.is_observed


def widen(net: BayesNet) -> BayesNet:
    r"""Return the structure of the same model on the codes of its latents.

    A latent u with a moving support is the value of its code c and of what its ends depend on,
    :math:`u = f(c, b)`, and so its children depend on b as well as on c. A structure with these edges added holds for
    values, too: it states fewer independences.

    >>> ends = Variable("u", support="interval", bounded_by=("b",))
    >>> net = BayesNet({"b": [], "u": ["b"], "x": ["u"]}, ["x"], variables=[ends])
    >>> widen(net).parents("x")
    ('b', 'u')
    """
    moving = np.flatnonzero(mark_moving(net)).tolist()
    if not moving:
        return net
    needs = _find_needs(net, moving)
    rows = net.parent_rows
    added = [(child, need) for u, needed in needs.items() for child in net.child_rows[u].tolist() for need in needed]
    added += [(u, need) for u, needed in needs.items() for need in needed]
    children, parents = np.array(added, dtype=np.int64).reshape(-1, 2).T
    edges = sort_edges(np.concatenate([rows.sources, children]), np.concatenate([rows.index, parents]))
    return net.replacing(parent_rows=Rows.from_edges(*drop_repeats(*edges), len(net)))


def _find_needs(net: BayesNet, moving: list[int]) -> Mapping[int, set[int]]:
    """Return for each moving latent all that its value depends on beside its code; parents come first."""
    needs: dict[int, set[int]] = {}
    for u in moving:
        own = {net.index(name) for name in net.variable(net.names[u]).bounded_by}
        needs[u] = own.union(*(needs.get(need, set()) for need in own))
    return needs


def list_ends(net: BayesNet) -> set[Name]:
    """Return the variables at which the supports of others end, observed ones included."""
    return {name for variable in net.described.values() for name in variable.bounded_by}
