"""The normal distribution between two ends, in single precision: densities and draws, however far off the mean lies.

Everything is measured from the end that is nearer to the mean. Where the mean lies beyond it, differences of squares
and of probabilities would cancel; the ratio of Mills, which does not, takes their place.
Source: Gordon 1941; Robert 1995 (simulation of truncated normal variables).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# From here on eight levels of Laplace's continued fraction are exact in single precision.
FAR = 4.0
LEVELS = 8
# So many steps of Newton's method, from the right of a convex function, reach single precision.
NEWTON_STEPS = 5
TINY = float(np.finfo(np.float32).tiny)

Numbers = Float[Array, "..."]


def log_mills(x: Numbers) -> Numbers:
    r"""Return the log of the ratio of Mills, :math:`R(x) = (1 - \Phi(x)) / \phi(x)`, for x of at least zero.

    >>> [round(x, 4) for x in log_mills(jnp.array([0.0, 1.0, 100.0])).tolist()]
    [0.2258, -0.4221, -4.6053]
    """
    near, far = jnp.where(x < FAR, x, FAR), jnp.where(x < FAR, FAR, x)
    fraction = far
    for level in range(LEVELS, 0, -1):
        fraction = far + level / fraction
    close = near**2 / 2 + jnp.log(jax.lax.erfc(near / jnp.sqrt(2.0))) + 0.5 * jnp.log(jnp.pi / 2)
    return jnp.where(x < FAR, close, -jnp.log(fraction))


class Ends(NamedTuple):
    """Where two ends lie for a normal: in its standard units, counted from the end ``near`` that is nearer its mean.

    ``side`` is 1 where that is the lower end, else -1. The mean lies ``start`` before the near end, beyond it if that
    is positive; ``width`` lies between the ends. ``drop`` is the log of the share beyond the near end over that
    beyond the other, both seen from a mean that is not inside.
    """

    near: Numbers
    side: Numbers
    start: Numbers
    width: Numbers

    @classmethod
    def of(cls, mean: Numbers, scale: Numbers, low: Numbers, high: Numbers) -> "Ends":
        """Measure ends, which are finite."""
        lower = 2 * mean <= low + high
        near, side = jnp.where(lower, low, high), jnp.where(lower, 1.0, -1.0)
        return cls(near, side, side * (near - mean) / scale, (high - low) / scale)

    @property
    def beyond(self) -> Numbers:
        """How far the mean lies beyond the near end; zero inside."""
        return jnp.maximum(self.start, 0.0)

    @property
    def drop(self) -> Numbers:
        """The log of the share beyond the near end over that beyond the other, for a mean that is not inside."""
        start = self.beyond
        return self.width * (start + self.width / 2) + log_mills(start) - log_mills(start + self.width)

    @property
    def shares(self) -> tuple[Numbers, Numbers]:
        """The shares of the normal before the near end and beyond the other, for a mean that is inside."""
        start = jnp.minimum(self.start, 0.0)
        return _share(start), _share(-start - self.width)


def log_between(values: Numbers, mean: Numbers, scale: Numbers, low: Numbers, high: Numbers) -> Numbers:
    r"""Return the log density of a normal that is truncated to [low, high], at values between these ends.

    ``scale`` is at most twice the distance of the ends, which are finite.

    >>> round(float(log_between(*map(jnp.array, (0.25, -30.0, 1.0, 0.0, 1.0)))), 3)
    -4.129
    """
    ends = Ends.of(mean, scale, low, high)
    standard = (values - mean) / scale
    along = ends.side * (values - ends.near) / scale
    beyond = -along * (ends.beyond + along / 2) - log_mills(ends.beyond) - jnp.log1p(-jnp.exp(-ends.drop))
    before, after = ends.shares
    inside = -0.5 * (standard**2 + jnp.log(2 * jnp.pi)) - jnp.log1p(-(before + after))
    return jnp.where(ends.start > 0, beyond, inside) - jnp.log(scale)


def invert_between(share: Numbers, mean: Numbers, scale: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Return the quantiles of a truncated normal, counted from the end that is nearer to its mean.

    >>> round(float(invert_between(*map(jnp.array, (0.5, -30.0, 1.0, 0.0, 1.0)))), 4)
    0.0231
    """
    ends = Ends.of(mean, scale, low, high)
    found = jnp.where(
        ends.start > 0,
        ends.near + ends.side * scale * _invert_beyond(share, ends),
        mean + ends.side * scale * _invert_inside(share, ends),
    )
    return jnp.clip(found, low, high)


def _invert_inside(share: Numbers, ends: Ends) -> Numbers:
    """Return quantiles about a mean inside, each from the tail that is smaller."""
    before, after = ends.shares
    mass = 1 - before - after
    left, right = before + share * mass, after + (1 - share) * mass
    lower, upper = (jax.scipy.special.ndtri(jnp.clip(part, TINY, 0.5)) for part in (left, right))
    return jnp.where(left < 0.5, lower, -upper)


def _invert_beyond(share: Numbers, ends: Ends) -> Numbers:
    """Return how far from the near end the log of the share that lies beyond has fallen by what the quantile says."""
    start = ends.beyond
    fall = -jnp.log1p(share * jnp.expm1(-ends.drop))
    along = 2 * fall / jnp.maximum(jnp.sqrt(start**2 + 2 * fall) + start, TINY)
    for _ in range(NEWTON_STEPS):
        log_ratio = log_mills(start + along)
        error = along * (start + along / 2) + log_mills(start) - log_ratio - fall
        along = jnp.maximum(along - error * jnp.exp(log_ratio), 0.0)
    return along


def _share(x: Numbers) -> Numbers:
    """Return the standard normal distribution function."""
    return 0.5 * jax.lax.erfc(-x / jnp.sqrt(2.0))
