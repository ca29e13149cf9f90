"""The structure of a generative model that can be faithful to an encoder, and the verdict on a written one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrodict.certificate.certify import Certificate, certify
from retrodict.certificate.handwritten import read_guide
from retrodict.errors import GraphError, GuideError, OrderError
from retrodict.generate.drawing_orders import find_drawing_order, obey
from retrodict.generate.encoder_graph import EncoderGraph
from retrodict.generate.prior_knowledge import PriorKnowledge, read_knowledge
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.borders import Borders
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name, require_list
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Rows
from retrodict.invert.inversion import read_budget

if TYPE_CHECKING:
    from retrodict.pictures import Picture


@dataclass(frozen=True, eq=False, repr=False)
class GeneratorStructure:
    r"""The structure of a generative model, :math:`p(z) p(x \mid z)`, derived from an encoder's.

    ``net`` is the structure, whose ``observed`` are the encoder's data; ``certificate`` is the verdict on it.
    """

    net: BayesNet
    sampling_order: tuple[Name, ...]
    certificate: Certificate

    def __repr__(self) -> str:
        return f"GeneratorStructure({self.net!r}, {self.certificate!r})"

    @property
    def parents(self) -> Mapping[Name, tuple[Name, ...]]:
        """Parents of each variable, latents first, in the order in which they are drawn."""
        return {name: self.net.parents(name) for name in self.sampling_order}

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return self.net.n_edges

    def plot(self) -> Picture:
        """Return a picture of the structure, ``net.plot()``."""
        return self.net.plot()

    def to_dict(self) -> dict[str, Any]:
        """Return the structure and its verdict as plain values."""
        verdict = {"faithful": self.certificate.faithful, "minimal": self.certificate.minimal}
        return {**self.net.to_dict(), "sampling_order": list(self.sampling_order), **verdict}


def generator(
    encoder: Mapping[Any, Iterable[Name]] | Inverse,
    order: str | Iterable[Name] = "auto",
    *,
    data: Mapping[Any, Iterable[Name]] | None = None,
    tiers: Iterable[Iterable[Name]] = (),
    required: Iterable[tuple[Name, Name]] = (),
    forbidden: Iterable[tuple[Name, Name]] = (),
    budget: float = 1.0,
) -> GeneratorStructure:
    r"""Return the structure of a generative model that can be faithful to an encoder: the algorithm in reverse.

    An encoder states :math:`p(x) \prod_i q(z_i \mid \mathrm{Pa}(z_i))`. Drawn in another order, latents before data,
    each variable needs those drawn before it from which it is not d-separated by the others: the minimal factorization
    :math:`p(z) p(x \mid z)` that states no independence which the encoder does not.

    Arguments:
        encoder: ``{latent: [parents]}``, where a parent without an entry is observed; or an `Inverse`.
        order: latents in the order in which the generative model draws them, or ``"auto"``, the fewest edges: proved
            for up to nine latents, by local search beyond. Default ``"auto"``.
        data: the edges among observed variables, ``{name: [parents]}``, in the distribution of the data. Default: all
            of them, as an encoder says nothing of it.
        tiers: groups of latents; those of a later group are drawn after those of an earlier one.
        required: edges (parent, child) that the generative model must have.
        forbidden: edges (parent, child) that it must not have.
        budget: limit of the local search, in seconds, as in `invert`. Default 1.0.

    Returns: a `GeneratorStructure`.

    Raises: `GuideError` for what is no encoder, `CycleError` and `UnknownVariableError` for wrong edges, `OrderError`
    for an order that is not one of the latents, and `GraphError` where nothing respects what is known.

    Source: Webb et al. 2017, section 4, which proposes it; Pearl 1988, theorem 9 (boundary graphs).

    >>> generator({"y": ["x"], "z": ["x", "y"]}).parents
    {'y': (), 'z': ('y',), 'x': ('y', 'z')}
    """
    graph = EncoderGraph.of(encoder, data)
    known = read_knowledge(graph, tiers, required, forbidden)
    if isinstance(order, str):
        if order != "auto":
            raise OrderError(f"the order {order!r} does not exist", remedy="Say 'auto', or list the latents.")
        drawn = find_drawing_order(graph, known, read_budget(budget))
    else:
        drawn = _read_order(graph, order, known)
    return _derive(graph, known, [*drawn, *obey(list(graph.observed), known)])


def lint_generator(
    encoder: Mapping[Any, Iterable[Name]] | Inverse,
    generator: Mapping[Any, Iterable[Name]] | BayesNet,
    *,
    data: Mapping[Any, Iterable[Name]] | None = None,
) -> Certificate:
    """Return the verdict on a generative model that somebody wrote for an encoder: which dependencies it lacks.

    Arguments:
        encoder: ``{latent: [parents]}`` or an `Inverse`, as in `generator`.
        generator: the parents of each variable, data included; or a `BayesNet`.
        data: the edges among observed variables, as in `generator`.

    Returns: a `Certificate`: an edge that is missing has an open path in the graph of the encoder.

    Raises: what `generator` raises, and `GuideError` for a generative model of other variables.

    Source: Siddharth et al. 2017 (the encoder and naive-Bayes generator of this example).

    >>> verdict = lint_generator({"y": ["x"], "z": ["x", "y"]}, {"y": [], "z": [], "x": ["y", "z"]})
    >>> verdict.missing[0].drawing in ("y -> z", "z <- y")
    True
    """
    graph = EncoderGraph.of(encoder, data)
    rows = {name: generator.parents(name) for name in generator.names} if isinstance(generator, BayesNet) else generator
    strangers = [name for name in rows if name not in graph.net.position]
    if strangers:
        raise GuideError(
            "the generative model has {names}, which {are} not in the encoder",
            strangers,
            remedy="Both must be of the same variables.",
        )
    return certify(read_guide(graph.net, rows))


def _read_order(graph: EncoderGraph, order: Iterable[Name], known: PriorKnowledge) -> list[int]:
    listed = require_list(order, "order=")
    if sorted(map(graph.net.index, listed)) != sorted(graph.latents):
        raise OrderError(
            "the order in which the generative model draws its latents must name each of them once, not {names}",
            listed,
            remedy=f"The latents are {', '.join(map(str, graph.net.to_names(graph.latents)))}.",
        )
    drawn = [graph.net.index(name) for name in listed]
    if obey(drawn, known) != drawn:
        raise OrderError("the order breaks the tiers or required edges", listed, remedy="Change one of them.")
    return drawn


def _derive(graph: EncoderGraph, known: PriorKnowledge, drawn: list[int]) -> GeneratorStructure:
    """Draw all variables in this order and give each the parents that it needs."""
    net, borders = graph.net, Borders(graph.net, [])
    rows: list[list[int]] = [[] for _ in net.names]
    for v in drawn:
        rows[v] = known.add_required(v, borders.draw(v))
        wrong = [u for u in rows[v] if (u, v) in known.forbidden]
        if wrong:
            raise GraphError(
                "the forbidden edge ({names}) is needed in this order",
                net.to_names([wrong[0], v]),
                remedy="Allow it, or choose another order.",
            )
    names = {net.names[v]: net.to_names(rows[v]) for v in drawn}
    whole = BayesNet(names, observed=net.to_names(graph.observed))
    sets = ParentSets.of(net, Rows.from_lists(rows))
    stated = Inverse(net, "generator", sets, np.array(drawn[::-1]), np.zeros(len(net), dtype=bool))
    return GeneratorStructure(whole, net.to_names(drawn), certify(stated))
