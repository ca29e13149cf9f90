"""The verdict on an inverse, by d-separation in the model: an algorithm that knows nothing of elimination.

Take the latents in sampling order. What is known when a latent is drawn are the observed variables and the
latents before it. It needs exactly those known variables that are d-connected to it given all the others
that are known: without one of them the inverse states an independence that the model does not imply.
Every other parent can go.

Needed are the known neighbors of its component among the unknown (`certificate/boundaries.py`); sets are compared
without being written out (`certificate/comparison.py`); evidence is looked for when it is asked for
(`certificate/evidence.py`).

Sources: Pearl 1988, theorem 9 (boundary graphs are minimal I-maps); Koller & Friedman, section 3.4.1.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, overload, runtime_checkable

from retrodict.certificate.comparison import Differences, compare_with_needs
from retrodict.certificate.evidence import Knowledge
from retrodict.certificate.file import begin_file
from retrodict.errors import GuideError, OptionError
from retrodict.graph.bayesnet import MOST_SHOWN
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name

if TYPE_CHECKING:
    from retrodict.pictures import Picture

# The most variables of a model that are drawn around an open path.
MOST_DRAWN = 60


class Edge(NamedTuple):
    """An edge of an inverse, from a parent to the latent whose conditional uses it."""

    parent: Name
    child: Name


class MissingEdge(NamedTuple):
    """An edge that an inverse lacks, with the open path of the model along which the influence travels.

    The path is open given the observed variables and all latents sampled before the child, the parent aside.
    """

    parent: Name
    child: Name
    path: tuple[Name, ...]
    drawing: str


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """The verdict on an inverse: true when it is faithful.

    ``missing`` lists the edges it lacks, each with the path that proves it, ``removable`` those that no
    conditional needs; ``n_missing`` and ``n_removable`` count them, which is cheap however many there are.
    *Faithful*: nothing missing. *Minimal*: nothing removable. ``closed`` names the latents that need no network, with
    the closed form of each, where the model was inverted and not its structure alone.

    Listing raises `SizeError` when there are more than ten million.
    """

    inverse: Inverse
    differences: Differences
    closed: Mapping[Name, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.faithful

    def __repr__(self) -> str:
        assumed = ", of an assumed structure" if self.assumed else ""
        return f"Certificate({self.n_missing} missing, {self.n_removable} removable{assumed})"

    @property
    def assumed(self) -> bool:
        """Whether the structure that was inverted is what somebody said: then the verdict is as right as that is."""
        return bool(getattr(self.inverse.model, "assumed", False))

    @property
    def faithful(self) -> bool:
        """Whether the inverse states no independence that the model does not imply."""
        return self.n_missing == 0

    @property
    def minimal(self) -> bool:
        """Whether no edge of the inverse can be dropped."""
        return self.n_removable == 0

    @property
    def n_missing(self) -> int:
        """Number of edges that must be added."""
        return self.differences.n_missing

    @property
    def n_removable(self) -> int:
        """Number of edges that can be dropped, each by itself."""
        return self.differences.n_removable

    @cached_property
    def removable(self) -> tuple[Edge, ...]:
        """Edges that can be dropped, each by itself."""
        names = self.inverse.net.names
        return tuple(Edge(names[parent], names[child]) for parent, child in self.differences.list_removable())

    @cached_property
    def missing(self) -> tuple[MissingEdge, ...]:
        """Edges that must be added, in sampling order of their children, with evidence."""
        return tuple(self.iterate_missing())

    def iterate_missing(self) -> Iterator[MissingEdge]:
        """Find the evidence for one missing edge after another, in the order of ``missing``.

        >>> from retrodict import BayesNet, mean_field
        >>> net = BayesNet({"a": [], "b": ["a"], "c": ["b"]}, observed=["c"])
        >>> next(certify(mean_field(net)).iterate_missing())
        MissingEdge(parent='b', child='a', path=('b', 'a'), drawing='b <- a')
        """
        if self.faithful:
            return
        net = self.inverse.net
        knowledge, sampling = Knowledge(net, net.observed_index), net.latent_index[self.inverse.elimination[::-1]]
        drawn = iter(sampling.tolist())
        for child, edges in itertools.groupby(self.differences.list_missing(), key=lambda edge: edge[1]):
            for latent in itertools.takewhile(child.__ne__, drawn):
                knowledge.add(latent)
            lacks = [parent for parent, _ in edges]
            paths = knowledge.trace(child, lacks)
            for parent in lacks:
                path, drawing = paths[parent]
                yield MissingEdge(net.names[parent], net.names[child], net.to_names(path), drawing)
            knowledge.add(child)

    def plot(self, edge: tuple[Name, Name] | None = None) -> Picture:
        """Return a picture: the model with an open path, and the inverse with what it lacks and what it could drop.

        The path is that of a missing ``edge`` (parent, child), of the first one if none is given.
        ``.save("verdict.svg")`` writes it to a file. Raises `OptionError` for an edge that is not missing, and
        `SizeError` beyond two million edges.

        >>> from retrodict import BayesNet, reversal
        >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
        >>> certify(reversal(net)).plot().caption
        'open path, why a needs b: b -> c <- a'
        """
        from retrodict.graph.scenes import require_drawable
        from retrodict.pictures import picture

        net, proof = self.inverse.net, self._find_missing(edge)
        require_drawable(self.inverse.n_edges + self.n_missing + self.n_removable)
        path = [net.index(name) for name in proof.path] if proof else []
        barren = net.latent_index[self.inverse.is_generative]
        model = net.describe_scene(path, barren)
        if path and len(net) > MOST_DRAWN:
            model = model.restrict(path[:MOST_DRAWN], "The open path in the model")
        ends = [net.index(name) for name in proof[:2]] if proof else []
        guide = self.inverse.describe_scene(self.differences.list_missing(), self.differences.list_removable(), ends)
        caption = f"open path, why {proof.child} needs {proof.parent}: {proof.drawing}" if proof else ""
        return picture([model, guide], caption)

    def _find_missing(self, edge: tuple[Name, Name] | None) -> MissingEdge | None:
        for missing in self.iterate_missing():
            if edge is None or missing[:2] == tuple(edge):
                return missing
        if edge is not None:
            raise OptionError("the edge ({names}) is not missing", edge, remedy="Choose one of certificate.missing.")
        return None

    def _repr_svg_(self) -> str | None:
        edges = self.inverse.n_edges + self.n_missing + self.n_removable
        return self.plot().to_svg() if edges <= MOST_SHOWN else None

    def to_dict(self) -> dict[str, Any]:
        """Return the model, the inverse, the verdict and its evidence as plain values that JSON can carry.

        ``retrodict check --json`` prints them, `save` writes them, and ``examples/recheck_certificate.py`` checks
        such a file without this package.

        Returns: the keys ``format`` and ``version``; ``model``, which is ``net.to_dict()``; ``inverse``, which is
        ``inverse.to_dict()``; and ``certificate``: ``faithful``, ``minimal``, ``missing`` (a list of ``parent``,
        ``child`` and ``path``), ``removable`` (a list of ``parent`` and ``child``) and, if there are any, ``closed``
        (the closed form of each latent that has one).

        Raises: `GraphError` for a name that is not text, `SizeError` for an inverse too large to write out.

        >>> from retrodict import BayesNet, invert
        >>> verdict = certify(invert(BayesNet({"z": [], "x": ["z"]}, observed=["x"]))).to_dict()
        >>> verdict["inverse"]["parents"], verdict["certificate"]["faithful"]
        ({'z': ['x']}, True)
        """
        verdict = {
            "faithful": self.faithful,
            "minimal": self.minimal,
            "missing": [{"parent": edge.parent, "child": edge.child, "path": list(edge.path)} for edge in self.missing],
            "removable": [{"parent": edge.parent, "child": edge.child} for edge in self.removable],
            **({"closed": dict(self.closed)} if self.closed else {}),
        }
        return {**begin_file(self.inverse), "certificate": verdict}

    def to_json(self) -> str:
        """Return `to_dict` as the text of a JSON file; raise what `to_dict` raises."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"

    def save(self, path: str | Path) -> None:
        """Write `to_json` to a file; one that is there already is replaced as a whole or not at all.

        Arguments:
            path: the file, usually named ``.json``; its folder must exist.

        Raises: what `to_dict` raises, and `FileError` where the file cannot be written.

        """
        from retrodict.files.whole import write_whole

        write_whole(Path(path), self.to_json().encode())


Verdict = TypeVar("Verdict", covariant=True)


@runtime_checkable
class BringsJudge(Protocol[Verdict]):
    """An inverse that is judged at sizes of its own choice, such as a `LiftedInverse`."""

    def judge(self) -> Verdict:
        """Return the verdict."""
        ...


@overload
def certify(inverse: Inverse) -> Certificate: ...
@overload
def certify(inverse: BringsJudge[Verdict]) -> Verdict: ...
def certify(inverse: Any) -> Any:
    """Return the verdict on an inverse: which edges it lacks and which it could do without.

    It is that of `retrodict.certify`, which also says which latents have closed forms.

    >>> from retrodict import BayesNet, invert
    >>> bool(certify(invert(BayesNet({"z": [], "x": ["z"]}, observed=["x"]))))
    True
    """
    if isinstance(inverse, BringsJudge):
        return inverse.judge()
    if not isinstance(inverse, Inverse):
        raise GuideError(
            f"certify judges an inverse, but a {type(inverse).__name__} was given",
            remedy="Give what rd.invert made of the model, or judge parents of your own with rd.lint(model, guide).",
        )
    return Certificate(inverse, compare_with_needs(inverse))
