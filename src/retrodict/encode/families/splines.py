"""Monotone splines: conditionals of any smooth shape."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.families.conditionals import Columns, Conditional, Normal, Parameters
from retrodict.encode.start.ridge import Affine, Cases

# Beyond so many standard deviations the spline is the identity.
REACH = 4.0
LEAST_BIN = 1e-3
LEAST_SLOPE = 1e-3

# Places of the ends of bins, and what belongs to them.
Knots = Float[Array, "*batch columns knots"]


class Spline(Conditional):
    r"""A normal bent by a monotone spline, :math:`z = m + e^s g(\epsilon)`, :math:`\epsilon \sim N(0, 1)`.

    g is rational-quadratic between ``bins`` + 1 knots in [-4, 4] and the identity beyond, at first everywhere.

    Source: Durkan et al. 2019 (neural spline flows), section 3.1; Gregory & Delbourgo 1982.

    >>> family = Spline(8)
    >>> flat = jnp.zeros((1, family.n_parameters))
    >>> bool(jnp.isclose(family.log_prob(flat, jnp.ones(1)), Normal().log_prob(flat[:, :2], jnp.ones(1)), atol=1e-5)[0])
    True
    """

    bins: int = eqx.field(static=True)
    n_parameters: int = eqx.field(static=True)

    def __init__(self, bins: int = 8) -> None:
        self.bins, self.n_parameters = bins, 2 + 3 * bins - 1

    def start(self, cases: Cases) -> Affine:
        """Return the identity about the linear predictor."""
        normal, bent = Normal().start(cases), [(0, self.n_parameters - 2)]
        return Affine(
            np.pad(normal.slopes, [(0, 0), (0, 0), *bent]),
            np.pad(normal.intercepts, [(0, 0), *bent]),
        )

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density of each number, in nats."""
        log_scale = Normal().log_scale(parameters)
        bent = (values - parameters[..., 0]) * jnp.exp(-log_scale)
        straight, log_slope = unbend(bent, *self._knots(parameters))
        return -0.5 * (straight**2 + jnp.log(2 * jnp.pi)) + log_slope - log_scale

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one draw of each number."""
        noise = jax.random.normal(key, parameters.shape[:-1], parameters.dtype)
        return parameters[..., 0] + jnp.exp(Normal().log_scale(parameters)) * bend(noise, *self._knots(parameters))

    @property
    def reparameterized(self) -> bool:
        """Draws can be differentiated."""
        return True

    def _knots(self, parameters: Parameters) -> tuple[Array, Array, Array]:
        """Return where knots lie, where they go to, and the slopes there; one at both ends."""
        across, up, slopes = jnp.split(parameters[..., 2:], [self.bins, 2 * self.bins], axis=-1)
        inner = LEAST_SLOPE + (1 - LEAST_SLOPE) * jax.nn.softplus(slopes + jnp.log(jnp.expm1(1.0)))
        ends = [(0, 0)] * (inner.ndim - 1) + [(1, 1)]
        return _place_knots(across), _place_knots(up), jnp.pad(inner, ends, constant_values=1.0)


def bend(points: Columns, x: Knots, y: Knots, slopes: Knots) -> Columns:
    """Return the spline at some points."""
    inside = jnp.abs(points) < REACH
    at = jnp.where(inside, points, 0.0)
    (x0, x1), (y0, y1), (d0, d1) = _find_bin(at, x, [x, y, slopes])
    s, t = (y1 - y0) / (x1 - x0), (at - x0) / (x1 - x0)
    rise = (y1 - y0) * (s * t**2 + d0 * t * (1 - t)) / (s + (d1 + d0 - 2 * s) * t * (1 - t))
    return jnp.where(inside, y0 + rise, points)


def unbend(points: Columns, x: Knots, y: Knots, slopes: Knots) -> tuple[Columns, Columns]:
    """Return where the spline takes the values ``points``, and the log slope of the inverse there."""
    inside = jnp.abs(points) < REACH
    at = jnp.where(inside, points, 0.0)
    (x0, x1), (y0, y1), (d0, d1) = _find_bin(at, y, [x, y, slopes])
    s, rise = (y1 - y0) / (x1 - x0), at - y0
    bow = d1 + d0 - 2 * s
    a, b, c = (y1 - y0) * (s - d0) + rise * bow, (y1 - y0) * d0 - rise * bow, -s * rise
    root = jnp.sqrt(jnp.maximum(b**2 - 4 * a * c, 0.0) + 1e-12)
    t = jnp.clip(2 * c / (-b - root), 0.0, 1.0)
    below = s + bow * t * (1 - t)
    slope = s**2 * (d1 * t**2 + 2 * s * t * (1 - t) + d0 * (1 - t) ** 2) / below**2
    return jnp.where(inside, x0 + t * (x1 - x0), points), jnp.where(inside, -jnp.log(slope), 0.0)


def _place_knots(raw: Float[Array, "*batch columns bins"]) -> Knots:
    """Return ascending knots from -`REACH` to `REACH`, evenly spaced for equal numbers."""
    bins = raw.shape[-1]
    shares = LEAST_BIN + (1 - LEAST_BIN * bins) * jax.nn.softmax(raw)
    inner = jnp.cumsum(shares, axis=-1)[..., :-1]
    ends = [(0, 0)] * (raw.ndim - 1)
    padded = jnp.pad(jnp.pad(inner, [*ends, (1, 0)]), [*ends, (0, 1)], constant_values=1.0)
    return REACH * (2 * padded - 1)


def _find_bin(points: Array, knots: Array, tables: list[Array]) -> list[tuple[Array, Array]]:
    """Return the entries of each table at both ends of the bin in which each point lies."""
    number = jnp.clip((points[..., None] >= knots).sum(axis=-1, keepdims=True) - 1, 0, knots.shape[-1] - 2)
    return [
        (jnp.take_along_axis(table, number, -1)[..., 0], jnp.take_along_axis(table, number + 1, -1)[..., 0])
        for table in tables
    ]
