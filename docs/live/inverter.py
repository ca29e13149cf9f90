"""What the live page runs: parents or a BIF file in, the report of the inverse out. Plain Python and NumPy, no JAX."""

from __future__ import annotations

import re
import sys
from functools import wraps
from time import perf_counter
from typing import Any

import numpy as np


def count_in_32_bits() -> None:
    """Let NumPy take counts of 64 bits where it counts in 32, as in a browser: it refuses to shorten them by itself."""
    repeat, count = np.repeat, np.bincount

    @wraps(repeat)
    def repeat_all(values: Any, repeats: Any, axis: int | None = None) -> Any:
        return repeat(values, np.asarray(repeats).astype(np.intp), axis)

    @wraps(count)
    def count_all(numbers: Any, weights: Any = None, minlength: int = 0) -> Any:
        return count(np.asarray(numbers).astype(np.intp), weights, minlength).astype(np.int64)

    np.repeat, np.bincount = repeat_all, count_all


if sys.platform == "emscripten":
    count_in_32_bits()

from retrodict import BayesNet
from retrodict.errors import RetrodictError, SourceError
from retrodict.read.bif.bif_reader import parse_structure
from retrodict.report.content import gather
from retrodict.report.page import render

LINE = re.compile(r"\s*([^|]+?)\s*(?:\|\s*(.*?)\s*)?")
# Local search goes on for this share of its usual work: a browser is some times slower.
BUDGET = 0.05


def show(text: str, observed: str = "") -> dict[str, str]:
    """Return the page of a model under ``page``, or what is wrong with the text under ``error``.

    >>> sorted(show("rain; sprinkler | rain; wet | rain sprinkler"))
    ['page', 'seconds']
    >>> show("a | b")["error"].splitlines()[0]
    "'b' is given as a parent of 'a', but is no variable of its own. Add a line with the name b."
    """
    begun = perf_counter()
    try:
        net = read(text, observed.replace(",", " ").split())
        page = render(gather(net, "Your model", budget=BUDGET))
    except RetrodictError as error:
        return {"error": str(error)}
    return {"page": page, "seconds": f"{perf_counter() - begun:.2f}"}


def read(text: str, observed: list[str]) -> BayesNet:
    """Return the structure that a text describes: a BIF file, or lines such as ``wet | rain, sprinkler``.

    >>> read("a; b | a", [])
    BayesNet(1 latent, 1 observed, 1 edges)
    """
    if re.search(r"\bvariable\s+\S+\s*\{", text):
        return parse_structure(text, "The text", observed or None)
    parents = read_lines(text)
    return BayesNet(parents, observed or find_leaves(parents))


def read_lines(text: str) -> dict[str, list[str]]:
    """Return the parents of each variable.

    >>> read_lines("a; b | a  # a comment")
    {'a': [], 'b': ['a']}
    """
    parents: dict[str, list[str]] = {}
    for line in re.split(r"[;\n]", re.sub(r"#.*", "", text)):
        if not line.strip():
            continue
        match = LINE.fullmatch(line)
        if not match or match[1] in parents:
            problem = "is not of the form: name | parent, parent" if not match else "gives a variable twice"
            raise SourceError(f"The line {line.strip()!r} {problem}")
        parents[match[1]] = (match[2] or "").replace(",", " ").split()
    for name, above in parents.items():
        for strange in (parent for parent in above if parent not in parents):
            raise SourceError(
                f"{strange!r} is given as a parent of {name!r}, but is no variable of its own",
                remedy=f"Add a line with the name {strange}.",
            )
    return parents


def find_leaves(parents: dict[str, list[str]]) -> list[str]:
    """Return the variables that are nobody's parent.

    >>> find_leaves({"a": [], "b": ["a"]})
    ['b']
    """
    used = {parent for above in parents.values() for parent in above}
    return [name for name in parents if name not in used]
