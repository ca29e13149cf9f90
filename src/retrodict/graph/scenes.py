"""Models and inverses described as scenes: what a picture of them shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from retrodict.errors import SizeError
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.pictures.scene import BARREN, HIDDEN, LATENT, MISSING, MOST_LINKS, OBSERVED, PLAIN, REMOVABLE, Scene

Pair = tuple[int, int]


class HasVariables(Protocol):
    """What is read of a model."""

    @property
    def names(self) -> tuple[Name, ...]:
        """Names by number."""
        ...

    @property
    def is_observed(self) -> Mask:
        """Which variables are data."""
        ...

    @property
    def is_hidden(self) -> Mask:
        """Which variables are integrated out."""
        ...

    @property
    def parent_rows(self) -> Rows:
        """Parents of each variable."""
        ...


def describe_model(net: HasVariables, path: Sequence[int] = (), barren: Integers | None = None) -> Scene:
    """Return the scene of a model, parents above their children, with an open path to be highlighted.

    Raises `SizeError` for more than two million edges.
    """
    rows = net.parent_rows
    require_drawable(len(rows.index))
    seen, hidden = int(net.is_observed.sum()), int(net.is_hidden.sum())
    roles = f"{len(net.names) - seen - hidden:,} latent, {seen:,} observed{f', {hidden:,} hidden' if hidden else ''}"
    title = f"The model: {roles}, {count('edge', len(rows.index))}"
    marks = np.full(len(rows.index), PLAIN)
    kinds = find_kinds(net, barren)
    return Scene(tuple(map(str, net.names)), kinds, rows.index, rows.sources, marks, title, path=tuple(path))


def describe_parents(
    net: HasVariables,
    title: str,
    parents: Iterable[tuple[int, Integers]],
    barren: Integers,
    verdict: tuple[Iterable[Pair], Iterable[Pair]] = ((), ()),
    highlighted: Iterable[int] = (),
) -> Scene:
    """Return the scene of an inverse, given the parents of each latent; data lie at the bottom.

    ``verdict`` has the edges (parent, child) that it lacks and those that it could do without. Hidden variables
    are left out.
    """
    missing, removable = verdict
    given = [(child, row) for child, row in parents]
    sources = np.concatenate([np.zeros(0, dtype=np.int64), *(row for _, row in given)])
    targets = np.repeat(np.array([child for child, _ in given], dtype=np.int64), [len(row) for _, row in given])
    n = len(net.names)
    spare = np.array([source * n + target for source, target in removable], dtype=np.int64)
    marks = np.where(np.isin(sources * n + targets, spare), REMOVABLE, PLAIN)
    lacking = np.array(list(missing), dtype=np.int64).reshape(-1, 2)
    scene = Scene(
        tuple(map(str, net.names)),
        find_kinds(net, barren),
        np.concatenate([sources, lacking[:, 0]]),
        np.concatenate([targets, lacking[:, 1]]),
        np.concatenate([marks, np.full(len(lacking), MISSING)]),
        title,
        upward=True,
        path=tuple(highlighted),
    )
    return scene.restrict(np.flatnonzero(~net.is_hidden).tolist(), title) if net.is_hidden.any() else scene


def find_kinds(net: HasVariables, barren: Integers | None = None) -> Integers:
    """Return what each variable is: latent, observed, hidden or barren."""
    kinds = np.where(net.is_observed, OBSERVED, np.where(net.is_hidden, HIDDEN, LATENT))
    if barren is not None:
        kinds[barren] = BARREN
    return kinds


def require_drawable(n_links: int) -> None:
    """Raise `SizeError` for more links than can be gone through in a moment."""
    if n_links > MOST_LINKS:
        raise SizeError(
            f"{n_links:,} edges are more than the {MOST_LINKS:,} that a picture can be made of",
            remedy="Draw a smaller model of the same kind.",
        )


def count(what: str, n: int) -> str:
    """Return a number of things in words.

    >>> count("edge", 1), count("edge", 1200)
    ('1 edge', '1,200 edges')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"
