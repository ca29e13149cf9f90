"""The simulated truths of calibration: fresh ones, or stored runs that training has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from retrodict.errors import DataError, OptionError
from retrodict.models.black_box import BlackBox
from retrodict.models.model import Model
from retrodict.plan.counts import is_number, read_count
from retrodict.plan.layout import Floats
from retrodict.posterior.calibration.calibration import LEAST_SIMULATIONS
from retrodict.posterior.calibration.ranks import Simulations
from retrodict.posterior.programs import Compiled
from retrodict.posterior.tables.runs import MOST_CALIBRATION, Runs, find_arrays
from retrodict.read.tables.table_reader import read_table


@dataclass(frozen=True, eq=False)
class StoredTruths:
    """Stored runs that calibration ranks, and others from which it predicts where these lie."""

    truths: Floats
    others: Floats

    def give(self, compiled: Compiled) -> Simulations:
        """Return the truths with a reference point for each."""
        return Simulations.refer(compiled, self.truths, self.others)


def choose_truths(compiled: Compiled, runs: Runs | None, simulations: Any) -> int | StoredTruths:
    """Return the number of fresh truths, or stored ones; raises what `choose_rows` raises."""
    chosen = choose_rows(compiled.model, runs, simulations)
    return chosen if isinstance(chosen, int) else StoredTruths(*chosen)


def choose_rows(model: Model, runs: Runs | None, simulations: Any) -> int | tuple[Floats, Floats]:
    """Return the number of fresh truths, or stored ones with as many others, as model columns.

    Raises `DataError` for fewer than 100 stored ones, `OptionError` for a number where there is nothing to simulate.
    """
    if not is_number(simulations):
        table = read_table(simulations, model.net.names)
        given = Runs.split(model.net, find_arrays(model, table), 0, whole=True)
        return _pair(given, given.calibration, np.roll(given.calibration, 1))
    if runs is not None:
        most = min(read_count("simulations", simulations, LEAST_SIMULATIONS, 10**8), MOST_CALIBRATION)
        return _pair(runs, runs.calibration[:most], runs.training)
    if isinstance(model, BlackBox) and not model.simulated:
        raise OptionError(
            "the runs that a posterior was trained on are not saved with it, and its model cannot be simulated",
            remedy="Give calibration(simulations=table) runs that training has not seen.",
        )
    return read_count("simulations", simulations, LEAST_SIMULATIONS, 10**8)


def _pair(runs: Runs, truths: Any, others: Any) -> tuple[Floats, Floats]:
    if len(truths) < LEAST_SIMULATIONS:
        raise DataError(
            f"{len(truths)} runs that training has not seen are too few to calibrate by",
            remedy=f"Store more runs, of which a tenth is set apart, or give calibration(simulations=table) "
            f"{LEAST_SIMULATIONS} others or more.",
        )
    return runs.take(truths), runs.take(np.resize(others, len(truths)))
