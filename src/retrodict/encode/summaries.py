"""Networks of the user's own, such as convolutional ones, between large observed values and the encoder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from retrodict.encode.ready.ready_summaries import name_ready
from retrodict.encode.ready.spreads import LEAST_NUMBERS, LogSpread, PooledSpread
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.names import Name
from retrodict.graph.rows import Rows
from retrodict.models.model import Model
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.supports import is_discrete

# A module, or the name of one that is ready made: set, series, image.
Summary = Callable[[Array], Array] | str


@dataclass(frozen=True)
class Summarized:
    """What a summary stands for: the ``observed`` variables by number, the ``shape`` in which it takes their values.

    ``size`` is the number of its features; those of a ``fixed`` module, in which nothing is learned, are standardized.
    An ``extra`` one stands beside the values, not in their place.
    """

    name: Name
    module: Callable[[Array], Array]
    observed: tuple[int, ...]
    shape: tuple[int, ...]
    size: int
    fixed: bool = False
    extra: bool = False


def read_summaries(model: Model, modules: Mapping[Any, Summary]) -> tuple[Summarized, ...]:
    """Return the summaries of observed values, by the names that data go by.

    Raises `OptionError` for names of what is not observed, and for modules that do not turn a value into a vector.
    """
    place = {name: number for number, name in enumerate(model.net.observed)}
    observed = {name: group for name, group in model.groups.items() if all(v in place for v in group.variables)}
    strangers = [name for name in modules if name not in observed]
    if strangers:
        raise OptionError(
            "{names} {have} a summary and {are} not among the observed sites",
            strangers,
            remedy=f"The observed sites are {', '.join(map(repr, observed))}.",
        )
    modules = name_ready(modules, {name: group.shape for name, group in observed.items()})
    return tuple(
        Summarized(
            name,
            module,
            tuple(place[variable] for variable in observed[name].variables),
            observed[name].shape,
            _count_features(name, module, observed[name].shape),
        )
        for name, module in modules.items()
    )


def add_spreads(model: Model, taken: Collection[Name]) -> tuple[Summarized, ...]:
    """Return the spread of each observed vector of real numbers, and pooled ones of those with the same parents.

    Values of one shape that have a parent in common, such as the scale of their noise, are pooled, for latents that
    depend on all of them. Variables that are taken, by summaries of the user, have none.
    """
    net = model.net
    real = [
        (place, net.variable(name))
        for place, name in enumerate(net.observed)
        if name not in taken and not is_discrete(net.variable(name))
    ]
    single = [
        Summarized(("spread", v.name), LogSpread(), (place,), v.shape or (), 1, fixed=True, extra=True)
        for place, v in real
        if v.size >= LEAST_NUMBERS
    ]
    return *single, *(_pool(places, shape) for shape, places in _list_alike(model, real).items())


def _list_alike(model: Model, real: Sequence[tuple[int, Variable]]) -> dict[tuple[int, ...], list[int]]:
    """Return the places of observed variables of one shape that have a parent in common, by this shape."""
    net = model.net
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, variable in real:
        alike.setdefault(variable.shape or (), []).append(place)
    found = {}
    for shape, places in alike.items():
        shared = set.intersection(*(set(net.parents(net.observed[place])) for place in places))
        if len(places) >= LEAST_NUMBERS and shared:
            found[shape] = places
    return found


def _pool(places: Sequence[int], shape: tuple[int, ...]) -> Summarized:
    module = PooledSpread()
    whole = (len(places), *shape)
    size = _count_features("pooled", module, whole)
    return Summarized(("pooled", *shape), module, tuple(places), whole, size, fixed=True, extra=True)


def _count_features(name: Name, module: Callable[[Array], Array], shape: tuple[int, ...]) -> int:
    try:
        made = jax.eval_shape(module, jnp.zeros(shape))
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"the summary of {{names}} cannot be called with an array of shape {shape}: {error}",
            [name],
            remedy="It must take one value of what it summarizes, and return a vector of features.",
        ) from error
    if len(made.shape) != 1:
        raise OptionError(
            f"the summary of {{names}} has the shape {made.shape}",
            [name],
            remedy="It must return a vector of features.",
        )
    return int(made.shape[0])


class Summaries(eqx.Module):
    """What replaces some observed columns by the features of networks, before an encoder sees them.

    ``modules[k]`` sees the columns ``taken[k]`` in the shape ``shapes[k]``. Of ``count`` observed columns those
    ``kept`` come first, then all features, then what lies beyond the observed columns.
    """

    modules: tuple[Any, ...]
    taken: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    kept: tuple[int, ...] = eqx.field(static=True)
    count: int = eqx.field(static=True)

    @classmethod
    def of(cls, dependencies: Dependencies, summaries: Sequence[Summarized]) -> Summaries:
        """Lay out the columns of dependencies in which nothing is summarized yet."""
        stop = np.cumsum(dependencies.observed_sizes)
        start = stop - dependencies.observed_sizes
        taken = [[c for i in s.observed for c in range(start[i], stop[i])] for s in summaries]
        count = int(dependencies.observed_sizes.sum())
        kept = sorted(set(range(count)).difference(*(t for t, s in zip(taken, summaries, strict=True) if not s.extra)))
        shapes = tuple(summary.shape for summary in summaries)
        return cls(tuple(s.module for s in summaries), tuple(map(tuple, taken)), shapes, tuple(kept), count)

    def __call__(self, columns: Float[Array, "rows columns"]) -> Float[Array, "rows replaced"]:
        """Return columns, the observed ones or all, with features in the place of what is summarized."""
        made = [
            jax.vmap(module)(columns[:, np.array(taken)].reshape(-1, *shape))
            for module, taken, shape in zip(self.modules, self.taken, self.shapes, strict=True)
        ]
        kept = columns[:, np.array(self.kept, dtype=np.int64)]
        return jnp.concatenate([kept, *made, columns[:, self.count :]], axis=1).astype(columns.dtype)


def summarize(dependencies: Dependencies, summaries: Sequence[Summarized]) -> Dependencies:
    """Return dependencies in which each summary is one observed variable, behind those that are seen themselves.

    Raises `OptionError`, naming it, for a latent that depends on a part of what is summarized: the summary would
    show it all.
    """
    if not summaries:
        return dependencies
    seen = len(dependencies.observed)
    taken = {i: number for number, summary in enumerate(summaries) if not summary.extra for i in summary.observed}
    beside = [(number, set(summary.observed)) for number, summary in enumerate(summaries) if summary.extra]
    kept = [i for i in range(seen) if i not in taken]
    place = {i: new for new, i in enumerate(kept)}
    first = len(kept) + len(summaries)
    rows = []
    for name, row in zip(dependencies.latents, dependencies.parents.to_lists(), strict=True):
        needed = {taken[i] for i in row if i in taken}
        for number in needed:
            _require_whole(name, set(row), summaries[number])
        needed |= {number for number, shown in beside if shown <= set(row)}
        seen_ones = [place[i] for i in row if i in place] + [len(kept) + number for number in needed]
        rows.append(sorted(seen_ones) + [first + i - seen for i in row if i >= seen])
    variables = [dependencies.variables[i] for i in kept]
    made = [Variable(summary.name, size=summary.size) for summary in summaries]
    return replace(
        dependencies,
        observed=(*(dependencies.observed[i] for i in kept), *(summary.name for summary in summaries)),
        parents=Rows.from_lists(rows),
        variables=(*variables, *made, *dependencies.variables[seen:]),
    )


def _require_whole(latent: Name, parents: set[int], summary: Summarized) -> None:
    missing = len(set(summary.observed) - parents)
    if missing:
        raise OptionError(
            f"{{names}} depends on all but {missing} of the {len(summary.observed)} variables of {summary.name!r}, "
            "of which a summary would show it all",
            [latent],
            remedy="Leave the summary out, so that the encoder keeps the structure of the inverse.",
        )
