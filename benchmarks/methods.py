"""What is timed: our inversion, and what comes nearest to it in other packages.

Each method takes a network, builds what its package calls a network, which is not timed, and returns the call to time.
The others return an order of elimination only: no parents, no natural direction, no choice between two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import networks

Call = Callable[[], Any]


def ours(network: networks.Network) -> Call:
    """Invert in the better of both natural directions."""
    from retrodict.graph.bayesnet import BayesNet
    from retrodict.invert.orders import CHEAP
    from retrodict.invert.problem import Problem

    net = BayesNet(*network)

    def call() -> Any:
        problem = Problem.of(net)
        return problem.follow(CHEAP["natural"](problem), "natural")

    return call


def building(network: networks.Network) -> Call:
    """Make a `BayesNet` from dictionaries."""
    from retrodict.graph.bayesnet import BayesNet

    return lambda: BayesNet(*network)


def comi(network: networks.Network) -> Call:
    """Invert in both directions by the paper's rule, least fill, through the public call."""
    from retrodict.graph.bayesnet import BayesNet
    from retrodict.invert.inversion import invert

    net = BayesNet(*network)
    return lambda: min((invert(net, order) for order in ("forward", "reverse")), key=lambda inverse: inverse.n_edges)


def pgmpy(network: networks.Network) -> Call:
    """Order the latents by least fill with pgmpy."""
    from pgmpy.inference.EliminationOrder import MinFill
    from pgmpy.models import DiscreteBayesianNetwork

    parents, observed = network
    model = DiscreteBayesianNetwork()
    model.add_nodes_from(parents)
    model.add_edges_from((parent, child) for child, row in parents.items() for parent in row)
    latents = [i for i in parents if i not in set(observed)]
    return lambda: MinFill(model).get_elimination_order(nodes=latents, show_progress=False)


def networkx(network: networks.Network) -> Call:
    """Decompose the moral graph into a tree by least fill with networkx."""
    import networkx as nx
    from networkx.algorithms.approximation import treewidth_min_fill_in

    graph = nx.DiGraph()
    graph.add_nodes_from(network[0])
    graph.add_edges_from((parent, child) for child, row in network[0].items() for parent in row)
    return lambda: treewidth_min_fill_in(nx.moral_graph(graph))


def pyagrum(network: networks.Network) -> Call:
    """Order all variables for elimination with pyAgrum, in C++."""
    import pyagrum as gum

    graph = gum.DAG()
    node = {i: graph.addNode() for i in network[0]}
    for child, row in network[0].items():
        for parent in row:
            graph.addArc(node[parent], node[child])
    return lambda: gum.JunctionTreeGenerator().eliminationOrder(graph)


METHODS: dict[str, Callable[[networks.Network], Call]] = {
    method.__name__: method for method in (ours, building, comi, pgmpy, networkx, pyagrum)
}
