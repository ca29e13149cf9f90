"""What an encoder sees of data where a block of latents is Gaussian given the rest: fits and sums of squares.

A scale is not to be learned from a hundred raw residuals. Where a block b of latents has the closed form
Normal(P(r)^-1 g(r), P(r)^-1) given the others r, its mean at a reference value of r is a fit to the data: ridge
regression, with the penalty of the prior. With it come the sums of squares that are left: of the data around the fit,
and of the fit around its prior. Their logarithms are close to linear in those of the scales that the data have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions.distribution import validation_enabled

from retrodict.encode.space import Space
from retrodict.encode.summaries import Summarized
from retrodict.exact.closed_form import ClosedForm
from retrodict.exact.program_blocks import GaussianSites
from retrodict.graph.rows import Integers
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.distributions.numpyro_supports import peel

# The quantiles of the prior, of all other latents together, at which the block is fitted.
QUANTILES = (0.05, 0.25, 0.5)
# A fit of more numbers than these is left out: their sums of squares say what there is to say of scales.
MOST_FITTED = 64
# A site of so few elements gives the square of each, any other one their sum.
MOST_SQUARES = 12
# Larger numbers are those of an explosion.
LARGEST = 1e18
NAME = "statistics"
# Supports with two ends, and where between them a guess may lie: far up, codes would grow and say nothing.
BETWEEN, LOWEST, HIGHEST = ("interval", "unit_interval"), 1e-6, 0.98


class BlockStatistics(eqx.Module):
    """Fit and log sums of squares of a Gaussian block at some reference values of the other latents.

    ``references`` are rows of model columns of which those of the other latents count; they are not learned.
    """

    form: GaussianSites = eqx.field(static=True)
    space: Space = eqx.field(static=True)
    references: Float[Array, "references columns"]

    def __call__(self, observed: Float[Array, " observed"]) -> Float[Array, " statistics"]:
        """Return the statistics of what an encoder is given of one value of the observed variables."""
        data = self.space.decode_observed(observed)
        is_seen = jnp.asarray(self.space.mark(self.space.net.is_observed))
        rows = jnp.where(is_seen, data, jax.lax.stop_gradient(self.references))
        fits, squares, means = jax.vmap(self._fit)(rows)
        fitted = fits[len(fits) // 2] if fits.shape[1] <= MOST_FITTED else fits[0, :0]
        guesses = jax.vmap(self._guess)(rows, means)
        found = jnp.concatenate([fitted, squares.reshape(-1), guesses.reshape(-1)]).astype(observed.dtype)
        # At reference values where a program explodes there is nothing to see.
        return jnp.where(jnp.abs(found) < LARGEST, found, 0.0)

    def _fit(self, row: Array) -> tuple[Array, Array, Array]:
        """Return the mean of the block given the rest of a row, the log of the squares around it, and means by site."""
        model, block = self.form.model, self.form.block
        values = model.to_sites(row)
        rest = {name: value for name, value in values.items() if name not in block.names}
        mean = block.condition(rest).mean
        fitted = {**rest, **block.place(mean)}
        with validation_enabled(False):
            trace = run(model.program, model.sites, fitted)
        left = [_square(trace[name]["fn"], fitted[name]) for name in self._list_sites()]
        tiny = float(np.finfo(np.float32).tiny)
        sums = jnp.concatenate([squares if squares.size <= MOST_SQUARES else squares.sum()[None] for squares in left])
        means = jnp.stack([squares.mean() for squares in left])
        return mean, 0.5 * jnp.log(sums + tiny**0.5), means

    def _guess(self, row: Array, means: Array) -> Array:
        r"""Return codes of what latents between two ends would be as scales of a site, :math:`v \sqrt{\bar{u^2}}`.

        Logarithms of squares are linear in the codes of positive latents, and not in those of such latents.
        """
        scales = jnp.sqrt(means)[:, None]
        low, high = self._ends
        width = high - low
        guesses = low + jnp.clip((row[self._between] - low) * scales, LOWEST * width, HIGHEST * width)
        filled = jnp.broadcast_to(row, (len(scales), len(row))).at[:, self._between].set(guesses)
        codes = self.space.encode_latents(filled)
        return codes[:, self._codes_between]

    @property
    def _scalars(self) -> list[Any]:
        """The latents of the encoder that are one number between two constant ends."""
        net = self.space.net
        described = [net.variable(name) for name in self.space.code_columns]
        return [v for v in described if v.support in BETWEEN and v.size == 1 and v.bounds is not None]

    @property
    def _between(self) -> Integers:
        """Their columns in the model."""
        net, own = self.space.net, {variable.name for variable in self._scalars}
        return np.flatnonzero(self.space.mark(np.array([name in own for name in net.names])))

    @property
    def _codes_between(self) -> Integers:
        """Their codes, in the order of their columns."""
        net = self.space.net
        names = sorted((variable.name for variable in self._scalars), key=net.index)
        return np.array([int(self.space.code_columns[name][0]) for name in names], np.int64)

    @property
    def _ends(self) -> tuple[Any, Any]:
        """Their ends, in the order of their columns."""
        ordered = sorted(self._scalars, key=lambda variable: self.space.net.index(variable.name))
        ends = np.array([variable.bounds for variable in ordered], np.float32).reshape(-1, 2)
        return ends[:, 0], ends[:, 1]

    def _list_sites(self) -> list[str]:
        """Return the sites whose densities hold the block."""
        model = self.form.model
        near = {*self.form.variables, *(v for v in self.form.parents if v in set(model.net.observed))}
        return [
            name
            for name, units in model.structure.variables.items()
            if {model.net.names[unit] for unit in units.ravel().tolist()} & near
        ]


def _square(distribution: Any, value: Any) -> Array:
    r"""Return squared distances from the means of a distribution, :math:`((v - m) / s)^2`."""
    own = peel(distribution)
    if isinstance(own, dist.LogNormal):
        own, value = own.base_dist, jnp.log(value)
    if isinstance(own, dist.Normal):
        squares = jnp.ravel(((value - own.loc) / own.scale) ** 2)
    else:
        squares = jnp.ravel(-2 * (own.log_prob(value) - own.log_prob(jnp.broadcast_to(own.mean, jnp.shape(value)))))
    return squares


def make_statistics(forms: Sequence[ClosedForm], space: Space) -> Summarized | None:
    """Return the statistics that suit the closed forms of a posterior, None where there are none.

    Every latent of the encoder must depend on all that is observed, or on nothing: statistics show it all. They are
    taken at zero until `refer` says where.
    """
    blocks = [form for form in forms if isinstance(form, GaussianSites)]
    net = space.net
    if not blocks or not _see_everything(space):
        return None
    module = BlockStatistics(blocks[0], space, jnp.zeros((len(QUANTILES), space.width), jnp.float32))
    columns = space.dependencies.observed_sizes.sum()
    try:
        size = jax.eval_shape(module, np.zeros(int(columns), np.float32)).shape[0]
    except NotImplementedError:
        return None  # a distribution of the block has no mean
    return Summarized(NAME, module, tuple(range(len(net.observed))), (int(columns),), size, fixed=True)


def _see_everything(space: Space) -> bool:
    """Return whether each latent of the encoder depends on all observed variables, or on none."""
    dependencies = space.dependencies
    seen = len(dependencies.observed)
    counts = {sum(i < seen for i in row) for row in dependencies.parents.to_lists()}
    return counts <= {0, seen}


def refer(statistics: Summarized, codes: Array, observed: Array) -> Summarized:
    """Return statistics at quantiles of simulations, given as an encoder sees them: each is a value that one had."""
    module: BlockStatistics = statistics.module  # type: ignore[assignment]
    rows = np.asarray(module.space.decode_latents(codes, module.space.decode_observed(observed)))
    references = jnp.asarray(np.quantile(rows, QUANTILES, axis=0, method="nearest"), jnp.float32)
    return replace(statistics, module=replace(module, references=references))
