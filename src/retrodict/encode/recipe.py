"""How an encoder was built, as plain values: enough to build it again and fill it with saved arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax

from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Scaling
from retrodict.encode.summaries import Summarized
from retrodict.graph.inverse import Inverse
from retrodict.plan.counts import read_count


@dataclass(frozen=True)
class Recipe:
    """The arguments of `build_encoder` beside the inverse: kind, hidden widths, linear skip, family of real latents.

    A family that is no name of this package's own cannot be written down, and of summaries only the names: whoever
    reads it brings their modules.
    """

    kind: str = "shared"
    widths: tuple[int, ...] | None = None
    skip: bool = True
    conditional: str | Conditional = "normal"
    summaries: tuple[Summarized, ...] = ()

    @classmethod
    def of(
        cls,
        kind: str = "shared",
        widths: Iterable[Any] | None = None,
        skip: bool = True,
        conditional: str | Conditional = "normal",
    ) -> Recipe:
        """Return the recipe with its widths as plain integers; raise `OptionError` for what are no counts."""
        sizes = None if widths is None else tuple(read_count("widths", width) for width in widths)
        return cls(kind, sizes, skip, conditional)

    def build(self, inverse: Inverse, key: jax.Array, scaling: Scaling | None = None) -> Encoder:
        """Return an untrained encoder.

        >>> from retrodict import invert, zoo
        >>> type(Recipe("separate").build(invert(zoo.binary_tree(depth=3)), jax.random.key(0)).network).__name__
        'StackedNetwork'
        """
        return build_encoder(
            inverse,
            key,
            self.kind,
            self.widths,
            conditional=self.conditional,
            scaling=scaling,
            skip=self.skip,
            summaries=self.summaries,
        )
