"""The inverse of a model: for every latent the variables that its conditional in the posterior needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from retrodict.errors import OptionError, SizeError
from retrodict.files.falcon_graph import FalconNode, write_falcon
from retrodict.graph.bayesnet import MOST_SHOWN, BayesNet, HasStructure
from retrodict.graph.names import Name
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Mask

if TYPE_CHECKING:
    import networkx as nx

    from retrodict.pictures import Picture
    from retrodict.pictures.scene import Scene

MOST_EDGES = 50_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Inverse:
    r"""A factorization of the posterior, :math:`q(z \mid x) = \prod_i q(z_i \mid \mathrm{Pa}(z_i))`.

    The parents of a latent are observed variables and latents sampled before it. ``generative`` names the
    barren latents: they are sampled last, from the model's own conditionals, and need no network.

    An inverse is made by `invert`, `reversal`, `mean_field` or `fully_connected`; ``strategy`` says by which. An
    inverse that `invert` made has a ``forest``: for each latent, by its place among ``net.latents``, the latent parent
    that is eliminated first, or -1. Parent sets are inherited down the forest, so it is the plan by which an encoder
    can share work: a backward recursion on a chain, an upward pass on a tree.

    Source: Webb et al. 2017, section 1 (the encoder's factorization).

    >>> from retrodict.invert import invert
    >>> inverse = invert(BayesNet({"x0": [], "x1": ["x0"], "x2": ["x0"]}, observed=["x1", "x2"]))
    >>> inverse.parents["x0"], inverse.n_edges, inverse.depth, inverse.width
    (('x1', 'x2'), 2, 1, 2)
    """

    net: BayesNet
    strategy: str
    sets: ParentSets
    elimination: Integers
    is_generative: Mask
    forest: Integers | None = None
    model: HasStructure | None = None

    def __repr__(self) -> str:
        return (
            f"Inverse({self.strategy}: {len(self.net.latents)} latents, {self.n_edges} edges, "
            f"depth {self.depth}, width {self.width})"
        )

    @cached_property
    def parents(self) -> Mapping[Name, tuple[Name, ...]]:
        """Parents of each latent, a mapping; a set is written out when it is asked for."""
        return _Parents(self)

    @property
    def elimination_order(self) -> tuple[Name, ...]:
        """Latents in the order in which they were eliminated, the reverse of the sampling order."""
        return self.net.to_names(self.net.latent_index[self.elimination])

    @property
    def sampling_order(self) -> tuple[Name, ...]:
        """Latents in an order in which they can be drawn: parents first."""
        return self.elimination_order[::-1]

    @property
    def generative(self) -> tuple[Name, ...]:
        """Barren latents, drawn from the model's own conditionals, in topological order."""
        return self.net.to_names(self.net.latent_index[self.is_generative])

    @property
    def n_edges(self) -> int:
        """Number of edges of the inverse."""
        return int(self.sets.sizes.sum())

    @property
    def width(self) -> int:
        """Size of the largest parent set."""
        return int(self.sets.sizes.max())

    @cached_property
    def depths(self) -> Integers:
        """For each latent the number of latents on the longest chain that ends in it.

        In the inverse of an elimination that chain goes up the forest: the first parent of a latent comes
        last of its parents in sampling order, and has all the others as parents.
        """
        if self.forest is None or self.is_generative.any():
            return self.sets.depths(self.elimination[::-1].tolist())
        depth, parent = [0] * (len(self.forest) + 1), self.forest.tolist()  # the last one stands for no parent
        for latent in self.elimination[::-1].tolist():
            depth[latent] = depth[parent[latent]] + 1
        return np.array(depth[:-1], dtype=np.int64)

    @property
    def depth(self) -> int:
        """Number of latents on the longest chain: how many steps it takes to draw all of them."""
        return int(self.depths.max())

    def parent_index(self, latent: int) -> Integers:
        """Return the numbers in the model of the parents of a latent, itself numbered among the latents."""
        latents = self.net.latent_index[self.sets.latents[latent]]
        return np.sort(np.concatenate([latents, self.net.observed_index[self.sets.observed(latent)]]))

    def require_size(self, most: int = MOST_EDGES) -> None:
        """Raise `SizeError` when writing out all parent sets would take more than ``most`` entries."""
        if self.n_edges > most:
            widest = self.net.latent_index[[int(self.sets.sizes.argmax())]]
            raise SizeError(
                f"the {self.strategy} inverse has {self.n_edges:,} edges, more than the {most:,} that may be "
                f"written out; the largest parent set, {self.width:,}, is that of {{names}}",
                self.net.to_names(widest),
                remedy="Ask for single parent sets, inverse.parents[name], or try another order.",
            )

    def sparsify(self, *, max_nats: float, model: CanSparsify | None = None) -> Sparsified:
        """Return a smaller structure that costs at most ``max_nats``, with its exact price.

        The price is what is added to the KL from the posterior to the best encoder of the structure. The price has a
        closed form for linear-Gaussian models.

        Arguments:
            max_nats: the highest price, in nats.
            model: a linear-Gaussian model of the same structure. Default: the model that was inverted.

        Returns: a `Sparsified`: the smaller inverse and its price in nats.

        Raises: `OptionError` when there is no such model, or for a price that is not a number of nats.

        >>> from retrodict import fully_connected, zoo
        >>> model = zoo.binary_tree(depth=4)
        >>> fully_connected(model.net).sparsify(max_nats=1e-9, model=model).inverse.n_edges  # of 77: the rest is free
        35
        """
        source = model if model is not None else self.model
        if not isinstance(source, CanSparsify):
            raise OptionError(
                "the price of an edge needs the numbers of a linear-Gaussian model",
                remedy="Invert a LinearGaussian, or give one: inverse.sparsify(max_nats=..., model=...).",
            )
        return source.sparsify(self, max_nats)

    def to_dict(self) -> dict[str, Any]:
        """Return the inverse as plain values: ``edges`` is their number, ``parents`` are those of each latent.

        Raises: `SizeError` for an inverse too large to write out.

        >>> from retrodict.invert import invert
        >>> plain = invert(BayesNet({"z": [], "x": ["z"]}, observed=["x"])).to_dict()
        >>> plain["parents"], plain["edges"], plain["sampling_order"]
        ({'z': ['x']}, 1, ['z'])
        """
        self.require_size()
        return {
            "strategy": self.strategy,
            "edges": self.n_edges,
            "depth": self.depth,
            "width": self.width,
            "sampling_order": list(self.sampling_order),
            "barren": list(self.generative),
            "parents": {name: list(parents) for name, parents in self.parents.items()},
        }

    def to_networkx(self) -> nx.DiGraph:
        """Return the inverse as a networkx graph, parent to child, with a node attribute ``observed``."""
        import networkx as nx

        self.require_size()
        graph = nx.DiGraph()
        graph.add_nodes_from((name, {"observed": False}) for name in self.sampling_order)
        graph.add_nodes_from((name, {"observed": True}) for name in self.net.observed)
        graph.add_edges_from((parent, name) for name in self.sampling_order for parent in self.parents[name])
        return graph

    def to_falcon(self) -> str:
        """Return the graph of a configuration of Falcon: ``evidence`` of each latent are its parents in this inverse.

        Falcon trains one estimator for each node that has evidence, along the lists that it is given. What is left to
        be added to each node are its ``simulator`` and, of latents, its ``estimator``; ``observed`` may become a file.
        Names that are no text are written as their text. Barren latents have no evidence: they are simulated.

        Returns: YAML.

        Raises: `SizeError` for an inverse too large to write out.

        Source: Falcon, github.com/cweniger/falcon (adaptive simulation-based inference on a graph).

        >>> from retrodict.invert import invert
        >>> print(invert(BayesNet({"z": [], "x": ["z"]}, observed=["x"])).to_falcon(), end="")
        graph:
          "z":
            evidence: ["x"]
            simulator: null
            estimator: null
          "x":
            parents: ["z"]
            observed: true
            simulator: null
        """
        self.require_size()
        seen, inferred = set(self.net.observed), set(self.net.latents).difference(self.generative)
        return write_falcon(
            FalconNode(name, self.net.parents(name), self.parents[name] if name in inferred else (), name in seen)
            for name in self.net.names
        )

    def plot(self) -> Picture:
        """Return a picture: observed variables at the bottom, above them latents in the steps they are drawn in.

        ``.save("inverse.svg")`` writes it to a file. More than 60 variables are drawn in groups. Raises `SizeError`
        beyond two million edges.

        >>> from retrodict.invert import invert
        >>> invert(BayesNet({"z": [], "x": ["z"]}, observed=["x"])).plot()
        Picture(forward: 1 latent, 1 edge, depth 1, width 1; 2 boxes)
        """
        from retrodict.pictures import picture

        return picture([self.describe_scene()])

    def describe_scene(
        self,
        missing: Iterable[tuple[int, int]] = (),
        removable: Iterable[tuple[int, int]] = (),
        highlighted: Iterable[int] = (),
    ) -> Scene:
        """Return what a picture shows; variables by their numbers in the model, edges as (parent, child)."""
        from retrodict.graph.scenes import count, describe_parents, require_drawable

        require_drawable(self.n_edges)
        latents, net = self.net.latent_index, self.net
        title = (
            f"{self.strategy}: {count('latent', len(latents))}, {count('edge', self.n_edges)}, "
            f"depth {self.depth}, width {self.width}"
        )
        parents = ((v, self.parent_index(place)) for place, v in enumerate(latents.tolist()))
        return describe_parents(net, title, parents, latents[self.is_generative], (missing, removable), highlighted)

    def _repr_svg_(self) -> str | None:
        return self.plot().to_svg() if self.n_edges <= MOST_SHOWN else None


@runtime_checkable
class CanSparsify(Protocol):
    """A model that can price the edges of an inverse."""

    def sparsify(self, inverse: Inverse, max_nats: float) -> Sparsified:
        """Drop edges while their price stays within ``max_nats``."""
        ...


class Sparsified(NamedTuple):
    """A smaller structure, and what it costs against the one it was made from, in nats."""

    inverse: Inverse
    nats: float


class _Parents(Mapping[Name, tuple[Name, ...]]):
    """The parents of each latent by name, in topological order of the model."""

    def __init__(self, inverse: Inverse) -> None:
        self._inverse = inverse

    def __getitem__(self, name: Name) -> tuple[Name, ...]:
        net = self._inverse.net
        variable = net.index(name)
        if net.is_observed[variable] or net.is_hidden[variable]:
            what = "observed" if net.is_observed[variable] else "hidden"
            raise KeyError(f"{name!r} is {what}: an inverse has parents for latents only")
        return net.to_names(self._inverse.parent_index(int(net.place[variable])))

    def __iter__(self) -> Iterator[Name]:
        return iter(self._inverse.net.latents)

    def __len__(self) -> int:
        return len(self._inverse.net.latents)

    def __repr__(self) -> str:
        return repr(dict(self)) if len(self) <= 100 else f"<parents of {len(self)} latents>"
