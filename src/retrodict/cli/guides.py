"""Guides given on the command line: a JSON file, or the name of a baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrodict.certificate.certify import Certificate
from retrodict.errors import SourceError
from retrodict.files.text import read_text
from retrodict.graph.bayesnet import BayesNet
from retrodict.guide.lint import lint
from retrodict.invert.baselines import BASELINES

# For people, who see it through Rich: it would take a word in brackets for markup.
GUIDE_HELP = r"A JSON file {latent: \[parents]}, or reversal, mean-field or fully-connected."


def complete_guide(incomplete: str) -> list[str]:
    """Return the baselines that begin so."""
    return [name for name in BASELINES if name.startswith(incomplete)]


def judge(net: BayesNet, guide: str) -> Certificate:
    """Return the verdict on a baseline or on the guide in a JSON file, {latent: [parents]}.

    Raises `FileError` for a file that cannot be read, `SourceError` for one that is no guide, and what `lint` raises.
    """
    return lint(net, guide if guide in BASELINES else read_guide_file(Path(guide)))


def read_guide_file(path: Path) -> dict[str, Any]:
    """Read {latent: [parents]}; the file is data, and an error names it."""
    text = read_text(path)
    try:
        guide = json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the guide {path} is not JSON: {error}", remedy="Write {latent: [parents]}.") from None
    if not isinstance(guide, dict):
        raise SourceError(f"the guide {path} is not a JSON object", remedy="Write {latent: [parents]}.")
    return guide


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice")
    return entries
