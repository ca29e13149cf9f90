"""Encoders by name, with widths that suit the inverse where none are given."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
from jaxtyping import Array, Key

from retrodict.encode.compression import Compression
from retrodict.encode.coordinates import Coordinates
from retrodict.encode.encoder import Encoder, Structure
from retrodict.encode.families.choice import choose_conditional, read_family
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Features, Scaling
from retrodict.encode.networks.block_linear import BlockLinear
from retrodict.encode.networks.layers import MaskedLinear
from retrodict.encode.networks.network import Network, build_masked
from retrodict.encode.networks.stacked import StackedLinear, StackedNetwork
from retrodict.encode.summaries import Summaries, Summarized, summarize
from retrodict.errors import OptionError
from retrodict.graph.inverse import Inverse
from retrodict.plan.dependencies import Dependencies

Layer = MaskedLinear | BlockLinear | StackedLinear

# Each is called with dependencies, widths or None, the number of parameters of a column, and a key; and skip=.
NETWORKS: dict[str, Callable[..., Network]] = {"shared": build_masked, "separate": StackedNetwork}


def read_network(name: str) -> Callable[..., Network]:
    """Return what builds the network of this name; raise `OptionError` for another name."""
    if name not in NETWORKS:
        raise OptionError(f"the network {name!r} does not exist", remedy=f"Choose one of {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def build_encoder(
    structure: Inverse | Dependencies,
    key: Key[Array, ""],
    network: str = "shared",
    widths: Sequence[int] | None = None,
    *,
    conditional: str | Conditional = "normal",
    scaling: Scaling | None = None,
    skip: bool = True,
    summaries: Sequence[Summarized] = (),
    compression: Compression | None = None,
) -> Encoder:
    """Return an untrained encoder with exactly the dependencies of an inverse.

    ``network`` is ``"shared"`` or ``"separate"``; ``widths`` are those of the hidden layers (of each network, if
    separate); ``conditional`` the family of real latents, ``"normal"``, ``"mixture"``, ``"truncated"``, ``"spline"``
    or one of your own. ``summaries`` are networks that observed variables pass through first; columns of ``scaling``
    are those behind them and a ``compression``. Raises `OptionError` for an unknown network, `WidthError` for a layer
    too narrow.

    >>> from retrodict import invert, zoo
    >>> encoder = build_encoder(invert(zoo.binary_tree(depth=3)), jax.random.key(0))
    >>> count_parameters(encoder) > 0
    True
    """
    whole = Dependencies.of(structure).by_column() if isinstance(structure, Inverse) else structure
    dependencies = summarize(whole, summaries)
    family = choose_conditional(dependencies, scaling, conditional)
    return Encoder(
        read_network(network)(dependencies, widths, family.n_parameters, key, skip=skip),
        family,
        scaling or Scaling.none(int(dependencies.sizes.sum())),
        Features.of(dependencies, Summaries.of(whole, summaries) if summaries else None, compression),
        Structure.of(dependencies),
        Coordinates.of(dependencies, read_family(conditional)),
    )


def list_layers(encoder: eqx.Module) -> list[Layer]:
    """Return all layers of an encoder."""
    nodes = jax.tree.leaves(encoder, is_leaf=lambda node: isinstance(node, Layer))
    return [node for node in nodes if isinstance(node, Layer)]


def count_parameters(encoder: eqx.Module) -> int:
    """Return the number of weights and biases in use: weights that a mask switches off do not count."""
    return sum(layer.in_use for layer in list_layers(encoder))


def count_stored(encoder: eqx.Module) -> int:
    """Return the number of weights and biases that are stored, in use or not."""
    leaves = jax.tree.leaves(eqx.filter(list_layers(encoder), eqx.is_inexact_array))
    return sum(leaf.size for leaf in leaves)
