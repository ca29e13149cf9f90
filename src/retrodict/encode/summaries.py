"""Networks of the user's own, such as convolutional ones, between large observed values and the encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from retrodict.encode.features import Features, Scaling
from retrodict.encode.networks.schedule import Index
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Rows
from retrodict.plan.dependencies import Dependencies

Summary = Callable[[Array], Array]


@dataclass(frozen=True)
class Summarized:
    """What a summary stands for: the ``observed`` variables by number, and the ``shape`` in which it takes them."""

    name: Name
    module: Summary
    observed: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many features the summary has; raise `OptionError` where it does not return a vector."""
        made = jax.eval_shape(self.module, jnp.zeros(self.shape))
        if len(made.shape) != 1:
            raise OptionError(
                f"the summary of {self.name!r} has shape {made.shape}", remedy="It must return a vector of features."
            )
        return int(made.shape[0])


class SummaryFeatures(Features):
    """Inputs of a network for which some observed columns are first replaced by the features of a summary.

    ``modules[k]`` sees the columns ``taken[k]`` in the shape ``shapes[k]``; ``kept`` are the observed columns that
    the network sees themselves, which come first. ``count`` is the number of observed columns. ``inner`` makes
    inputs of what is kept, the features of summaries, and latents.
    """

    inner: Features
    modules: tuple[Any, ...]
    taken: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    kept: tuple[int, ...] = eqx.field(static=True)
    count: int = eqx.field(static=True)

    def __init__(self, inner: Features, summaries: list[tuple[Summarized, Integers]], count: int) -> None:
        """Each summary comes with the columns that it sees."""
        self.source, self.category, self.seen, self.inner = inner.source, inner.category, inner.seen, inner
        self.modules = tuple(summary.module for summary, _ in summaries)
        self.taken = tuple(tuple(columns.tolist()) for _, columns in summaries)
        self.shapes = tuple(summary.shape for summary, _ in summaries)
        own = np.concatenate([columns for _, columns in summaries])
        self.kept, self.count = tuple(np.setdiff1d(np.arange(count), own).tolist()), count

    def __call__(self, scaling: Scaling, columns: Float[Array, "rows columns"]) -> Float[Array, "rows inputs"]:
        """Return the inputs made of these columns: the observed ones, or all."""
        return self.inner(scaling, self.replace(columns))

    def encode(
        self, scaling: Scaling, inputs: Index, values: Float[Array, "rows inputs"]
    ) -> Float[Array, "rows inputs"]:
        """Return these inputs, each from the value of its column."""
        return self.inner.encode(scaling, inputs, values)

    def replace(self, columns: Float[Array, "rows columns"]) -> Float[Array, "rows replaced"]:
        """Return the columns with features of summaries for what they see."""
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
    seen = len(dependencies.observed)
    taken = {i: number for number, summary in enumerate(summaries) for i in summary.observed}
    kept = [i for i in range(seen) if i not in taken]
    place = {i: new for new, i in enumerate(kept)}
    first = len(kept) + len(summaries)
    rows = []
    for name, row in zip(dependencies.latents, dependencies.parents.to_lists(), strict=True):
        needed = {taken[i] for i in row if i in taken}
        for number in needed:
            _require_whole(name, set(row), summaries[number])
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


def list_columns(dependencies: Dependencies, summaries: Sequence[Summarized]) -> list[tuple[Summarized, Integers]]:
    """Return with each summary the observed columns that it sees, before anything is summarized."""
    stop = np.cumsum(dependencies.observed_sizes)
    start = stop - dependencies.observed_sizes
    return [(s, np.concatenate([np.arange(start[i], stop[i]) for i in s.observed])) for s in summaries]


def _require_whole(latent: Name, parents: set[int], summary: Summarized) -> None:
    missing = len(set(summary.observed) - parents)
    if missing:
        raise OptionError(
            f"{latent!r} depends on all but {missing} of the {len(summary.observed)} variables of {summary.name!r}, "
            "of which a summary would show it all",
            remedy="Leave the summary out, so that the encoder keeps the structure of the inverse.",
        )
