"""Broken files and broken graphs by the thousand, the same ones in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.processes import ROOT

DATA = ROOT / "tests" / "data"
GOOD = [(DATA / name).read_text() for name in ("asia.bif", "quirks.bif")]
PIECES = [
    *'{}[]()|;,"\\/*\n\t\0\x1b<>&\'',
    "//", "/*", "*/", "variable", "probability", "network", "type", "discrete", "table", "default", "property",
    "0.5", "-1", "1e999", "nan", "inf", "1_0", "0x1", "9" * 5000, "[2]", "[999999999]", "{ yes, no }", "(yes)",
    "asia", "tub", "é", "\u202e", "\U0001f600", " " * 3000, "(" * 3000, '"' * 3001, "{" * 3000, "a," * 2000,
]  # fmt: skip


def mutate(text: str, dice: Random) -> str:
    """A text with one to four changes: pieces cut, repeated, moved, replaced or put in, or the end cut off."""
    for _ in range(dice.randint(1, 4)):
        text = dice.choice(CHANGES)(text, dice)
    return text


def cut_piece(text: str, dice: Random) -> str:
    start, stop = pick_span(text, dice)
    return text[:start] + text[stop:]


def repeat_piece(text: str, dice: Random) -> str:
    start, stop = pick_span(text, dice)
    return text[:stop] + text[start:stop] + text[stop:]


def move_piece(text: str, dice: Random) -> str:
    start, stop = pick_span(text, dice)
    rest = text[:start] + text[stop:]
    at = dice.randint(0, len(rest))
    return rest[:at] + text[start:stop] + rest[at:]


def put_in(text: str, dice: Random) -> str:
    at = dice.randint(0, len(text))
    return text[:at] + dice.choice(PIECES) + text[at:]


def replace_word(text: str, dice: Random) -> str:
    """Another word of the text or a piece of the list in place of a word: names, states and numbers change places."""
    words = text.split(" ")
    at = dice.randrange(len(words))
    words[at] = dice.choice(words) if dice.random() < 0.7 else dice.choice(PIECES)
    return " ".join(words)


def break_off(text: str, dice: Random) -> str:
    return text[: dice.randint(0, len(text))]


CHANGES: list[Callable[[str, Random], str]] = [cut_piece, repeat_piece, move_piece, put_in, replace_word, replace_word]
CHANGES.append(break_off)


def pick_span(text: str, dice: Random) -> tuple[int, int]:
    start = dice.randint(0, len(text))
    return start, min(len(text), start + dice.choice((1, 5, 50, 500)))


def mutate_files(seed: int, count: int) -> Iterator[str]:
    """Broken BIF files."""
    dice = Random(seed)  # noqa: S311
    for _ in range(count):
        yield mutate(dice.choice(GOOD), dice)


STRANGE: list[Any] = [None, "", "a", "b", 0, -1, 1.5, float("nan"), True, (), ("a", 1), b"a", [], {}, {"a"}, "x" * 500]


def draw_graphs(seed: int, count: int) -> Iterator[tuple[Any, Any]]:
    """Parents and observed names, most of them nearly right."""
    dice = Random(seed)  # noqa: S311
    for _ in range(count):
        names: list[Any] = [f"v{i}" for i in range(dice.randint(0, 12))]
        parents: dict[Any, Any] = {
            name: dice.sample(names[:i], min(i, dice.randint(0, 3))) for i, name in enumerate(names)
        }
        observed: Any = [name for name in names if dice.random() < 0.4]
        for _ in range(dice.randint(0, 3)):
            observed = spoil(parents, observed, dice)
        yield parents, observed


def spoil(parents: dict[Any, Any], observed: Any, dice: Random) -> Any:
    """Make one thing wrong, or at least unusual, and return what is observed then."""
    name = dice.choice([*parents, "other"])
    strange = dice.choice(STRANGE)
    match dice.randrange(6):
        case 0:
            parents[name] = strange
        case 1 if isinstance(parents.get(name), list):
            parents[name].append(dice.choice([*parents, strange]))
        case 2 if not isinstance(strange, list | dict | set):
            parents[strange] = [name]
        case 3:
            parents.pop(name, None)
        case 4:
            return strange
        case _ if isinstance(observed, list):
            observed.append(dice.choice([*parents, strange]))
    return observed
