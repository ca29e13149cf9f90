"""Named models, each with its source and what is known about it.

Structures and models with exact answers need NumPy alone. Programs with parameters to learn are Equinox modules:
called without arguments, they describe one observation, ``x``, to NumPyro. They import JAX when one is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retrodict.zoo.structures import NAMED as NAMED
from retrodict.zoo.structures import asia as asia
from retrodict.zoo.structures import binary_tree as binary_tree
from retrodict.zoo.structures import find as find
from retrodict.zoo.structures import hmm as hmm
from retrodict.zoo.structures import layers as layers
from retrodict.zoo.structures import plate as plate

if TYPE_CHECKING:
    from retrodict.zoo.programs.autoregression import autoregressive_vae as autoregressive_vae
    from retrodict.zoo.programs.belief import sigmoid_belief_network as sigmoid_belief_network
    from retrodict.zoo.programs.exponential import deep_exponential_family as deep_exponential_family
    from retrodict.zoo.programs.implicit import implicit_generator as implicit_generator
    from retrodict.zoo.programs.ladder import layered_vae as layered_vae
    from retrodict.zoo.programs.variational import bernoulli_vae as bernoulli_vae
    from retrodict.zoo.programs.variational import vae as vae

# Programs with parameters, and the files that hold them.
LEARNED = {
    "vae": "variational",
    "bernoulli_vae": "variational",
    "layered_vae": "ladder",
    "sigmoid_belief_network": "belief",
    "deep_exponential_family": "exponential",
    "autoregressive_vae": "autoregression",
    "implicit_generator": "implicit",
}

__all__ = ["LEARNED", "NAMED", "asia", "binary_tree", "find", "hmm", "layers", "plate", *LEARNED]


def __getattr__(name: str) -> Any:
    if name not in LEARNED:
        raise AttributeError(f"module 'retrodict.zoo' has no attribute {name!r}")
    return getattr(import_module(f"retrodict.zoo.programs.{LEARNED[name]}"), name)


def __dir__() -> list[str]:
    return __all__
