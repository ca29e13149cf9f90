"""A lifted encoder built for a template model, and started at regressions on what its networks first see."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeGuard

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.families.choice import read_family
from retrodict.encode.families.conditionals import Conditional, Normal
from retrodict.encode.families.discrete import Categorical, Count
from retrodict.encode.families.mixtures import Mixture
from retrodict.encode.keys import split_key
from retrodict.encode.lifted.cells import Cells, CellVariable, Units
from retrodict.encode.lifted.context import Surroundings, Widths
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder, Readout, TargetNetwork
from retrodict.encode.lifted.reading_plan import plan_targets
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.encode.start.ridge import LEAST_SPREAD, Affine, Cases, Sampled
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.plan.supports import is_count

# Regressions see so many instances of each latent at most.
MOST_CASES = 16384
# Their inputs are found for so many instances at once.
MOST_INSTANCES = 1 << 15
# Features move as soon as training begins. So a regression must not lean on small differences between them: it sees
# them with noise of this share of their spread.
BLUR = 0.1
# Components of mixtures start so many standard deviations apart at most: scales differ from instance to instance.
TOGETHER = 0.1


def build_lifted(
    lifted: LiftedInverse,
    space: TemplateSpace,
    cells: Cells,
    key: Key[Array, ""],
    *,
    conditional: str | Conditional = "mixture",
    widths: Widths | None = None,
    without: Collection[str] = (),
) -> LiftedEncoder:
    """Return an untrained encoder, whose inputs are standardized over cells of simulations, ``without`` some latents.

    Raises `OptionError` for latents whose conditionals one pass cannot hold.
    """
    units = {name: Units.fit(_list_codes(cells, name), described) for name, described in space.described.items()}
    typical = _measure_sizes(cells, space.dims)
    return assemble_lifted(lifted, space, typical, units, key, conditional, widths or Widths(), without)


def assemble_lifted(
    lifted: LiftedInverse,
    space: TemplateSpace,
    typical: Mapping[str, float],
    units: Mapping[str, Units],
    key: Key[Array, ""],
    conditional: str | Conditional,
    widths: Widths,
    without: Collection[str] = (),
) -> LiftedEncoder:
    """Return an untrained encoder whose variables have these units, and dims these typical sizes."""
    plans = plan_targets(lifted, without)
    around = Surroundings(plans, space.described, lifted.template.time, typical, widths, space.present)
    keys = split_key(key, max(2, len(plans)))
    targets = {
        name: TargetNetwork(plan, around, _choose(space.described[name], units[name], conditional), own)
        for (name, plan), own in zip(plans.items(), keys, strict=False)
    }
    return LiftedEncoder(targets, dict(units), around)


def _list_codes(cells: Cells, name: str) -> Float[np.ndarray, "draws columns"]:
    """Return the codes of all instances that there are."""
    return np.asarray(cells.codes[name])[np.asarray(cells.exists[name])]


def _measure_sizes(cells: Cells, dims_of: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """Return the mean size of each dim, over rows."""
    typical: dict[str, float] = {}
    for name, dims in dims_of.items():
        marks = np.asarray(cells.exists[name])
        for place, dim in enumerate(dims):
            others = tuple(1 + i for i in range(len(dims)) if i != place)
            typical[dim] = max(typical.get(dim, 1.0), float(marks.any(axis=others).sum(axis=1).mean()))
    return typical


def _choose(described: CellVariable, units: Units, real: str | Conditional) -> Conditional:
    """Return the family of the codes of a latent."""
    if described.categories:
        return Categorical(np.full(described.columns, described.categories))
    if is_count(described.variable):
        bounds = described.variable.bounds
        most = np.inf if bounds is None else bounds[1] - bounds[0]
        highest = jnp.full(described.columns, most, jnp.float32)
        return Count(1.0 / units.spread, -units.center / units.spread, (highest - units.center) / units.spread)
    return read_family(real)


def start_lifted(encoder: LiftedEncoder, cells: Cells, seed: int = 0) -> LiftedEncoder:
    """Return the encoder with the readout of each code at its regression on all that it first sees.

    The embeddings, pools and scans are as they were drawn: features of the data, as good as any. Families without a
    start keep their first parameters.
    """
    rng = np.random.default_rng(seed)
    targets = {name: _start_target(encoder, name, cells, rng) for name in encoder.plans}
    return eqx.tree_at(lambda whole: whole.targets, encoder, targets)


def _start_target(encoder: LiftedEncoder, name: str, cells: Cells, rng: np.random.Generator) -> TargetNetwork:
    target = encoder.targets[name]
    places = np.flatnonzero(np.asarray(cells.exists[name]).ravel())
    chosen = np.sort(rng.choice(places, min(len(places), MOST_CASES), replace=False))
    inputs = eqx.filter_jit(_find_some)(encoder, name, cells, chosen)
    codes = cells.codes[name].reshape(-1, cells.codes[name].shape[-1])[chosen]
    values = np.asarray(encoder.units[name].standardize(codes), np.float64)
    readouts = tuple(
        _start_readout(target, readout, _blur(np.asarray(seen, np.float64), rng), values, column)
        for column, (readout, seen) in enumerate(
            (readout, readout.see(encoder.add_codes(name, inputs, codes, column)))
            for column, readout in enumerate(target.readouts)
        )
    )
    return eqx.tree_at(lambda network: network.readouts, target, readouts)


def _blur(seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return seen + BLUR * seen.std(axis=0) * rng.standard_normal(seen.shape)


def _find_some(encoder: LiftedEncoder, name: str, cells: Cells, chosen: Any) -> Array:
    """Return the inputs of some instances, found for a few simulations at a time: hidden layers stay in the caches."""

    def find(own: Cells) -> Array:
        return encoder.find_inputs(name, encoder.see(jax.tree.map(lambda values: values[None], own)))[0]

    instances = max(marks[0].size for marks in cells.exists.values())
    together = 1 << max(0, (MOST_INSTANCES // instances).bit_length() - 1)
    inputs = jax.lax.map(find, cells, batch_size=together)
    return inputs.reshape(-1, inputs.shape[-1])[chosen]


def _start_readout(
    target: TargetNetwork, readout: Readout, seen: np.ndarray, values: np.ndarray, column: int
) -> Readout:
    parents, family = np.arange(seen.shape[1]), target.conditional
    cases = Cases(Sampled.of(seen, values), parents, np.array([column]))
    started = family.start_at(cases.line, cases.line.spreads, TOGETHER) if _is_mixture(family) else family.start(cases)
    if started is None:
        return readout
    weight, bias = _take_column(started)
    scales = _list_scales(family)
    if len(scales):
        slopes, intercept = _regress_scale(cases, seen, values[:, column])
        weight[:, scales] += slopes[:, None]
        bias[scales] += intercept
    return eqx.tree_at(lambda own: (own.last.line.weight, own.last.line.bias), readout, jax.device_put((weight, bias)))


def _regress_scale(cases: Cases, seen: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    r"""Return the line of the log of the scale, less that of its mean spread: how sure an instance is varies a lot.

    Of a normal residual r of scale s, :math:`E \log |r| = \log s - (\gamma + \log 2) / 2`.
    """
    slopes, intercepts, spreads = cases.line
    left = np.abs(values - seen @ slopes[:, 0] - intercepts[0])
    logs = np.log(np.maximum(left, LEAST_SPREAD * spreads[0]))[:, None]
    line = Cases(Sampled.of(seen, logs), cases.parents, np.array([0])).line
    shift = float(line.intercepts[0] + (np.euler_gamma + np.log(2)) / 2 - np.log(spreads[0]))
    return line.slopes[:, 0].astype(np.float32), shift


def _is_mixture(family: Conditional) -> TypeGuard[Mixture]:
    return isinstance(family, Mixture)


def _list_scales(family: Conditional) -> np.ndarray:
    """Return which parameters are logarithms of scales, nearly."""
    if isinstance(family, Mixture):
        return np.arange(2 * family.components, 3 * family.components)
    return np.arange(1, 2) if isinstance(family, Normal) else np.arange(0)


def _take_column(started: Affine) -> tuple[np.ndarray, np.ndarray]:
    return started.slopes[:, 0].astype(np.float32), started.intercepts[0].astype(np.float32)
