"""Pairs of a generator and an encoder of a label, a style and an image, as graphs.

The encoder that is given is that of Siddharth et al. 2017: the label from the image, the style from image and label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import retrodict as rd

STYLES = 4
LATENTS = ("y", *(f"z{i}" for i in range(STYLES)))
Parents = Mapping[str, tuple[str, ...]]
GIVEN: Parents = {"y": ("x",), **dict.fromkeys(LATENTS[1:], ("x", "y"))}
# Every latent reads the image and all latents before it.
FULL: Parents = {name: ("x", *LATENTS[:place]) for place, name in enumerate(LATENTS)}


@dataclass(frozen=True)
class Arm:
    """Parents of the latents in the generator, and in the encoder."""

    generator: Parents
    encoder: Parents


def make_arms() -> dict[str, Arm]:
    """Return what is compared: naive Bayes and the derived generator under the given encoder and the complete one.

    The derived generator is the complete one, whose own encoder is complete.
    """
    apart: Parents = dict.fromkeys(LATENTS, ())
    return {
        "naive Bayes": Arm(apart, GIVEN),
        "derived": Arm(derive(GIVEN), GIVEN),
        "naive Bayes, complete encoder": Arm(apart, FULL),
        "fully connected": Arm({name: LATENTS[:place] for place, name in enumerate(LATENTS)}, FULL),
    }


def derive(encoder: Parents) -> Parents:
    """Return the parents of latents in the generator that an encoder asks for, the label first."""
    found = rd.generator(encoder, tiers=[["y"], list(LATENTS[1:])])
    return {name: tuple(parent for parent in found.parents[name] if parent != "x") for name in LATENTS}


def find_lacking(encoder: Parents, generator: Parents) -> tuple[str, ...]:
    """Return the dependencies that a generator lacks, with the paths that show them."""
    written = {**generator, "x": LATENTS}
    return tuple(edge.drawing for edge in rd.lint_generator(encoder, written).missing)
