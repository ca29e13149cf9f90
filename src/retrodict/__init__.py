"""Turn any generative model into the right encoder.

    program or file -> BayesNet -> Inverse (+ Certificate) -> encoder -> fit -> AmortizedPosterior

What needs NumPy alone is imported here; what needs JAX when it is first used, so that work on graphs never
waits for it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from retrodict import errors as errors
from retrodict.certify import Certificate as Certificate
from retrodict.certify import certify as certify
from retrodict.graph.bayesnet import BayesNet as BayesNet
from retrodict.graph.bayesnet import Variable as Variable
from retrodict.graph.inverse import Inverse as Inverse
from retrodict.graph.separation import d_separated as d_separated
from retrodict.invert import compare as compare
from retrodict.invert import fully_connected as fully_connected
from retrodict.invert import invert as invert
from retrodict.invert import mean_field as mean_field
from retrodict.invert import reversal as reversal
from retrodict.linting import lint as lint

if TYPE_CHECKING:
    from retrodict import zoo as zoo
    from retrodict.amortization import amortize as amortize
    from retrodict.discrete import DiscreteNetwork as DiscreteNetwork
    from retrodict.gaussian import LinearGaussian as LinearGaussian
    from retrodict.gaussian.costs import edge_costs as edge_costs
    from retrodict.guide import AutoFaithful as AutoFaithful
    from retrodict.learn.fit import fit_model as fit_model
    from retrodict.learn.learned import LearnedModel as LearnedModel
    from retrodict.learn.learned import load_model as load_model
    from retrodict.model import Model as Model
    from retrodict.posterior import AmortizedPosterior as AmortizedPosterior
    from retrodict.posterior import load as load
    from retrodict.read.bif import from_bif as from_bif
    from retrodict.read.networkx import from_networkx as from_networkx
    from retrodict.read.numpyro import from_numpyro as from_numpyro
    from retrodict.read.pgmpy import from_pgmpy as from_pgmpy
    from retrodict.read.pyagrum import from_pyagrum as from_pyagrum
    from retrodict.read.pymc import from_pymc as from_pymc
    from retrodict.read.pyro import from_pyro as from_pyro

__version__ = version("retrodict")

# Where the lazy names live. The imports above say the same to type checkers; a test holds them together.
_LAZY = {
    "AutoFaithful": "retrodict.guide",
    "AmortizedPosterior": "retrodict.posterior",
    "amortize": "retrodict.amortization",
    "zoo": "retrodict.zoo",
    "LinearGaussian": "retrodict.gaussian",
    "edge_costs": "retrodict.gaussian.costs",
    "Model": "retrodict.model",
    "fit_model": "retrodict.learn.fit",
    "LearnedModel": "retrodict.learn.learned",
    "load_model": "retrodict.learn.learned",
    "load": "retrodict.posterior",
    "from_numpyro": "retrodict.read.numpyro",
    "DiscreteNetwork": "retrodict.discrete",
    "from_bif": "retrodict.read.bif",
    "from_networkx": "retrodict.read.networkx",
    "from_pgmpy": "retrodict.read.pgmpy",
    "from_pyagrum": "retrodict.read.pyagrum",
    "from_pymc": "retrodict.read.pymc",
    "from_pyro": "retrodict.read.pyro",
}

__all__ = [
    "AmortizedPosterior",
    "AutoFaithful",
    "BayesNet",
    "Certificate",
    "DiscreteNetwork",
    "Inverse",
    "LearnedModel",
    "LinearGaussian",
    "Model",
    "Variable",
    "__version__",
    "amortize",
    "certify",
    "compare",
    "d_separated",
    "edge_costs",
    "errors",
    "fit_model",
    "from_bif",
    "from_networkx",
    "from_numpyro",
    "from_pgmpy",
    "from_pyagrum",
    "from_pymc",
    "from_pyro",
    "fully_connected",
    "invert",
    "lint",
    "load",
    "load_model",
    "mean_field",
    "reversal",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'retrodict' has no attribute {name!r}")
    home = import_module(_LAZY[name])
    return home if name == "zoo" else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
