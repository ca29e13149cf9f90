"""Models whose `draw` draws by NumPy: they are recognized, and run outside of JAX, one run after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from retrodict.encode.keys import fold_key, make_key
from retrodict.errors import ProgramError, SimulationWarning, quote, warn_user
from retrodict.graph.rows import Mask
from retrodict.models.black_box import BlackBox
from retrodict.models.model import Model
from retrodict.plan.layout import Floats
from retrodict.posterior.tables.runs import Runs
from retrodict.posterior.tables.simulations import RUNS
from retrodict.read.numpyro.numpyro_model import NumpyroModel

# Runs of one key that tell whether a draw has randomness beside its key, and keys that tell whether it changes.
SAME, OTHERS = 3, 8


@dataclass(frozen=True, eq=False, repr=False)
class OutsideModel(BlackBox):
    """A model that only runs outside of JAX; its density is used, where it has one."""

    inner: Model

    def log_conditionals(self, columns: jax.Array) -> jax.Array:
        """Return those of the model; raise `DensityError` where it has none."""
        try:
            return self.inner.log_conditionals(columns)
        except NotImplementedError:
            self._refuse_density()

    def numbers(self) -> Mapping[str, NDArray[Any]]:
        """Return those of the model, so that what is saved for one is found for the other."""
        return self.inner.numbers()


def run_outside(model: Model, runs: Runs | None, error: ProgramError, seed: int) -> tuple[Model, Runs]:
    """Return the model and its runs, made one by one outside of JAX, where that makes them right.

    A run by itself is drawn anew by whatever generator the model has. Raises the error that JAX met where it would not:
    a program of NumPyro, whose values are traced in any case, draws that repeat for another seed, and what is found
    wrong although the model can be traced.
    """
    if runs is not None or isinstance(model, NumpyroModel | BlackBox) or not _draws_anew(model, error, seed):
        raise error
    warn_user(
        f"The {type(model).__name__} draws {quote(error.variables) or 'its values'} by other means than its key; "
        f"it is run {RUNS:,} times outside of JAX, and these runs are trained on. rd.from_simulator(net, simulate) "
        "runs a simulator in parallel, and keeps its runs.",
        SimulationWarning,
    )
    columns = _draw(model, seed, RUNS)
    table = dict(model.layout.unpack(columns))
    outside = OutsideModel(model.net, model)
    return outside, Runs.split(model.net, table, seed)


def _draws_anew(model: Model, error: ProgramError, seed: int) -> bool:
    """Return whether single runs differ where JAX saw them frozen: for the same key, or at least for others."""
    try:
        again = np.stack([_draw_one(model, make_key(seed)) for _ in range(SAME)])
        others = _draw(model, seed, OTHERS)
    except Exception:
        return False
    owners = model.layout.owners
    named: Mask = np.array([owner in error.variables for owner in owners])
    anew = (again != again[0]).any(axis=0)
    by_key = (others != others[0]).any(axis=0)
    return bool(anew[named].all() if named.any() else (by_key | anew).any())


def _draw(model: Model, seed: int, n: int) -> Floats:
    key = make_key(seed)
    return np.stack([_draw_one(model, fold_key(key, number)) for number in range(n)])


def _draw_one(model: Model, key: jax.Array) -> Floats:
    return np.asarray(model.draw(key, 1), np.float32)[0]
