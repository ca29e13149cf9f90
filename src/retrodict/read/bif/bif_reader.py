"""BIF files: the structure and the tables of a discrete network."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, overload

import numpy as np

from retrodict.errors import SourceError
from retrodict.files.text import read_text
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name, unknown
from retrodict.models.discrete.checks import Probabilities, describe_states, require_room
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.read.bif.syntax import (
    BAR,
    Block,
    shorten,
    split_at,
    split_blocks,
    split_names,
    split_statements,
    unquote,
)
from retrodict.read.observation import find_leaves

SUFFIXES = (".bif", ".bif.gz")
TYPE = re.compile(r"type\s+(\w+)\s*\[\s*(\d+)\s*\]\s*\{(.*)\}", re.DOTALL)
HEADED = re.compile(r"\((.*)\)", re.DOTALL)
ROW = re.compile(r'\(((?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|[^")]++)*+)\)(.*)', re.DOTALL)

STRUCTURE_ALONE = "To read the structure alone, call from_bif(path, tables=False)."

T = TypeVar("T")
States = dict[str, list[str]]


@overload
def from_bif(
    path: str | os.PathLike[str], observed: Iterable[Name] | None = None, *, tables: Literal[True] = True
) -> DiscreteNetwork: ...
@overload
def from_bif(
    path: str | os.PathLike[str], observed: Iterable[Name] | None = None, *, tables: bool
) -> DiscreteNetwork | BayesNet: ...
def from_bif(
    path: str | os.PathLike[str], observed: Iterable[Name] | None = None, *, tables: bool = True
) -> DiscreteNetwork | BayesNet:
    """Return the discrete network of a BIF file, or its structure alone.

    A file whose name ends in ``.bif.gz`` is unpacked. Names may stand in quotes; ``table`` lists the states of the
    variable slowest and those of its last parent fastest; ``default`` stands for rows that are not listed. Rows may
    differ from one by rounding, 0.002 at most, and are normalized.

    Arguments:
        path: the file; its name must end in ``.bif`` or ``.bif.gz``.
        observed: names of the observed variables. Default: the leaves, which have no children.
        tables: whether to read the probabilities. Without them the file may leave out rows, whole tables and lists of
            states; each variable still needs a block that names its parents, such as ``probability (a | b) { }``.

    Returns: a `DiscreteNetwork`; a `BayesNet` for ``tables=False``.

    Raises: `FileError` for a file that cannot be read; `SourceError` for one that is not a BIF file or leaves out
    probabilities; `DataError` for a row that is not a distribution; `SizeError` for tables that are too large; and what
    `BayesNet` raises.

    Source: Cozman, the Interchange Format for Bayesian Networks (BIF 0.15), 1998.

    >>> import pathlib, tempfile
    >>> text = "variable a { type discrete [2] { no, yes }; } variable b { type discrete [2] { no, yes }; }"
    >>> text += "probability (a) { table 0.8, 0.2; } probability (b | a) { (no) 0.9, 0.1; (yes) 0.2, 0.8; }"
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.bif")
    >>> _ = path.write_text(text)
    >>> model = from_bif(path)
    >>> model.net.observed, model.states("b"), model.table("b").tolist()
    (('b',), ('no', 'yes'), [[0.9, 0.1], [0.2, 0.8]])
    >>> from_bif(path, tables=False)
    BayesNet(1 latent, 1 observed, 1 edges)

    """
    try:
        place = Path(path)
    except TypeError:
        raise SourceError(f"from_bif needs a path, not a {type(path).__name__}") from None
    if not place.name.lower().endswith(SUFFIXES):
        raise SourceError(f"{place} is not the name of a BIF file", remedy="It must end in .bif or .bif.gz.")
    parse = parse_bif if tables else parse_structure
    return parse(read_text(place), place.name, observed)


def parse_bif(text: str, file: str = "text", observed: Iterable[Name] | None = None) -> DiscreteNetwork:
    """Return the discrete network that a text in the BIF format describes; see `from_bif`."""
    states, conditionals = _read_blocks(text, file)
    bare = [name for name, listed in states.items() if not listed]
    if bare:
        remedy = f"Write type discrete [ 2 ] {{ yes, no }}; other types are not read. {STRUCTURE_ALONE}"
        raise SourceError(f"{file} does not list the states of {{names}}", bare, remedy=remedy)
    parents = {name: conditionals[name].parents for name in states}
    tables = {name: conditionals[name].read_table(states) for name in states}
    return DiscreteNetwork.from_tables(parents, states, tables, find_leaves(parents) if observed is None else observed)


def parse_structure(text: str, file: str = "text", observed: Iterable[Name] | None = None) -> BayesNet:
    """Return the structure that a text in the BIF format describes; its tables are not read."""
    states, conditionals = _read_blocks(text, file)
    parents = {name: conditionals[name].parents for name in states}
    known = [describe_states(name, listed) for name, listed in states.items() if listed]
    return BayesNet(parents, find_leaves(parents) if observed is None else observed, variables=known)


def _read_blocks(text: str, file: str) -> tuple[States, dict[str, ProbabilityBlock]]:
    """Return the states of each variable, none where the file does not list them, and its parents."""
    states: States = {}
    conditionals: dict[str, ProbabilityBlock] = {}
    for block in split_blocks(text, file):
        if block.keyword == "variable":
            _add(states, *_read_variable(block), block, "variable")
        elif block.keyword == "probability":
            conditional = _read_head(block)
            _add(conditionals, conditional.child, conditional, block, "probability of")
    _require_complete(states, conditionals, file)
    return states, conditionals


@dataclass(frozen=True)
class ProbabilityBlock:
    """A probability block: the variable, its parents, and the block that holds the numbers."""

    child: str
    parents: list[str]
    block: Block

    def read_table(self, states: States) -> Probabilities:
        """Return the table with an axis for each parent, as listed, and a last one for the states of the child."""
        shape = [len(states[parent]) for parent in self.parents]
        statements = list(split_statements(self.block))
        if len(statements) == 1 and statements[0].startswith("table"):
            return self._read_flat(statements[0], shape, len(states[self.child]))
        return self._read_rows(statements, states, shape)

    def _read_flat(self, statement: str, shape: list[int], card: int) -> Probabilities:
        numbers = self._read_numbers(statement.removeprefix("table"))
        expected = math.prod(shape) * card
        if len(numbers) != expected:
            raise self._complain(f"a table of {len(numbers):,} numbers where {expected:,} were expected")
        return np.moveaxis(np.array(numbers).reshape(card, *shape), 0, -1)

    def _read_rows(self, statements: list[str], states: States, shape: list[int]) -> Probabilities:
        rows, card = math.prod(shape), len(states[self.child])
        codes = [{state: code for code, state in enumerate(states[parent])} for parent in self.parents]
        listed: dict[int, list[float]] = {}
        default: list[float] | None = None
        for statement in statements:
            if statement.startswith("default") and default is None:
                default = self._read_numbers(statement.removeprefix("default"), card)
                continue
            key, numbers = self._split_row(statement)
            row = self._find_row(key, codes)
            if row in listed:
                raise self._complain(f"the row {shorten(key)} twice")
            listed[row] = self._read_numbers(numbers, card)
        if default is None and len(listed) < rows:
            raise self._complain(f"{len(listed):,} rows where {rows:,} were expected", STRUCTURE_ALONE)
        require_room([*shape, card], self.child)
        table = np.empty((rows, card))
        table[:] = default if default is not None else 0.0
        if listed:
            table[list(listed)] = list(listed.values())
        return table.reshape(*shape, card)

    def _split_row(self, statement: str) -> tuple[str, str]:
        """Return what stands in parentheses, and what follows."""
        if statement[0] == "(" and '"' not in statement:
            key, closed, numbers = statement[1:].partition(")")
            if closed:
                return key, numbers
        elif match := ROW.fullmatch(statement):
            return match[1], match[2]
        raise self._complain(
            f"{shorten(statement)}, which is neither a row, (states) and numbers, nor a table or default"
        )

    def _find_row(self, key: str, codes: list[dict[str, int]]) -> int:
        """Return the number of the row for these states of the parents, the last parent fastest."""
        names = split_names(key)
        if len(names) != len(codes):
            raise self._complain(
                f"a row for {shorten(key)}, which names {len(names)} states where {len(codes)} were expected"
            )
        row = 0
        for name, parent, code in zip(names, self.parents, codes, strict=True):
            if name not in code:
                raise self._complain(f"a row for {name!r}, which is not a state of {parent!r}")
            row = row * len(code) + code[name]
        return row

    def _read_numbers(self, text: str, expected: int | None = None) -> list[float]:
        try:
            numbers = list(map(float, text.replace(",", " ").split()))
        except ValueError as error:
            raise self._complain(f"something that is not a number ({error})") from None
        if expected is not None and len(numbers) != expected:
            raise self._complain(f"a row of {len(numbers)} numbers, {shorten(text)}, where {expected} were expected")
        return numbers

    def _complain(self, what: str, remedy: str = "") -> SourceError:
        return SourceError(f"{self.block.where}: the probability of {self.child!r} has {what}", remedy=remedy)


def _read_variable(block: Block) -> tuple[str, list[str]]:
    """Return the name and the states of a variable, none where it has no type."""
    name = _read_name(block, block.head)
    types = [statement for statement in split_statements(block) if statement.startswith("type")]
    if not types:
        return name, []
    match = TYPE.fullmatch(types[0]) if len(types) == 1 else None
    if not match or match[1] != "discrete":
        raise SourceError(
            f"{block.where}: the variable {name!r} has no list of states",
            remedy="Write type discrete [ 2 ] { yes, no }; other types are not read.",
        )
    states = split_names(match[3])
    if str(len(states)) != match[2].lstrip("0") or "" in states:
        raise SourceError(
            f"{block.where}: the variable {name!r} is said to have {match[2][:20]} states, but lists "
            f"{len([state for state in states if state])}"
        )
    return name, states


def _read_head(block: Block) -> ProbabilityBlock:
    """Return the variable of a probability block and its parents: (A | B, C), or in the older style (A, B, C)."""
    match = HEADED.fullmatch(block.head.strip())
    left, *right = split_at(BAR, match[1]) if match else ["", "", ""]
    if len(right) > 1 or not left.strip():
        raise SourceError(f"{block.where}: {shorten(block.head)} is not of the form (A | B, C)")
    names = [_read_name(block, left), *split_names(right[0])] if right else split_names(left)
    child, *parents = names
    if "" in names or (right and not parents):
        raise SourceError(f"{block.where}: {shorten(block.head)} has an empty name")
    if len(set(names)) < len(names):
        raise SourceError(f"{block.where}: {shorten(block.head)} names a variable twice")
    return ProbabilityBlock(child, parents, block)


def _read_name(block: Block, text: str) -> str:
    name = unquote(text.strip())
    if not name:
        raise SourceError(f"{block.where}: a {block.keyword} block has no name")
    return name


def _add(found: dict[str, T], name: str, value: T, block: Block, what: str) -> None:
    if name in found:
        raise SourceError(f"{block.where}: the {what} {name!r} is given twice", remedy="Remove one.")
    found[name] = value


def _require_complete(states: States, conditionals: dict[str, ProbabilityBlock], file: str) -> None:
    """Raise an error unless every variable has probabilities, and every name in them is that of a variable."""
    if not states:
        raise SourceError(f"{file} has no variables", remedy="Is it a BIF file?")
    for name, conditional in conditionals.items():
        strangers = [other for other in (name, *conditional.parents) if other not in states]
        if strangers:
            where = conditional.block.where
            raise unknown(strangers, states, f"named in the probability of {name!r} ({where})")
    bare = [name for name in states if name not in conditionals]
    if bare:
        remedy = "Give each variable one, probability (a | b, c) { ... }; it names the parents."
        raise SourceError(f"{file} has no probability block of {{names}}", bare, remedy=remedy)
