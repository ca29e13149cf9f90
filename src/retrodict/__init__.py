"""Turn any generative model into the right encoder.

    program or file -> BayesNet -> Inverse (+ Certificate) -> encoder -> fit -> AmortizedPosterior

Each name is imported when it is first used: work on graphs alone never waits for JAX.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrodict import errors as errors
    from retrodict.certify import Certificate as Certificate
    from retrodict.certify import certify as certify
    from retrodict.certify import lint as lint
    from retrodict.graph.bayesnet import BayesNet as BayesNet
    from retrodict.graph.bayesnet import Variable as Variable
    from retrodict.graph.inverse import Inverse as Inverse
    from retrodict.graph.separation import d_separated as d_separated
    from retrodict.invert import fully_connected as fully_connected
    from retrodict.invert import invert as invert
    from retrodict.invert import mean_field as mean_field
    from retrodict.invert import reversal as reversal

__version__ = version("retrodict")

# Where each public name lives. The imports above say the same to type checkers; a test holds them together.
_HOMES = {
    "errors": "retrodict.errors",
    "BayesNet": "retrodict.graph.bayesnet",
    "Variable": "retrodict.graph.bayesnet",
    "Inverse": "retrodict.graph.inverse",
    "d_separated": "retrodict.graph.separation",
    "invert": "retrodict.invert",
    "reversal": "retrodict.invert",
    "mean_field": "retrodict.invert",
    "fully_connected": "retrodict.invert",
    "Certificate": "retrodict.certify",
    "certify": "retrodict.certify",
    "lint": "retrodict.certify",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retrodict' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return getattr(home, name, home)


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps a function such as ``invert`` from being hidden by the submodule that bears its name.

    Importing a submodule binds it in its package; where the name is a public one, the public one wins.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in _HOMES):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
