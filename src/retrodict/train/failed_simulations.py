"""Simulations that fail: rows with numbers that are not finite, or too large to be squared, are set aside.

What is left is the model given that it can be simulated. Data that are finite belong to it, so that their posterior
is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray

from retrodict.errors import SimulationError, SimulationWarning, warn_user, write_name
from retrodict.graph.names import Name

Rows = NDArray[np.float32]
Simulated = tuple[Float[Array, "batch latents"], Float[Array, "batch observed"]]

# Squares of larger numbers leave no room for sums in 32 bits.
LARGEST = 1e18
# Shares of failing simulations: beyond the first a warning tells, beyond the second nothing can be learned.
NOTABLE, HOPELESS = 0.01, 0.9
MOST_NAMED = 4


@dataclass(frozen=True)
class UsableSimulations:
    """A simulator whose failing rows are replaced by others of the same minibatch; equal ones share programs.

    >>> def simulate(key, n):
    ...     return jnp.array([[1.0], [jnp.nan], [3.0]]), jnp.zeros((3, 1))
    >>> UsableSimulations(simulate)(jax.random.key(0), 3)[0].ravel().tolist()
    [1.0, 3.0, 1.0]
    """

    simulate: Callable[[Key[Array, ""], int], Simulated]

    def __call__(self, key: Key[Array, ""], n: int) -> Simulated:
        """Return ``n`` rows; those that failed only where all did."""
        rows = self.simulate(key, n)
        usable = jnp.stack([(jnp.abs(part) < LARGEST).all(axis=-1) for part in rows]).all(axis=0)

        def replace_rows(rows: Simulated) -> Simulated:
            chosen = jnp.argsort(~usable, stable=True)[jnp.arange(n) % jnp.maximum(usable.sum(), 1)]
            return rows[0][chosen], rows[1][chosen]

        found: Simulated = jax.lax.cond(usable.all(), lambda rows: rows, replace_rows, rows)
        return found


def set_aside(columns: Rows, names: Sequence[Name]) -> Rows:
    """Return the rows of simulations that did not fail; ``names`` are the variables of the columns.

    Warns (`SimulationWarning`) above one row in a hundred, with the variables and their shares. Raises
    `SimulationError` above nine in ten.
    """
    wrong = ~is_usable(columns)
    report_failures(wrong, names)
    return columns[~wrong.any(axis=1)]


def report_failures(wrong: NDArray[np.bool_], names: Sequence[Name]) -> None:
    """Warn, or raise, as `set_aside` does, where many rows have a marked number."""
    share = float(wrong.any(axis=1).mean())
    if share > NOTABLE:
        culprits = _list_shares(wrong, names)
        if share > HOPELESS:
            raise SimulationError(
                f"{share:.3%} of the simulations are not finite or beyond {LARGEST:.0e}, so that this prior cannot be "
                "simulated; they fail at {names}",
                culprits,
                remedy="Give narrower priors, or train on a bound, which needs no simulations: the guide "
                "rd.AutoFaithful(program).",
            )
        shown = [f"{write_name(name)} ({own:.1%})" for name, own in list(culprits.items())[:MOST_NAMED]]
        more = len(culprits) - len(shown)
        warn_user(
            f"{share:.1%} of the simulations are not finite or beyond {LARGEST:.0e} and are set aside, at "
            f"{', '.join(shown)}{f' and {more} more' if more else ''}; narrower priors would waste fewer.",
            SimulationWarning,
        )


def fill_in(columns: Rows) -> Rows:
    """Return simulations with other entries of its column in the place of each that failed, or zero if all did."""
    usable, filled = is_usable(columns), columns.copy()
    for column in np.flatnonzero(~usable.all(axis=0)).tolist():
        own = usable[:, column]
        kept = columns[own, column] if own.any() else np.zeros(1, columns.dtype)
        filled[~own, column] = np.resize(kept, int((~own).sum()))
    return filled


def is_usable(columns: Rows) -> Any:
    """Mark the numbers that are finite, and small enough to be squared."""
    with np.errstate(invalid="ignore"):
        return np.abs(columns) < LARGEST


def _list_shares(wrong: NDArray[np.bool_], names: Sequence[Name]) -> dict[Name, float]:
    """Return the share of rows in which each variable failed, the largest first, without those that never did."""
    rows: dict[Name, NDArray[np.bool_]] = {}
    for column, name in enumerate(names):
        rows[name] = rows.get(name, np.zeros(len(wrong), bool)) | wrong[:, column]
    shares = {name: float(failed.mean()) for name, failed in rows.items() if failed.any()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
