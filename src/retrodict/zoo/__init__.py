"""Named models and nets, each with its source and what is known about it, programs to learn, and images.

Structures and models with exact answers need NumPy alone: ``zoo.binary_tree``. Programs with parameters to learn are in
`zoo.programs`, which imports JAX when one of them is asked for; sets of images are in `zoo.images`, pieces of music in
`zoo.music`. Models of plates
and series at all sizes are templates: ``zoo.template("radon")``.
"""

from __future__ import annotations

from retrodict.zoo import images as images
from retrodict.zoo import music as music
from retrodict.zoo import programs as programs
from retrodict.zoo.structures import NAMED as NAMED
from retrodict.zoo.structures import asia as asia
from retrodict.zoo.structures import binary_tree as binary_tree
from retrodict.zoo.structures import find as find
from retrodict.zoo.structures import hmm as hmm
from retrodict.zoo.structures import layers as layers
from retrodict.zoo.structures import plate as plate
from retrodict.zoo.templates import TEMPLATES as TEMPLATES
from retrodict.zoo.templates import template as template

__all__ = [
    *("NAMED", "TEMPLATES", "asia", "binary_tree", "find", "hmm", "images", "layers", "music"),
    *("plate", "programs", "template"),
]
