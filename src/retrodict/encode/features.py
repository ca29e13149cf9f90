"""What a network sees of the columns of values: real numbers in standard units, categories as indicators."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from retrodict.encode.compression import Compression
from retrodict.encode.networks.schedule import Index, take
from retrodict.encode.summaries import Summaries, Summarized
from retrodict.graph.rows import Integers
from retrodict.plan.dependencies import Dependencies

# A standard deviation of more than so many times what holds the middle 68 % is that of heavy tails.
HEAVY = 2.0
# Inputs of more standard deviations than these grow like their logarithm: only heavy tails have any.
FAR = 10.0
# Center and spread are those of so many simulations.
SCALING_DRAWS = 4096
# The category of an input that is a real number.
REAL = -1


class Scaling(NamedTuple):
    """Center and spread of every column, observed first: networks see standardized numbers."""

    center: Float[Array, " columns"]
    spread: Float[Array, " columns"]

    @classmethod
    def none(cls, columns: int) -> "Scaling":
        """Leave numbers as they are."""
        return cls(jnp.zeros(columns, jnp.float32), jnp.ones(columns, jnp.float32))

    @classmethod
    def of(
        cls,
        dependencies: Dependencies,
        summaries: Sequence[Summarized],
        observed: Float[Array, "rows observed"] | Float[np.ndarray, "rows observed"],
        latents: Float[Array, "draws latents"] | Float[np.ndarray, "draws latents"],
        compression: Compression | None = None,
    ) -> "Scaling":
        """Standardize what a network sees and draws, over rows of observed columns and of codes of latents.

        Features of summaries are left as they are where they are still to be learned.
        """
        categories, seen = list_categories(dependencies), observed.shape[1]
        laid = Summaries.of(dependencies, summaries)
        kept = np.array(laid.kept, dtype=np.int64)
        made = [
            cls.fit(jax.vmap(s.module)(jnp.asarray(observed[:, list(taken)]).reshape(-1, *s.shape)))
            if s.fixed
            else cls.none(s.size)
            for s, taken in zip(summaries, laid.taken, strict=True)
        ]
        plain = observed[:, kept] if compression is None else compression.apply_exactly(np.asarray(observed)[:, kept])
        parts = (
            cls.fit(plain, categories[:seen][kept]),
            *made,
            cls.fit(latents, categories[seen:]),
        )
        # by NumPy: JAX would compile it
        joined = (np.concatenate([np.asarray(part) for part in columns]) for columns in zip(*parts, strict=True))
        return cls(*map(jax.device_put, joined))

    @classmethod
    def fit(
        cls,
        columns: Float[Array, "draws columns"] | Float[np.ndarray, "draws columns"],
        categories: Integers | None = None,
    ) -> "Scaling":
        """Standardize to mean 0 and standard deviation 1 over simulations; a constant keeps its spread.

        Of heavy tails, whose standard deviation says nothing of most draws, the middle 68 % have standard size.
        Columns that have ``categories`` are left as they are: they are codes, not quantities.
        """
        numbers = np.asarray(columns, np.float64)
        real = np.ones(numbers.shape[1], bool) if categories is None else np.asarray(categories) == 0
        low, middle, high = np.quantile(numbers, [0.1587, 0.5, 0.8413], axis=0)
        mean, spread, core = numbers.mean(axis=0), numbers.std(axis=0), (high - low) / 2
        heavy = (core > 0) & (spread > HEAVY * core)
        center, spread = np.where(heavy, middle, mean), np.where(heavy, core, spread)
        scaling = np.where(real, center, 0.0), np.where(real & (spread > 0), spread, 1.0)
        return cls(*(jax.device_put(np.asarray(part, np.float32)) for part in scaling))


class Features(eqx.Module):
    """The inputs of a network: input ``i`` is made of column ``source[i]``.

    It is the standardized number where ``category[i]`` is `REAL`, else 1 where the column has that category. Where
    ``relaxed[i]``, the column is a logit y, and the input 1 - sigmoid(y) of category 0, sigmoid(y) of category 1.
    ``summaries`` replace some observed columns before, and others pass through a ``compression``: columns, and their
    ``scaling``, are those behind them. The first ``seen`` inputs are made of observed columns.

    >>> features = Features((0, 1, 1), (REAL, 0, 1), 1)
    >>> features(Scaling.none(2), jnp.array([[0.5, 1.0]])).tolist()
    [[0.5, 0.0, 1.0]]
    """

    source: tuple[int, ...] = eqx.field(static=True)
    category: tuple[int, ...] = eqx.field(static=True)
    seen: int = eqx.field(static=True)
    summaries: Summaries | None = None
    relaxed: tuple[bool, ...] | None = eqx.field(static=True, default=None)
    compression: Compression | None = None

    @classmethod
    def of(
        cls, dependencies: Dependencies, summaries: Summaries | None = None, compression: Compression | None = None
    ) -> "Features":
        """Lay out the inputs of an encoder: observed first, then latents, of dependencies behind the summaries."""
        categories = list_categories(dependencies)
        repeats = np.maximum(categories, 1)
        source = np.repeat(np.arange(len(categories)), repeats)
        within = np.arange(len(source)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        seen = int(dependencies.features[: len(dependencies.observed)].sum())
        category = np.where(categories[source] > 0, within, REAL)
        return cls(tuple(source.tolist()), tuple(category.tolist()), seen, summaries, compression=compression)

    def relax(self, seen_columns: int) -> "Features":
        """Return the same with all categories of columns beyond the first ``seen_columns``, the observed, relaxed."""
        pairs = zip(self.source, self.category, strict=True)
        relaxed = tuple(column >= seen_columns and category != REAL for column, category in pairs)
        return replace(self, relaxed=relaxed)

    def __call__(self, scaling: Scaling, columns: Float[Array, "rows columns"]) -> Float[Array, "rows inputs"]:
        """Return the inputs made of these columns, which are the observed ones or all."""
        if self.summaries is not None:
            columns = self.summaries(columns)
        if self.compression is not None:
            columns = self.compression(columns)
        inputs = np.arange(int(np.searchsorted(np.array(self.source), columns.shape[1])))
        if self._is_plain(len(inputs)):
            count = columns.shape[1]
            return _standardize(columns, scaling.center[:count], scaling.spread[:count])
        return self.encode(scaling, inputs, columns[:, np.array(self.source)[inputs]])

    def encode(
        self, scaling: Scaling, inputs: Index, values: Float[Array, "rows inputs"]
    ) -> Float[Array, "rows inputs"]:
        """Return these inputs, each from the value of its column."""
        own = {self.category[i] for i in inputs.tolist()} if isinstance(inputs, np.ndarray) else set(self.category)
        source, category = (take(jnp.asarray(part, jnp.int32), inputs) for part in (self.source, self.category))
        indicators = (values == category).astype(values.dtype)
        if self.relaxed is not None:
            share = jax.nn.sigmoid(jnp.where(category == 1, values, -values))
            indicators = jnp.where(take(jnp.asarray(self.relaxed), inputs), share, indicators)
        if own and REAL not in own:
            return indicators
        standard = _standardize(values, scaling.center[source], scaling.spread[source])
        return jnp.where(category == REAL, standard, indicators)

    def drawn(self, columns: Integers, seen_columns: int) -> tuple[Integers, Integers]:
        """Return the inputs made of these latent columns, and which of the columns each is made of."""
        position = np.full(max(self.source) + 1, -1)
        position[seen_columns + columns] = np.arange(len(columns))
        made = position[np.array(self.source)]
        inputs = np.flatnonzero(made >= 0)
        return inputs, made[inputs]

    def _is_plain(self, count: int) -> bool:
        return all(category == REAL for category in self.category[:count])


def _standardize(
    values: Float[Array, "rows inputs"], center: Float[Array, " inputs"], spread: Float[Array, " inputs"]
) -> Float[Array, "rows inputs"]:
    """Return numbers in standard units, x beyond FAR as FAR (1 + log(x / FAR)); raw ones where nothing is to be scaled.

    Encoders without a scaling, such as the paper's, see every number as it is.
    """
    standard = (values - center) / spread
    far = jnp.where((center == 0) & (spread == 1), jnp.inf, FAR)
    return jnp.clip(standard, -far, far) * (1 + jnp.log(jnp.maximum(jnp.abs(standard) / far, 1.0)))


def list_categories(dependencies: Dependencies) -> Int[np.ndarray, " columns"]:
    """Return the number of categories of every column, observed first; 0 for real numbers."""
    return np.repeat(dependencies.categories, dependencies.sizes)
