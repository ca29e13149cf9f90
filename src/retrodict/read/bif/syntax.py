"""The syntax of BIF files: blocks, statements and lists of names; what they mean is said in `bif`.

    network NAME { property ...; }
    variable NAME { type discrete [ 2 ] { yes, no }; }
    probability ( CHILD | PARENT, ... ) { (state, ...) 0.1, 0.9; default 0.5, 0.5; }
    probability ( CHILD | PARENT, ... ) { table 0.1, 0.9, ...; }

Every expression below gives up nothing it has matched (possessive quantifiers), so time is linear in the text.
Source: Cozman, the Interchange Format for Bayesian Networks (BIF 0.15), 1998.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from retrodict.errors import SourceError

STRING = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
COMMENT = re.compile(rf"({STRING})|/\*.*?\*/|//[^\n]*+", re.DOTALL)
HEAD = re.compile(rf'\s*+(network|variable|probability)\b((?:{STRING}|[^"{{}};]++)*+)\{{')
FLAT = re.compile(rf'((?:{STRING}|[^"{{}}]++)*+)\}}')
NESTED = re.compile(rf'((?:{STRING}|[^"{{}}]++|\{{(?:{STRING}|[^"{{}}]++)*+\}})*+)\}}')
STATEMENT = re.compile(rf'(?:{STRING}|[^";]++)*+')
BAR = re.compile(rf'(?:{STRING}|[^"|]++)*+')
COMMA = re.compile(rf'(?:{STRING}|[^",]++)*+')
WORD = re.compile(rf'{STRING}|[^"\s]++')
SPACE = re.compile(r"\s*+")
ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Block:
    """A block of a file: its keyword, what stands before and within its braces, and where it begins."""

    keyword: str
    head: str
    body: str
    where: str


def split_blocks(text: str, file: str) -> Iterator[Block]:
    """Return the blocks of a file one after another; raise `SourceError` for what is none.

    >>> [(block.keyword, block.head.strip()) for block in split_blocks("network a { } variable b { }", "x.bif")]
    [('network', 'a'), ('variable', 'b')]
    """
    text = blank_comments(text)
    at, line, counted = 0, 1, 0
    end = len(text.rstrip())
    while at < end:
        begin = SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        line, counted = line + text.count("\n", counted, begin), begin
        where = f"{file}, line {line}"
        head = HEAD.match(text, begin)
        if not head:
            raise SourceError(
                f"{where}: {shorten(text[begin : begin + 200])} does not begin a block, or begins one that the file "
                "breaks off",
                remedy="Blocks are network, variable and probability, each with { } behind it.",
            )
        body = (FLAT if head[1] == "probability" else NESTED).match(text, head.end())
        if not body:
            raise SourceError(
                f"{where}: the {head[1]} block of {shorten(head[2])} has no end", remedy="Is the file whole?"
            )
        yield Block(head[1], head[2], body[1], where)
        at = body.end()


def blank_comments(text: str) -> str:
    """Replace comments by their line ends, so that lines keep their numbers.

    >>> blank_comments('a /* b */ "//" // d')
    'a  "//" '
    """
    if "//" not in text and "/*" not in text:
        return text
    return COMMENT.sub(lambda match: match[1] or "\n" * match[0].count("\n"), text)


def split_statements(block: Block) -> Iterator[str]:
    """Return the statements of a block without the semicolons that end them and without properties."""
    *statements, rest = block.body.split(";") if '"' not in block.body else split_at(STATEMENT, block.body)
    if rest.strip():
        raise SourceError(f"{block.where}: {shorten(rest)} is not ended by a semicolon", remedy="Is the file whole?")
    for statement in map(str.strip, statements):
        if statement and not re.match(r"property\b", statement):
            yield statement


def split_at(part: re.Pattern[str], text: str) -> list[str]:
    """Return the parts of a text between separators that stand outside of quotes.

    >>> split_at(COMMA, 'a, "b,c", d')
    ['a', ' "b,c"', ' d']
    """
    parts, at = [], 0
    while True:
        found = part.match(text, at)
        stop = found.end() if found else at
        if stop < len(text) and text[stop] == '"':  # a quote without its fellow
            raise SourceError(f"{shorten(text[stop:])} has a quotation mark that is not closed", remedy="Close it.")
        parts.append(text[at:stop])
        if stop >= len(text):
            return parts
        at = stop + 1


def split_names(text: str) -> list[str]:
    """Return names separated by commas (they may have spaces then) or else by space; quotes are taken off.

    >>> split_names('yes, "not, really" , who knows')
    ['yes', 'not, really', 'who knows']
    >>> split_names('yes "no"')
    ['yes', 'no']
    """
    if '"' not in text:
        return [" ".join(name.split()) for name in text.split(",")] if "," in text else text.split()
    parts = split_at(COMMA, text)
    if len(parts) == 1:
        parts = WORD.findall(text)
    return [unquote(part.strip()) for part in parts]


def unquote(name: str) -> str:
    r"""Return a name without its quotes and with single spaces; raise `SourceError` for quotes inside it.

    >>> unquote('"say \\"yes\\""')
    'say "yes"'
    """
    if '"' not in name:
        return " ".join(name.split())
    if not re.fullmatch(STRING, name):
        raise SourceError(f"{shorten(name)} has quotation marks inside a name", remedy="Put them around it.")
    return ESCAPED.sub(r"\1", name[1:-1])


def shorten(text: str) -> str:
    """Return a text for a message: on one line, with quotes, not too long.

    >>> shorten("a  b" + "c" * 100)
    "'a bccccccccccccccccccccccccccccccccccccc...'"
    """
    words = " ".join(text[:400].split())
    return repr(words if len(words) <= 40 else words[:40] + "...")
