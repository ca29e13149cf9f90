"""Data at the observed sites of a program: checked against its likelihood, and laid out as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers

from retrodict.encode.space import Space
from retrodict.errors import DataError, OptionError
from retrodict.plan.arrays import read_floats
from retrodict.posterior.novelty import Familiar
from retrodict.posterior.observations import Evidence
from retrodict.read.numpyro.distributions.numpyro_supports import contains, peel
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Site

Floats = np.ndarray[Any, np.dtype[np.float32]]


def require_data(data: Mapping[str, Any]) -> None:
    """Raise `DataError` where there is nothing to learn from."""
    if not isinstance(data, Mapping):
        raise DataError(
            f"data must be a mapping, not a {type(data).__name__}",
            remedy="Give {name of an observed site: array (n, ...)}.",
        )
    if not data:
        raise DataError("there are no data", remedy="Give {name of an observed site: array (n, ...)}.")


def read_rows(model: NumpyroModel, space: Space, data: Mapping[str, Any]) -> Floats:
    """Return data as rows of what an encoder is given, shape ``(n, observed)``; raise what `read_sites` raises."""
    observed = jnp.asarray(read_sites(model, space, data).columns)
    return np.asarray(space.encode_observed(space.place(observed)))


def read_sites(model: NumpyroModel, space: Space, data: Mapping[str, Any]) -> Evidence:
    """Return data as evidence, one observation a row, checked against the likelihood.

    ``data`` holds an array ``(n, *shape of the site)`` for each observed site. Raises `DataError`, naming the site,
    for missing ones, other shapes, and values outside of the support of the likelihood.
    """
    sites = _list_observed(model)
    _require_names(sites, data)
    arrays = {name: _read_array(site, data[name]) for name, site in sites.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"{{names}} {{have}} different numbers of observations ({', '.join(map(str, lengths.values()))})",
            list(lengths),
            remedy="Give the same number of values of each.",
        )
    if not min(lengths.values()):
        raise DataError("{names} {have} no observations", list(lengths), remedy="Give one or more.")
    _require_support(model, sites, arrays)
    columns = np.zeros((min(lengths.values()), space.width), np.float32)
    for name, array in arrays.items():
        columns[:, model.structure.columns[name].ravel()] = array.reshape(len(array), -1)
    return Evidence(space.net.observed, space.split(columns)[1])


def pick_sites(model: NumpyroModel, space: Space, latents: Any) -> dict[str, Any]:
    """Return columns of all latents as the values of the sites that they belong to, ``{site: array (*batch, ...)}``."""
    observed = _list_observed(model)
    places = {name: columns for name, columns in model.structure.columns.items() if name not in observed}
    return {name: np.asarray(space.pick(latents, columns)) for name, columns in places.items()}


def split_rows(rows: Floats, held_out: float, seed: int) -> tuple[Floats, Floats]:
    """Return rows to learn from and rows to judge by: a share of them, drawn by the seed.

    Raises `OptionError` for a share that leaves one of the two empty.
    """
    count = round(len(rows) * held_out) if 0 < held_out < 1 else 0
    if not 0 < count < len(rows):
        raise OptionError(
            f"held_out={held_out} of {len(rows)} observations leaves none to judge by or none to learn from",
            remedy="Give a share between 0 and 1, or data of their own.",
        )
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[np.sort(order[count:])], rows[np.sort(order[:count])]


def see_data(space: Space, rows: Floats, judged: Floats) -> Familiar:
    """Return what an encoder has seen that learned from these rows, as values of the data; limits are set by others."""
    seen, further = (space.split(space.decode_observed(jnp.asarray(part)))[1] for part in (rows, judged))
    return Familiar.learn(np.asarray(seen, np.float64), np.asarray(further, np.float64))


def _list_observed(model: NumpyroModel) -> dict[str, Site]:
    observed = model.net.is_observed
    return {name: model.sites[name] for name, units in model.structure.variables.items() if observed[units].all()}


def _require_names(sites: Mapping[str, Site], data: Mapping[str, Any]) -> None:
    missing, strange = [s for s in sites if s not in data], [name for name in data if name not in sites]
    if missing:
        raise DataError("{names} {have} no data", missing, remedy="Give the values of each observed site.")
    if strange:
        raise DataError(
            "{names} {are} among the data, but not an observed site of the program",
            strange,
            remedy=f"Observed are {', '.join(sites)}.",
        )


def _read_array(site: Site, given: Any) -> Floats:
    """Return the data of a site as numbers, and see that they have its shape."""
    with np.errstate(over="ignore"):  # it becomes infinite, which lies outside of every support
        array = read_floats(site.name, given).astype(np.float32)
    if array.shape[1:] != site.shape or array.ndim == 0:
        expected = f"(n{''.join(f', {length}' for length in site.shape)})"
        raise DataError(
            f"{{names}} {{have}} data of shape {array.shape}, and not {expected}: a program has one observation",
            [site.name],
            remedy="Reshape the data, or give the program the size of the data.",
        )
    return array


def _require_support(model: NumpyroModel, sites: Mapping[str, Site], arrays: Mapping[str, Floats]) -> None:
    """Raise `DataError` for the first value that is no number or that the likelihood cannot have drawn."""
    with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=0):
        model.program()
    for name, site in sites.items():
        array = arrays[name]
        fn = peel(trace[name]["fn"])
        inside = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        supported = jax.vmap(lambda value, fn=fn: jnp.all(contains(fn, value)))(jnp.asarray(array))
        wrong = np.flatnonzero(~(inside & np.asarray(supported)))
        if len(wrong):
            values = array[wrong[0]]
            shown = ", ".join(f"{number:.4g}" for number in np.unique(values)[:4].tolist())
            raise DataError(
                f"{len(wrong)} of {len(array)} observations of {{names}} lie outside of the support of "
                f"{site.distribution} ({site.support}); observation {wrong[0]} has values such as {shown}",
                [name],
                remedy="Transform the data (binarize images for Bernoulli), or choose another likelihood.",
            )
