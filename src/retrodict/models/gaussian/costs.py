"""What an edge of an inverse is worth: the nats that an encoder loses without it.

Dropping parents of a latent widens its conditional and leaves the others alone, so costs of different latents add
up. Within one latent they do not: two parents that say the same are each worth nothing while the other is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

import numpy as np

from retrodict.certificate.certify import Edge
from retrodict.errors import OptionError
from retrodict.graph.inverse import Inverse, Sparsified
from retrodict.graph.names import Name
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Rows
from retrodict.graph.scenes import count
from retrodict.invert import invert
from retrodict.models.gaussian.equations import Equations
from retrodict.pictures.table import Table, Tabular
from retrodict.plan.layout import Floats


@dataclass(frozen=True, repr=False)
class EdgeCosts(Tabular):
    """The price in nats of dropping each edge by itself, and of dropping all parents of a latent.

    ``str`` is a table of edges, the dearest first.
    """

    inverse: Inverse
    edges: dict[Edge, float]
    parent_sets: dict[Name, float]

    def __repr__(self) -> str:
        if not self.edges:
            return "EdgeCosts(no edges)"
        (parent, child), nats = max(self.edges.items(), key=lambda item: item[1])
        return f"EdgeCosts({count('edge', len(self.edges))}, the dearest {parent} -> {child}: {nats:.3g} nats)"

    @property
    def table(self) -> Table:
        """The edges and their prices, the dearest first."""
        listed = sorted(self.edges.items(), key=lambda item: -item[1])
        return Table(("edge", "nats"), [(f"{e.parent} -> {e.child}", f"{nats:.4f}") for e, nats in listed])


def edge_costs(model: Equations | Inverse, inverse: Inverse | None = None) -> EdgeCosts:
    r"""Return what each edge of an inverse is worth in a linear-Gaussian network, exactly.

    Without the edge from :math:`u` to :math:`z`, the KL from the posterior to the best encoder of that structure
    grows by the conditional mutual information :math:`I(z; u \mid \mathrm{rest}) = -\tfrac12 \log(1 - \rho^2)`,
    with :math:`\rho` the partial correlation given the other parents; without any parent of :math:`z`, by
    :math:`I(z; \mathrm{Pa}(z))`.

    Arguments:
        model: a linear-Gaussian model, or the inverse of one, which keeps its model.
        inverse: an inverse of the model, if the model is given.

    Returns: an `EdgeCosts`: the price of each edge and of the whole parent set of each latent, in nats.

    Raises: `OptionError` for a model that is not linear-Gaussian or an inverse of another model.

    Source: Cover & Thomas, Elements of Information Theory, section 8.5; Whittaker 1990, section 5.8.

    >>> from retrodict import invert, zoo
    >>> model = zoo.hmm(steps=2)
    >>> costs = edge_costs(model, invert(model, order=["z0", "z1"]))
    >>> {f"{edge.parent} -> {edge.child}": round(nats, 3) for edge, nats in costs.edges.items()}
    {'x0 -> z0': 0.22, 'z1 -> z0': 0.17, 'x0 -> z1': 0.049, 'x1 -> z1': 0.439}
    >>> print(edge_costs(invert(model, order=["z0", "z1"])))
    edge        nats
    x1 -> z1  0.4388
    x0 -> z0  0.2199
    z1 -> z0  0.1700
    x0 -> z1  0.0488
    """
    equations, given = _find_both(model, inverse)
    names, latents = equations.net.names, equations.net.latent_index.tolist()
    edges, parent_sets = {}, {}
    for (parents, precision), child in zip(_list_precisions(equations, given), latents, strict=True):
        singles = _price_each(precision)
        edges.update({Edge(names[p], names[child]): float(c) for p, c in zip(parents.tolist(), singles, strict=True)})
        alone = np.linalg.inv(precision)[0, 0]
        parent_sets[names[child]] = float(0.5 * np.log(alone * precision[0, 0]))
    return EdgeCosts(given, edges, parent_sets)


def sparsify(model: Equations, inverse: Inverse, max_nats: float) -> Sparsified:
    """Drop edges, the cheapest next one first, while the price of all together stays within ``max_nats``.

    Each latent gives up its parents from the least to the most informative, each priced given those that are
    left; conditionals of barren latents are the model's own and stay. Greedy: the price is exact, the choice
    need not be the best.
    """
    require_gaussian(model, inverse)
    if not 0 <= max_nats < float("inf"):
        raise OptionError(f"max_nats={max_nats} is out of range", remedy="Give a number of nats, 0 or more.")
    plans = [
        iter(()) if generative else _give_up(parents, precision)
        for (parents, precision), generative in zip(
            _list_precisions(model, inverse), inverse.is_generative.tolist(), strict=True
        )
    ]
    dropped, paid = _buy(plans, max_nats)
    return Sparsified(_without(inverse, dropped), paid)


def _find_both(model: object, inverse: Inverse | None) -> tuple[Equations, Inverse]:
    """Return the model and the inverse, where the inverse alone may have been given."""
    if inverse is None and isinstance(model, Inverse):
        return _find_both(model.model, model)
    if model is None or inverse is None:
        raise OptionError(
            f"costs of edges need a model and its inverse, and the {'model' if inverse else 'inverse'} is not given",
            remedy="Call edge_costs(model, inverse), or edge_costs(invert(model)), whose inverse knows its model.",
        )
    return require_gaussian(model, inverse), inverse


def require_gaussian(model: object, inverse: Inverse) -> Equations:
    """Return the model; raise `OptionError` unless it is linear-Gaussian and the inverse is one of its structure."""
    if not isinstance(model, Equations):
        raise OptionError(
            f"costs of edges have a closed form for linear-Gaussian networks, not for a {type(model).__name__}",
            remedy="Give a LinearGaussian model of the same structure.",
        )
    invert(model, inverse)  # refuses an inverse of another model
    return model


def _list_precisions(model: Equations, inverse: Inverse) -> Iterator[tuple[Integers, Floats]]:
    """Yield for each latent its parents and the precision of the latent and its parents, the latent first."""
    inverse.require_size()
    covariance = model.covariance
    for latent, variable in enumerate(model.net.latent_index.tolist()):
        parents = inverse.parent_index(latent)
        family = np.concatenate([[variable], parents])
        yield parents, np.linalg.inv(covariance[np.ix_(family, family)])


def _price_each(precision: Floats) -> Floats:
    """Return the price of dropping each parent by itself: minus half the log of one minus rho squared."""
    correlation = precision[0, 1:] ** 2 / (precision[0, 0] * np.diag(precision)[1:])
    return np.asarray(-0.5 * np.log1p(-correlation))


def _give_up(parents: Integers, precision: Floats) -> Iterator[tuple[float, int]]:
    """Yield the price and the number of one parent after the other, the cheapest first, given those still there."""
    left = list(parents.tolist())
    while left:
        prices = _price_each(precision)
        cheapest = int(prices.argmin())
        yield float(prices[cheapest]), left.pop(cheapest)
        at = cheapest + 1
        precision = precision - np.outer(precision[:, at], precision[at]) / precision[at, at]
        precision = np.delete(np.delete(precision, at, axis=0), at, axis=1)


def _buy(plans: list[Iterator[tuple[float, int]]], budget: float) -> tuple[list[set[int]], float]:
    """Take the cheapest next offer of all latents while the budget lasts; return what each gives up and the sum."""
    dropped: list[set[int]] = [set() for _ in plans]
    paid = 0.0
    offers = [(*offer, latent) for latent, plan in enumerate(plans) for offer in [next(plan, None)] if offer]
    heapify(offers)
    while offers and paid + offers[0][0] <= budget:
        price, parent, latent = heappop(offers)
        paid += price
        dropped[latent].add(parent)
        offer = next(plans[latent], None)
        if offer:
            heappush(offers, (*offer, latent))
    return dropped, paid


def _without(inverse: Inverse, dropped: list[set[int]]) -> Inverse:
    """Return the inverse without these parents of each latent."""
    kept = [
        [parent for parent in inverse.parent_index(latent).tolist() if parent not in gone]
        for latent, gone in enumerate(dropped)
    ]
    sets = ParentSets.of(inverse.net, Rows.from_lists(kept))
    return replace(inverse, strategy=f"{inverse.strategy}, sparsified", sets=sets, forest=None)
