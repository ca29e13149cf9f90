"""Every error a user can cause: what is wrong, which variables it concerns, what to do."""

from __future__ import annotations

from collections.abc import Hashable, Iterable


class RetrodictError(Exception):
    """Base of all errors raised on purpose; its message says what is wrong, with which variables, and what to do.

    Fields: ``variables`` (the names concerned, as the user wrote them) and ``remedy``.

    >>> error = GraphError("parents that are not variables", ["y"], remedy="Add 'y' to the model.")
    >>> print(error)
    parents that are not variables: 'y'. Add 'y' to the model.
    >>> error.variables
    ('y',)
    """

    def __init__(self, problem: str, variables: Iterable[Hashable] = (), *, remedy: str = "") -> None:
        self.problem = problem
        self.variables = tuple(variables)
        self.remedy = remedy
        super().__init__(problem, self.variables, remedy)

    def __str__(self) -> str:
        where = f": {quote(self.variables)}" if self.variables else ""
        return f"{self.problem}{where}." + (f" {self.remedy}" if self.remedy else "")


class GraphError(RetrodictError, ValueError):
    """The description of a generative model is not a directed acyclic graph with latent and observed variables."""


class CycleError(GraphError):
    """The edges form a cycle; ``cycle`` lists its variables, the first one again at the end."""

    def __init__(self, cycle: Iterable[Hashable], *, where: str = "the model", remedy: str = "") -> None:
        self.cycle = tuple(cycle)
        shown = self.cycle if len(self.cycle) <= 12 else (*self.cycle[:10], "...", self.cycle[-1])
        arrows = " -> ".join(map(str, shown))
        super().__init__(
            f"{where} has a cycle, {arrows}, through",
            self.cycle[:-1],
            remedy=remedy or "Remove one of these edges.",
        )


class UnknownVariableError(GraphError, KeyError):
    """A name that the model does not have."""


class OrderError(RetrodictError, ValueError):
    """An elimination order that does not exist or is not a permutation of the latents."""


class GuideError(RetrodictError, ValueError):
    """Parents of a guide that cannot be the parents of the model's latents."""


class WidthError(RetrodictError, ValueError):
    """A layer too narrow to carry every parent set; ``least`` is the smallest width that can."""

    def __init__(self, problem: str, variables: Iterable[Hashable] = (), *, least: int, remedy: str = "") -> None:
        self.least = least
        super().__init__(problem, variables, remedy=remedy)


class SizeError(RetrodictError, ValueError):
    """A request whose answer would be too large to hold; the message states the predicted size."""


class DataError(RetrodictError, ValueError):
    """Values of variables with a wrong shape, a missing or extra name, or a number that is not finite."""


class SourceError(RetrodictError, ValueError):
    """A model, file or name given on the command line that cannot be read."""


class MissingPackageError(RetrodictError, ImportError):
    """A package that belongs to an extra and is not installed; the remedy names the extra."""


class OptionError(RetrodictError, ValueError):
    """An option with a value that is not one of those offered."""


def quote(names: Iterable[Hashable], *, most: int = 8) -> str:
    """Return names for a message, the first ``most`` of them.

    >>> quote(["a", 3]), quote(range(100), most=2)
    ("'a', 3", '0, 1 and 98 more')
    """
    shown = [repr(name) for name in names]
    more = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {more} more" if more > 0 else "")
