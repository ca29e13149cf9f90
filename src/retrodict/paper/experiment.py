"""What every experiment is made of: units that are run on their own, and what each of them came to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from retrodict.errors import OptionError

Fact = str | int | float | None


class PlainValues(Protocol):
    """A dataclass of plain values."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Unit(PlainValues, Protocol):
    """What is run, stored and resumed as a whole: an ordered dataclass of names and whole numbers."""

    @property
    def name(self) -> str:
        """A name for files and people."""

    @property
    def seed(self) -> int:
        """What all randomness follows from."""

    def __lt__(self, other: Any) -> bool: ...


U = TypeVar("U", bound=Unit)
B = TypeVar("B", bound=PlainValues)


@dataclass(frozen=True)
class Result(Generic[U]):
    """What was measured of a unit: facts by name, curves with one number an epoch, pictures as hexadecimal bytes."""

    unit: U
    facts: Mapping[str, Fact]
    curves: Mapping[str, Sequence[float]] = field(repr=False)
    pictures: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Findings(Generic[U, B]):
    """All results of a folder, the budget that they share, and what holds for several of them (`Experiment.shared`)."""

    budget: B
    results: tuple[Result[U], ...]
    shared: Mapping[str, Any] = field(default_factory=dict)


class Files(NamedTuple):
    """The files of an experiment: their name, and the kind and version that stand in them.

    With ``flat``, the facts of a unit stand beside its fields in the JSON, not below them; ``digits`` is how many the
    table keeps.
    """

    name: str
    kind: str
    version: int
    flat: bool = False
    digits: int = 10


@dataclass(frozen=True)
class Experiment(Generic[U, B]):
    """An experiment: what its units are, how they are run, and how its findings are kept, drawn and written.

    ``run`` takes a unit, the budget, and whether to be quiet. ``shared`` gives, from all results, what the findings
    state beside them.
    """

    files: Files
    unit: type[U]
    budget: type[B]
    curves: tuple[str, ...]
    run: Callable[[U, B, bool], Result[U]]
    draw: Callable[[Findings[U, B], Path], list[Path]]
    write: Callable[[Findings[U, B]], str]
    shared: Mapping[str, Callable[[Sequence[Result[U]]], Any]] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields of a unit."""
        return tuple(self.unit.__dataclass_fields__)


def require_choice(what: str, given: object, offered: Collection[object], where: str) -> None:
    """Raise `OptionError` unless what was given is offered."""
    if given not in offered:
        raise OptionError(
            f"{given!r} is not {what} of {where}", remedy=f"Choose one of these: {', '.join(map(str, offered))}."
        )
