"""The file format of certificates: plain JSON that holds all it takes to check the verdict from scratch."""

from __future__ import annotations

from typing import Any

from retrodict.errors import GraphError
from retrodict.graph.inverse import Inverse

FORMAT, VERSION = "retrodict-certificate", 1


def begin_file(inverse: Inverse) -> dict[str, Any]:
    """Return what a certificate judges as plain values, with the name and version of the format.

    Raises `GraphError` for names that are not text: JSON has no tuples and would turn the number 1 into the text "1".

    >>> from retrodict.graph.bayesnet import BayesNet
    >>> from retrodict.invert import invert
    >>> begin_file(invert(BayesNet({"z": [], "x": ["z"]}, observed=["x"])))["model"]
    {'parents': {'z': [], 'x': ['z']}, 'observed': ['x']}
    """
    others = [name for name in inverse.net.names if not _is_text(name)]
    if others:
        raise GraphError(
            "a certificate file carries names that are text, not {names}",
            others,
            remedy="Name variables by Unicode text.",
        )
    return {"format": FORMAT, "version": VERSION, "model": inverse.net.to_dict(), "inverse": inverse.to_dict()}


def _is_text(name: object) -> bool:
    """Whether a name is text that UTF-8 can write: half of a surrogate pair cannot be."""
    return isinstance(name, str) and not any("\ud800" <= letter <= "\udfff" for letter in name)
