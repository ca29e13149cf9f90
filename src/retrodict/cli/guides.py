"""Guides given on the command line: a JSON file, or the name of a baseline."""

from __future__ import annotations

from pathlib import Path

from retrodict.certificate.certify import Certificate
from retrodict.files.strict_json import read_json
from retrodict.graph.bayesnet import BayesNet
from retrodict.guide.judging.lint import lint
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
    return lint(net, guide if guide in BASELINES else read_json(Path(guide), "Write {latent: [parents]}."))
