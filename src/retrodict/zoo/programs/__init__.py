"""Named programs with parameters to learn: Equinox modules that describe one observation, ``x``, to NumPyro.

Called without arguments, a program draws its latents and ``x``. JAX is imported when one of them is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrodict.zoo.programs.autoregression import autoregressive_vae as autoregressive_vae
    from retrodict.zoo.programs.belief import sigmoid_belief_network as sigmoid_belief_network
    from retrodict.zoo.programs.exponential import deep_exponential_family as deep_exponential_family
    from retrodict.zoo.programs.implicit import implicit_generator as implicit_generator
    from retrodict.zoo.programs.ladder import layered_vae as layered_vae
    from retrodict.zoo.programs.markov import deep_markov as deep_markov
    from retrodict.zoo.programs.state_space import linear_series as linear_series
    from retrodict.zoo.programs.variational import bernoulli_vae as bernoulli_vae
    from retrodict.zoo.programs.variational import vae as vae
    from retrodict.zoo.programs.volatility import stochastic_volatility as stochastic_volatility

_HOMES = {
    "vae": "variational",
    "bernoulli_vae": "variational",
    "layered_vae": "ladder",
    "sigmoid_belief_network": "belief",
    "deep_exponential_family": "exponential",
    "autoregressive_vae": "autoregression",
    "implicit_generator": "implicit",
    "deep_markov": "markov",
    "linear_series": "state_space",
    "stochastic_volatility": "volatility",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retrodict.zoo.programs' has no attribute {name!r}")
    return getattr(import_module(f"retrodict.zoo.programs.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
