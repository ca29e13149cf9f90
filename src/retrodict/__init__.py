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
from retrodict.certificate.certify import Certificate as Certificate
from retrodict.certificate.certify import Edge as Edge
from retrodict.certificate.certify import MissingEdge as MissingEdge
from retrodict.certificate.certify import certify as certify
from retrodict.graph.bayesnet import BayesNet as BayesNet
from retrodict.graph.bayesnet import Variable as Variable
from retrodict.graph.inverse import Inverse as Inverse
from retrodict.graph.inverse import Sparsified as Sparsified
from retrodict.graph.separation import Separation as Separation
from retrodict.graph.separation import d_separated as d_separated
from retrodict.guide.lint import lint as lint
from retrodict.guide.verdict import GuideVerdict as GuideVerdict
from retrodict.guide.verdict import WrongShape as WrongShape
from retrodict.guide.verdict import WrongSupport as WrongSupport
from retrodict.invert import compare as compare
from retrodict.invert import fully_connected as fully_connected
from retrodict.invert import invert as invert
from retrodict.invert import mean_field as mean_field
from retrodict.invert import reversal as reversal
from retrodict.invert.compare import Comparison as Comparison

if TYPE_CHECKING:
    from retrodict import zoo as zoo
    from retrodict.encode.encoder import Encoder as Encoder
    from retrodict.guide.guide import AutoFaithful as AutoFaithful
    from retrodict.learn.fit import fit_model as fit_model
    from retrodict.learn.gap import Gap as Gap
    from retrodict.learn.gap import split_gap as split_gap
    from retrodict.learn.learned import LearnedModel as LearnedModel
    from retrodict.learn.loading import load as load
    from retrodict.learn.refine import refine_encoder as refine_encoder
    from retrodict.models.discrete import DiscreteNetwork as DiscreteNetwork
    from retrodict.models.gaussian import LinearGaussian as LinearGaussian
    from retrodict.models.gaussian.costs import EdgeCosts as EdgeCosts
    from retrodict.models.gaussian.costs import edge_costs as edge_costs
    from retrodict.models.gaussian.gaussian_factors import GaussianFactors as GaussianFactors
    from retrodict.models.model import Model as Model
    from retrodict.pictures.picture import Picture as Picture
    from retrodict.pictures.table import Table as Table
    from retrodict.plan.capacity import Capacity as Capacity
    from retrodict.posterior.amortization import amortize as amortize
    from retrodict.posterior.calibration.calibration import Calibration as Calibration
    from retrodict.posterior.calibration.calibration import Check as Check
    from retrodict.posterior.observations import Evidence as Evidence
    from retrodict.posterior.posterior import AmortizedPosterior as AmortizedPosterior
    from retrodict.posterior.weights.importance import Importance as Importance
    from retrodict.read.bif.bif_reader import from_bif as from_bif
    from retrodict.read.formats import from_file as from_file
    from retrodict.read.networkx import from_networkx as from_networkx
    from retrodict.read.numpyro.model import NumpyroModel as NumpyroModel
    from retrodict.read.numpyro.reader import from_numpyro as from_numpyro
    from retrodict.read.numpyro.sites import Site as Site
    from retrodict.read.pgmpy import from_pgmpy as from_pgmpy
    from retrodict.read.pyagrum import from_pyagrum as from_pyagrum
    from retrodict.read.pymc import from_pymc as from_pymc
    from retrodict.read.pyro import from_pyro as from_pyro
    from retrodict.report.page import write_report as write_report
    from retrodict.train.history import History as History
    from retrodict.train.relaxation import Temperature as Temperature
    from retrodict.train.training import Training as Training

__version__ = version("retrodict")

# Where the lazy names live. The imports above say the same to type checkers; a test holds them together.
_LAZY = {
    "AmortizedPosterior": "retrodict.posterior.posterior",
    "AutoFaithful": "retrodict.guide.guide",
    "Calibration": "retrodict.posterior.calibration.calibration",
    "Capacity": "retrodict.plan.capacity",
    "Check": "retrodict.posterior.calibration.calibration",
    "DiscreteNetwork": "retrodict.models.discrete",
    "EdgeCosts": "retrodict.models.gaussian.costs",
    "Encoder": "retrodict.encode.encoder",
    "Evidence": "retrodict.posterior.observations",
    "Gap": "retrodict.learn.gap",
    "GaussianFactors": "retrodict.models.gaussian.gaussian_factors",
    "History": "retrodict.train.history",
    "Importance": "retrodict.posterior.weights.importance",
    "LearnedModel": "retrodict.learn.learned",
    "LinearGaussian": "retrodict.models.gaussian",
    "Model": "retrodict.models.model",
    "NumpyroModel": "retrodict.read.numpyro.model",
    "Picture": "retrodict.pictures.picture",
    "Site": "retrodict.read.numpyro.sites",
    "Table": "retrodict.pictures.table",
    "Temperature": "retrodict.train.relaxation",
    "Training": "retrodict.train.training",
    "amortize": "retrodict.posterior.amortization",
    "edge_costs": "retrodict.models.gaussian.costs",
    "fit_model": "retrodict.learn.fit",
    "from_bif": "retrodict.read.bif.bif_reader",
    "from_file": "retrodict.read.formats",
    "from_networkx": "retrodict.read.networkx",
    "from_numpyro": "retrodict.read.numpyro.reader",
    "from_pgmpy": "retrodict.read.pgmpy",
    "from_pyagrum": "retrodict.read.pyagrum",
    "from_pymc": "retrodict.read.pymc",
    "from_pyro": "retrodict.read.pyro",
    "load": "retrodict.learn.loading",
    "refine_encoder": "retrodict.learn.refine",
    "split_gap": "retrodict.learn.gap",
    "write_report": "retrodict.report.page",
    "zoo": "retrodict.zoo",
}

__all__ = [
    "AmortizedPosterior",
    "AutoFaithful",
    "BayesNet",
    "Calibration",
    "Capacity",
    "Certificate",
    "Check",
    "Comparison",
    "DiscreteNetwork",
    "Edge",
    "EdgeCosts",
    "Encoder",
    "Evidence",
    "Gap",
    "GaussianFactors",
    "GuideVerdict",
    "History",
    "Importance",
    "Inverse",
    "LearnedModel",
    "LinearGaussian",
    "MissingEdge",
    "Model",
    "NumpyroModel",
    "Picture",
    "Separation",
    "Site",
    "Sparsified",
    "Table",
    "Temperature",
    "Training",
    "Variable",
    "WrongShape",
    "WrongSupport",
    "__version__",
    "amortize",
    "certify",
    "compare",
    "d_separated",
    "edge_costs",
    "errors",
    "fit_model",
    "from_bif",
    "from_file",
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
    "mean_field",
    "refine_encoder",
    "reversal",
    "split_gap",
    "write_report",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'retrodict' has no attribute {name!r}")
    home = import_module(_LAZY[name])
    return home if name == "zoo" else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
