"""CoMI, the paper's algorithm: eliminate latents in a topological order, least fill first.

The paper's steps (Webb et al. 2017; NaMI, algorithm 1, in Webb et al. 2018), for a direction tau:

    J <- moral graph of the model
    S <- latents without a latent parent (tau = forward) or child (tau = reverse)
    while S is not empty
        v <- the latent of S with the least fill in J
        join the neighbours of v in J that are not marked; they are the parents of v in the inverse
        mark v, remove it from S
        add to S the children (parents) of v whose latent parents (children) are all marked

Two things are exact here that the publication leaves open. Barren latents are not eliminated at all (they
would leave spurious parents behind: a -> c <- b with only a observed gives b the parent a). And pairs of
observed variables are not counted as fill, since no edge of an inverse joins them.
"""

from __future__ import annotations

from typing import Literal

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import to_mask
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.invert.greedy import Frontier, order_greedily

Direction = Literal["forward", "reverse"]


def order_naturally(net: BayesNet, neighbours: Rows, latents: Integers, direction: Direction) -> list[int]:
    """Return latents in the order in which CoMI eliminates them: parents first, or children first.

    Observed neighbours hold nobody back: a latent whose parents are all observed is in the first frontier.
    """
    chosen = to_mask(latents.tolist(), len(net))
    parents, children = _keep(net.parent_rows, chosen), _keep(net.child_rows, chosen)
    upstream, downstream = (parents, children) if direction == "forward" else (children, parents)
    frontier = Frontier([len(row) for row in upstream], downstream)
    return order_greedily(net, neighbours, latents.tolist(), frontier)


def order_by_fill(net: BayesNet, neighbours: Rows, latents: Integers) -> list[int]:
    """Return latents in min-fill order: every latent may go at any time.

    Source: Koller & Friedman, section 9.4.3.2.
    """
    everyone = Frontier([0] * len(net), [[]] * len(net))
    return order_greedily(net, neighbours, latents.tolist(), everyone)


def _keep(rows: Rows, chosen: Mask) -> list[list[int]]:
    """Return the rows restricted to edges between chosen variables."""
    inside = chosen[rows.sources] & chosen[rows.index]
    return Rows.from_edges(rows.sources[inside], rows.index[inside], len(rows)).to_lists()
