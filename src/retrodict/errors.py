"""Every error a user can cause: what is wrong, which variables it concerns, what to do."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Hashable, Iterable
from typing import Any

# Longer names are cut in messages.
MOST_LETTERS = 200


class RetrodictError(Exception):
    """Base of all errors raised on purpose; its message says what is wrong, with which variables, and what to do.

    Fields: ``variables`` (the names concerned, as the user wrote them) and ``remedy``. In the problem, ``{names}``
    stands for the names, ``{are}`` and ``{have}`` for the verbs that agree with them.

    >>> error = GraphError("{names} {are} not in the model", ["y"], remedy="Add 'y' to the model.")
    >>> print(error)
    'y' is not in the model. Add 'y' to the model.
    >>> error.variables
    ('y',)
    """

    def __init__(self, problem: str, variables: Iterable[Hashable] = (), *, remedy: str = "") -> None:
        self.problem = problem
        self.variables = tuple(variables)
        self.remedy = remedy
        super().__init__(problem, self.variables, remedy)

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would call the class with `args`, which subclasses take in other ways: worker processes would hang.
        return _restore, (type(self), self.args), self.__dict__

    def __str__(self) -> str:
        return f"{self._write_problem()}." + (f" {self.remedy}" if self.remedy else "")

    def _write_problem(self) -> str:
        names, one = quote(self.variables), len(self.variables) == 1
        if "{names}" not in self.problem:
            return self.problem + (f": {names}" if names else "")
        words = {"{are}": "is" if one else "are", "{have}": "has" if one else "have", "{names}": names}
        return functools.reduce(lambda text, word: text.replace(*word), words.items(), self.problem)


def _restore(kind: type[RetrodictError], args: tuple[Any, ...]) -> RetrodictError:
    """Return an error that was pickled or copied, without calling its class; its fields follow as its state."""
    return kind.__new__(kind, *args)


class GraphError(RetrodictError, ValueError):
    """The description of a generative model is not a directed acyclic graph with latent and observed variables."""


class CycleError(GraphError):
    """The edges form a cycle; ``cycle`` lists its variables, the first one again at the end."""

    def __init__(self, cycle: Iterable[Hashable], *, where: str = "the model", remedy: str = "") -> None:
        self.cycle = tuple(cycle)
        shown = self.cycle if len(self.cycle) <= 12 else (*self.cycle[:10], "...", self.cycle[-1])
        arrows = " -> ".join(map(_write_bare, shown))
        size = f" of {len(self.cycle) - 1:,} variables" if len(shown) < len(self.cycle) else ""
        super().__init__(
            f"{where} has a cycle{size}, {arrows}", self.cycle[:-1], remedy=remedy or "Remove one of these edges."
        )

    def _write_problem(self) -> str:
        return self.problem  # the arrows name them


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


class UnknownStateError(DataError):
    """A text that is not the name of a state of a discrete variable; ``state`` and ``states`` say which there are.

    >>> print(UnknownStateError("maybe", "rain", ["yes", "no"]))
    'maybe' is not a state of 'rain' (states: yes, no).
    """

    def __init__(self, state: object, variable: Hashable, states: Iterable[str]) -> None:
        self.state, self.states = state, tuple(states)
        shown = ", ".join(self.states[:8]) + (", ..." if len(self.states) > 8 else "")
        super().__init__(f"{write_name(state)} is not a state of {{names}} (states: {shown})", [variable])


class ProgramError(RetrodictError, ValueError):
    """A probabilistic program that fails, or that no Bayesian network describes; ``variables`` are its sites."""


class SourceError(RetrodictError, ValueError):
    """A model, file or name given on the command line that cannot be read."""


class MissingPackageError(RetrodictError, ImportError):
    """A package that belongs to an extra and is not installed; the remedy names the extra."""


class OptionError(RetrodictError, ValueError):
    """An option with a value that is not one of those offered."""


class DensityError(RetrodictError, ValueError):
    """A model that can only be simulated was asked for a density."""


class WeightError(RetrodictError, ValueError):
    """Importance weights that are all zero, or not numbers."""


class SimulationError(RetrodictError, ValueError):
    """A prior of which nearly all simulations are not finite, so that nothing can be learned from them."""


class FileError(RetrodictError, ValueError):
    """A file that is missing, damaged, not ours, or of another model; ``path`` is where it is."""

    def __init__(self, path: object, problem: str, *, remedy: str = "") -> None:
        self.path = str(path)
        shown = self.path if self.path.isprintable() else repr(self.path)
        super().__init__(f"{shown}: {problem}", remedy=remedy)


class RetrodictWarning(UserWarning):
    """Base of all warnings: the result is what was asked for, but probably not what was wanted."""


class NoveltyWarning(RetrodictWarning):
    """An observation unlike all that the encoder saw in training: its answer there is a guess."""


class SimulationWarning(RetrodictWarning):
    """Some simulations were not finite and were set aside: the prior reaches where the model cannot be computed."""


def warn_user(message: str, category: type[RetrodictWarning]) -> None:
    """Warn at the line outside of this package that led here, however deep inside we are."""
    inside = os.path.dirname(__file__) + os.sep
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def quote(names: Iterable[Hashable], *, most: int = 8) -> str:
    """Return names for a message, the first ``most`` of them.

    >>> quote(["a", 3]), quote(range(100), most=2)
    ("'a', 3", '0, 1 and 98 more')
    """
    listed = list(names)
    more = len(listed) - most
    return ", ".join(map(write_name, listed[:most])) + (f" and {more} more" if more > 0 else "")


def _write_bare(name: object) -> str:
    """Return a text as it is, where that can be read, and any other name as in a list."""
    readable = isinstance(name, str) and name.isprintable() and len(name) <= MOST_LETTERS
    return str(name) if readable else write_name(name)


def write_name(name: object) -> str:
    """Return a name as a message shows it: shortened when it is long, and whatever it is.

    >>> write_name("x"), write_name(10**5000), len(write_name("x" * 1000))
    ("'x'", 'an int too long to write', 82)
    """
    try:
        text = repr(name)
    except (ValueError, RecursionError):  # integers beyond 4,300 digits, tuples nested a thousand deep
        kind = type(name).__name__
        return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} too {'long' if kind == 'int' else 'deep'} to write"
    return text if len(text) <= MOST_LETTERS else f"{text[:60]}... ({len(text):,} characters)"
