"""One entry to all elimination orders, and the choice among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from retrodict.errors import OptionError, OrderError
from retrodict.graph.ancestry import find_barren
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.elimination import eliminate
from retrodict.graph.inverse import Inverse
from retrodict.graph.moral import moralise
from retrodict.graph.names import Name, require_list
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Rows
from retrodict.invert.comi import order_by_fill, order_naturally

Order = Callable[[BayesNet, Rows, Integers], list[int]]

ORDERS: dict[str, Order] = {
    "forward": lambda net, neighbours, latents: order_naturally(net, neighbours, latents, "forward"),
    "reverse": lambda net, neighbours, latents: order_naturally(net, neighbours, latents, "reverse"),
    "min-fill": order_by_fill,
}

# What to minimise first, and what decides between equals.
OBJECTIVES: dict[str, Callable[[Inverse], tuple[int, ...]]] = {
    "edges": lambda inverse: (inverse.n_edges, inverse.depth, inverse.width),
    "depth": lambda inverse: (inverse.depth, inverse.n_edges, inverse.width),
    "width": lambda inverse: (inverse.width, inverse.n_edges, inverse.depth),
}


def invert(
    net_or_model: BayesNet | HasStructure, order: str | Sequence[Name] = "auto", minimize: str = "edges"
) -> Inverse:
    r"""Return an inverse of a model: a faithful and minimal factorisation of its posterior.

    Barren latents are set aside; the others are eliminated from the moral graph in the given order, and the
    parents of each are its neighbours at that moment, :math:`\mathrm{Pa}(z_i) = N_J(z_i)`.

    ``order`` is ``"forward"`` or ``"reverse"`` (CoMI), ``"min-fill"``, ``"auto"`` (the best of these by
    ``minimize``: ``"edges"``, ``"depth"`` or ``"width"``), or a sequence of all latents, eliminated in this
    order (barren ones first, wherever they stand in it).

    Raises `OrderError` for an order that does not exist or is no permutation of the latents, `OptionError`
    for an unknown ``minimize``.

    Source: Webb et al. 2017, sections 1 and 3; figure 1 is the tree of this example.

    >>> tree = {"x0": [], "x1": ["x0"], "x2": ["x0"], "x3": ["x1"], "x4": ["x1"], "x5": ["x2"], "x6": ["x2"]}
    >>> net = BayesNet(tree, observed=["x3", "x4", "x5", "x6"])
    >>> invert(net, order="forward").n_edges
    9
    >>> invert(net, order=["x1", "x2", "x0"]).parents["x0"]
    ('x3', 'x4', 'x5', 'x6')
    """
    net = structure_of(net_or_model)
    if minimize not in OBJECTIVES:
        raise OptionError(f"minimize={minimize!r} is unknown", remedy=f"Choose one of {', '.join(OBJECTIVES)}.")
    barren = find_barren(net)
    neighbours = moralise(net, keep=~barren)
    latents = np.flatnonzero(~net.is_observed & ~barren)
    if not isinstance(order, str):
        return _follow(net, neighbours, _read_order(net, order), "explicit")
    candidates = list(ORDERS) if order == "auto" else [order]
    if order != "auto" and order not in ORDERS:
        raise OrderError(
            f"the order {order!r} does not exist",
            remedy=f"Choose auto, {', '.join(ORDERS)}, or give the latents in the order of their elimination.",
        )
    return min(
        (_follow(net, neighbours, ORDERS[name](net, neighbours, latents), name) for name in candidates),
        key=OBJECTIVES[minimize],
    )


def _read_order(net: BayesNet, order: Iterable[Name]) -> list[int]:
    """Return the latents of an explicit order that are not barren, or raise `OrderError`."""
    listed = require_list(order, "order")
    counts = Counter(listed)
    wrong = {
        "not latents of the model": [name for name in counts if name not in net.latent_names],
        "given twice": [name for name, count in counts.items() if count > 1],
        "left out": [name for name in net.latents if name not in counts],
    }
    for what, names in wrong.items():
        if names:
            raise OrderError(
                f"the elimination order must name every latent once; {what}",
                names,
                remedy=f"Give a permutation of the {len(net.latents)} latents.",
            )
    barren = find_barren(net)
    return [net.position[name] for name in listed if not barren[net.position[name]]]


def _follow(net: BayesNet, neighbours: Rows, order: Iterable[int], strategy: str) -> Inverse:
    """Eliminate in a given order and add the barren latents, each with its generative parents."""
    eliminated = np.fromiter(order, dtype=np.int64)
    result = eliminate(net, neighbours, eliminated)
    places, n = net.place[eliminated], len(net.latents)
    forest = np.full(n, -1, dtype=np.int64)
    inner = result.forest >= 0
    forest[places[inner]] = places[result.forest[inner]]
    is_generative = np.ones(n, dtype=bool)
    is_generative[places] = False
    barren = np.flatnonzero(is_generative)
    sets = result.sets.renumber(places, n).replace(barren, _generative_sets(net, net.latent_index[barren]))
    return Inverse(net, strategy, sets, np.concatenate([barren[::-1], places]), is_generative, forest)


def _generative_sets(net: BayesNet, variables: Integers) -> ParentSets:
    """Return the model's own parents of these variables."""
    rows = [net.parent_rows[v] for v in variables.tolist()]
    return ParentSets.from_lists(
        [net.place[row[~net.is_observed[row]]].tolist() for row in rows],
        [net.place[row[net.is_observed[row]]].tolist() for row in rows],
    )
