"""What `amortize` is given: a model or a structure, and simulations that are stored, counted, or still to be drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.models.black_box import BlackBox
from retrodict.models.model import Model
from retrodict.posterior.tables.runs import Runs, describe, find_arrays
from retrodict.read.tables.table_reader import read_table

TABLES = "Give amortize(net, simulations=table) its runs, or make it a model by rd.from_simulator(net, simulate)."


def read_simulations(
    source: Any, simulations: Any, observed: Iterable[Name] | None, weights: Any, seed: int
) -> tuple[Model, Runs | None]:
    """Return the model, and its stored runs, checked and split; None where JAX draws them.

    Raises `OptionError` for what is no model, and what `read_table` and `Runs.split` raise.
    """
    if not isinstance(source, Model | BayesNet):
        raise OptionError(
            f"amortize needs a Model that can be simulated, or a BayesNet with simulations=, not a "
            f"{type(source).__name__}",
            remedy="Read a program by rd.from_numpyro(program, observed=[...]), or give the structure as a BayesNet.",
        )
    chosen = source if observed is None else source.observing(observed)
    if simulations is None:
        return _require_simulator(chosen, weights), None
    table = read_table(simulations, chosen.net.names if isinstance(chosen, Model) else chosen.names)
    arrays = find_arrays(chosen, table)
    model = BlackBox(describe(chosen, arrays)) if isinstance(chosen, BayesNet) else chosen
    return model, Runs.split(model.net, arrays, seed, weights)


def _require_simulator(source: Model | BayesNet, weights: Any) -> Model:
    if isinstance(source, BayesNet) or type(source) is BlackBox:
        raise OptionError("a structure alone cannot be simulated", remedy=TABLES)
    if weights is not None:
        raise OptionError("weights= belong to stored runs", remedy="Give these as simulations=, too, or leave it out.")
    return source
