"""Variables that are repeated along dims, and the relations between the indices of a child and of its parents."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Repeated:
    """A variable of a template: one instance for each index of the product of the ranges of its dims.

    Arguments:
        name: the name of the variable.
        dims: the dims that repeat it, plates or time, in the order of its indices. Default: none, one instance.

    >>> str(Repeated("y", ("j", "n"))), str(Repeated("mu"))
    ('y[j,n]', 'mu')
    """

    name: str
    dims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(self.dims))

    def __str__(self) -> str:
        return write_instance(self.name, self.dims)


@dataclass(frozen=True)
class Relation:
    """Which instances of ``parent`` an instance of ``child`` has as parents.

    A dim that both have relates equal indices, if nothing else is said of it.

    Arguments:
        child: the name of the child.
        parent: the name of the parent.
        lag: how many steps of time the parent lies before the child; there is none before the start. Default 0.
        every: dims of the parent of which all indices count. A dim that only the parent has must be among them.
        up_to: dims that both have, of which the same index and all smaller ones count, as in a cumulative sum.
        fixed: an index of the parent's time, 0 for the first and -1 for the last.
        only: an index of the child's time, 0 or -1; at other times there is no such parent.
    """

    child: str
    parent: str
    lag: int = 0
    every: Collection[str] = ()
    up_to: Collection[str] = ()
    fixed: int | None = None
    only: int | None = None

    def __post_init__(self) -> None:
        for dims in ("every", "up_to"):
            object.__setattr__(self, dims, tuple(sorted(set(getattr(self, dims)))))


def write_instance(name: str, indices: Collection[object]) -> str:
    """Return the name of an instance, or of a variable with its dims.

    >>> write_instance("y", (0, 1)), write_instance("mu", ())
    ('y[0,1]', 'mu')
    """
    return f"{name}[{','.join(map(str, indices))}]" if indices else name
