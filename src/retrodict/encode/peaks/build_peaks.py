"""Which posteriors have an encoder in the units of their peaks, and that encoder, untrained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from retrodict.encode.encoder import Encoder
from retrodict.encode.peaks.marginal_density import MarginalDensity
from retrodict.encode.peaks.peak_encoder import PeakEncoder, Viewer
from retrodict.encode.space import Space
from retrodict.encode.summaries import Summarized, summarize
from retrodict.errors import DensityError
from retrodict.exact.closed_form import ClosedForm
from retrodict.graph.bayesnet import Variable
from retrodict.graph.rows import Mask
from retrodict.models.model import Model
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.layout import Floats
from retrodict.plan.supports import DISCRETE, count_codes
from retrodict.read.jaxpr.internals import list_fed

# A Hessian of more codes than these costs too much for each of thousands of simulations.
MOST_CODES = 24
# Points at which a search begins.
STARTS = 8
# Where XLA runs two batched kernels of LAPACK at once, each waits for threads that the other one holds, for ever. Peaks
# of densities with such parts, of matrices that depend on latents or data, are not looked for.
LAPACK = {"cholesky", "triangular_solve", "lu", "qr", "geqrf", "householder_product", "eigh", "svd", "eig"}
# What stands for a variable in the place of all data: means, logarithms of spreads and of the effective share.
NAME = "peak"


@dataclass(frozen=True)
class Peaks:
    """Who sees data by their peaks, and what stands for all data in the dependencies of an encoder of noise."""

    viewer: Viewer = field(compare=False)
    shown: Summarized

    def show(self, dependencies: Dependencies) -> Dependencies:
        """Return the dependencies of noise, any real numbers, on what is seen of data."""
        behind = summarize(dependencies, (self.shown,))
        # Of a simplex there is one number less than it has: a code for each of the others.
        free = [Variable(v.name, size=count_codes(v)) for v in behind.variables]
        return replace(behind, variables=tuple(free))


def make_peaks(model: Model, space: Space, forms: Sequence[ClosedForm]) -> Peaks | None:
    """Return what an encoder sees of data by their peaks, None where there are none to be found.

    Each latent of the encoder must be a real number that depends on everything that is observed, of a model whose
    density can be differentiated twice.
    """
    dependencies = space.dependencies
    seen, latents = len(dependencies.observed), dependencies.variables[len(dependencies.observed) :]
    parents, size = dependencies.parents.to_lists(), int(dependencies.latent_sizes.sum())
    sees_all = all(sum(i < seen for i in row) == seen for row in parents)
    if not sees_all or not 0 < size <= MOST_CODES or any(variable.support in DISCRETE for variable in latents):
        return None
    density, columns = MarginalDensity(model, space, tuple(forms)), int(dependencies.observed_sizes.sum())
    viewer = _begin_viewer(density, dependencies.matrix[:, seen:])
    row, codes = np.zeros(columns, np.float32), np.zeros((1, size), np.float32)
    try:
        jax.eval_shape(viewer.view, row)
        program = jax.make_jaxpr(lambda codes, row: density(codes, space.decode_data(row)[None]))(codes, row)
    except (DensityError, TypeError, NotImplementedError):
        return None  # without a density, or with parts that cannot be differentiated twice
    if list_fed(program) & LAPACK:
        return None
    return Peaks(viewer, Summarized(NAME, _keep, tuple(range(seen)), (columns,), 2 * size + 1, fixed=True))


def _keep(seen: Array) -> Array:
    return seen


def _begin_viewer(density: MarginalDensity, parents: Mask) -> Viewer:
    """Return a viewer whose units are still to be found.

    Noise of a code depends on parents of its parents, too. Where those are no parents of the code itself, each code
    has noise of its own.
    """
    order = np.argsort(density.space.dependencies.level, kind="stable")
    further = (parents.astype(int) @ parents.astype(int)) > 0
    size = len(order)
    apart = bool((further & ~parents).any())
    ones, zeros = jnp.ones(size, jnp.float32), jnp.zeros(size, jnp.float32)
    return Viewer(zeros, ones, jnp.zeros((STARTS, size), jnp.float32), density, tuple(order.tolist()), apart)


def look_from(peaks: Peaks, codes: Floats) -> Peaks:
    """Return the same in the units of simulated codes; a search begins at some of them."""
    numbers = np.asarray(codes, np.float64)
    low, middle, high = np.quantile(numbers, [0.1587, 0.5, 0.8413], axis=0)
    spread = np.where(high > low, (high - low) / 2, 1.0)
    starts = np.concatenate([np.zeros((1, numbers.shape[1])), (numbers[: STARTS - 1] - middle) / spread])
    starts = np.resize(starts, (STARTS, numbers.shape[1]))
    parts = (jnp.asarray(part, jnp.float32) for part in (middle, spread, starts))
    viewer = eqx.tree_at(lambda own: (own.center, own.spread, own.starts), peaks.viewer, tuple(parts))
    return replace(peaks, viewer=viewer)


def join_peaks(peaks: Peaks, own: Encoder) -> PeakEncoder:
    """Return the encoder of codes that an encoder of noise makes."""
    return PeakEncoder(peaks.viewer, own)
