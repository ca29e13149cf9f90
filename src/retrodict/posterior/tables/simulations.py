"""What `amortize` is given: a model or a structure, and simulations that are stored, counted, or still to be drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.models.black_box import BlackBox
from retrodict.models.model import Model
from retrodict.plan.counts import is_number
from retrodict.posterior.tables.runs import Runs, describe, find_arrays
from retrodict.read.numpyro.density.density_reader import DensityModel
from retrodict.read.simulators.simulator import Simulator
from retrodict.read.tables.table_reader import read_table

# How often a simulator is run where nothing else is said.
RUNS = 10_000
TABLES = "Give amortize(net, simulations=table) its runs, or make it a model by rd.from_simulator(net, simulate)."


def read_simulations(
    source: Any, simulations: Any, observed: Iterable[Name] | None, weights: Any, seed: int, *, quiet: bool
) -> tuple[Model, Runs | None]:
    """Return the model, and its stored runs, checked and split; None where JAX draws them.

    A simulator that is no JAX is run first, as a model is where a number of simulations is given.

    Raises `OptionError` for what is no model, and what `read_table` and `Runs.split` raise.
    """
    if not isinstance(source, Model | BayesNet):
        raise OptionError(
            f"amortize needs a Model that can be simulated, or a BayesNet with simulations=, not a "
            f"{type(source).__name__}",
            remedy="Read a program by rd.from_numpyro(program, observed=[...]), or give the structure as a BayesNet.",
        )
    chosen = source if observed is None else source.observing(observed)
    counted = simulations is None or is_number(simulations)
    if isinstance(chosen, Simulator) and counted:
        simulations = chosen.simulate(RUNS if simulations is None else simulations, seed=seed, quiet=quiet)
    elif simulations is None:
        return _require_simulator(chosen, weights), None
    elif counted:
        simulations = _require_simulator(chosen, None).simulate(simulations, seed=seed)
    table = read_table(simulations, chosen.net.names if isinstance(chosen, Model) else chosen.names)
    arrays = find_arrays(chosen, table)
    model = BlackBox(describe(chosen, arrays)) if isinstance(chosen, BayesNet) else chosen
    return model, Runs.split(model.net, arrays, seed, weights)


def _require_simulator(source: Model | BayesNet, weights: Any) -> Model:
    if isinstance(source, DensityModel):
        source.simulate()
    if isinstance(source, BayesNet) or type(source) is BlackBox:
        raise OptionError("a structure alone cannot be simulated", remedy=TABLES)
    if weights is not None:
        raise OptionError("weights= belong to stored runs", remedy="Give these as simulations=, too, or leave it out.")
    return source
