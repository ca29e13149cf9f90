"""How an encoder was built, as plain values: enough to build it again and fill it with saved arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Scaling
from retrodict.encode.summaries import Summarized
from retrodict.graph.inverse import Inverse
from retrodict.plan.counts import read_count

Array = NDArray[Any]
Tree = TypeVar("Tree")


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


def list_numbers(tree: Any) -> dict[str, Array]:
    """Return the floating-point arrays of an encoder or a program, by their place in it: all that training changes.

    Index arrays and masks are left out: they follow from the inverse and the recipe.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, eqx.is_inexact_array))
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def find_misfits(tree: Any, numbers: Mapping[str, Array]) -> list[str]:
    """Return the places at which arrays do not fit the floating-point arrays of a tree, the precision apart."""
    expected = {place: array.shape for place, array in list_numbers(tree).items()}
    strange = [place for place, array in numbers.items() if array.shape != expected.get(place)]
    wrong = [place for place, array in numbers.items() if not np.issubdtype(array.dtype, np.inexact)]
    return sorted({*strange, *wrong, *(expected.keys() - numbers.keys())})


def fill(tree: Tree, numbers: Mapping[str, Array]) -> Tree:
    """Return a tree with its floating-point arrays replaced by those of the same places.

    The tree keeps its precision: files are written and read with JAX in 32 bits or in 64.
    """
    moving, fixed = eqx.partition(tree, eqx.is_inexact_array)
    leaves, structure = jax.tree_util.tree_flatten_with_path(moving)
    filled = [jnp.asarray(numbers[jax.tree_util.keystr(path)], leaf.dtype) for path, leaf in leaves]
    return eqx.combine(jax.tree_util.tree_unflatten(structure, filled), fixed)
