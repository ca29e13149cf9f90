"""What conditionals see of the codes of latents: of a bounded one not the logit, but the place between its ends."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import expit

from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.networks.schedule import Index, take
from retrodict.plan.dependencies import Dependencies, mark_bounded

# Places are kept so far from the ends, whose logits are infinite.
LEAST, GREATEST = float(np.finfo(np.float32).tiny), 1 - float(np.finfo(np.float32).epsneg)

Columns = Float[Array, "*batch columns"]


class Coordinates(eqx.Module):
    r"""A map of columns of codes, one by one: :math:`u = 1 / (1 + e^{-c})` where ``bounded``, else :math:`u = c`.

    :math:`\log q(c) = \log q(u) + \log |\partial u / \partial c|`. Where a support ends does not matter, so that this
    holds for ends that move, too.

    >>> coordinates = Coordinates((False, True))
    >>> coordinates.read(jnp.array([2.0, 0.0])).tolist(), coordinates.write(jnp.array([2.0, 0.5])).tolist()
    ([2.0, 0.5], [2.0, 0.0])
    """

    bounded: tuple[bool, ...] = eqx.field(static=True, default=())

    @classmethod
    def of(cls, dependencies: Dependencies, family: Conditional) -> "Coordinates":
        """Return what a family sees of the latents that it is chosen for."""
        if not family.truncates:
            return cls()
        bounded = mark_bounded(dependencies)
        return cls(tuple(bounded.tolist())) if bounded.any() else cls()

    def read(self, codes: Columns, columns: Index | None = None) -> Columns:
        """Return the coordinates of codes, of all columns or of these."""
        if not self.bounded:
            return codes
        return jnp.where(self._mark(columns), jax.nn.sigmoid(codes), codes)

    def read_exactly(self, codes: Float[np.ndarray, "draws columns"]) -> Float[np.ndarray, "draws columns"]:
        """Return the coordinates of codes in double precision, by NumPy."""
        return np.where(np.array(self.bounded), expit(codes), codes) if self.bounded else codes

    def write(self, coordinates: Columns, columns: Index | None = None) -> Columns:
        """Return the codes of coordinates."""
        if not self.bounded:
            return coordinates
        place = jnp.clip(coordinates, LEAST, GREATEST)
        return jnp.where(self._mark(columns), jnp.log(place) - jnp.log1p(-place), coordinates)

    def log_slope(self, codes: Columns, columns: Index | None = None) -> Columns:
        """Return the log of what a unit of each code becomes, in nats."""
        if not self.bounded:
            return jnp.zeros_like(codes)
        return jnp.where(self._mark(columns), -jax.nn.softplus(codes) - jax.nn.softplus(-codes), 0.0)

    def _mark(self, columns: Index | None) -> Array:
        marks = jnp.asarray(self.bounded)
        return marks if columns is None else take(marks, columns)
