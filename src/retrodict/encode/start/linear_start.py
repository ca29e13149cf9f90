"""The linear start of an encoder: every column at its regression on its parents, hidden units without effect.

Where the posterior is linear-Gaussian that is the posterior, up to the error of a regression; elsewhere training
begins from it.
"""

from __future__ import annotations

from collections.abc import Iterator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from retrodict.encode.encoder import Encoder
from retrodict.encode.features import FAR, REAL, Features
from retrodict.encode.networks.lines import Lines
from retrodict.encode.start.ridge import Cases, Sampled
from retrodict.graph.rows import Mask
from retrodict.plan.dependencies import Dependencies

# A regression on p parents costs (p + 1) / 2n nats: so many draws for each parent on average, between bounds.
DRAWS_PER_PARENT = 1000
LEAST_DRAWS, MOST_DRAWS = 4096, 16384
# Of stored runs, which cost nothing, so many.
MOST_STORED = 2**17
# To gather the draws of an input, and a product of its own, cost as much as so many numbers of one large product.
COPYING = 1000
# No more numbers than these, 256 MiB in double precision.
MOST_NUMBERS = 2**25

Columns = Float[Array, "draws _"] | Float[np.ndarray, "draws _"]


def start_linearly(
    encoder: Encoder,
    observed: Columns,
    latents: Columns,
    weights: Float[np.ndarray, " draws"] | None = None,
    *,
    fixed: bool = False,
) -> Encoder:
    """Return the encoder with every column at its regression on its parents.

    The last hidden layer of a column that starts so has no effect at first. Families without a start
    (`Conditional.start`) keep their first parameters, as do encoders without a linear map from the parents. The
    features of summaries are left out while they are still to be learned.

    Arguments:
        encoder: an encoder whose inputs are standardized.
        observed: values of the observed columns, a row a draw.
        latents: codes of the latents.
        weights: how much each draw counts, up to a factor. Default: all the same.
        fixed: whether nothing is learned in summaries, so that their features can be regressed on.

    >>> import jax
    >>> from retrodict import invert, zoo
    >>> from retrodict.encode.build import build_encoder
    >>> model = zoo.binary_tree(depth=2)
    >>> columns = np.asarray(model.draw(jax.random.key(0), 4096))
    >>> encoder = start_linearly(build_encoder(invert(model), jax.random.key(0)), columns[:, 1:], columns[:, :1])
    >>> parameters = encoder.network(jax.numpy.array([[1.0, 1.0, 0.0]]))
    >>> bool(abs(parameters[0, 0, 0] - 0.6) < 0.05)  # the mean of x0 given that x1 = x2 = 1
    True
    """
    if encoder.network.skip is None:
        return encoder
    places = encoder.coordinates.read_exactly(np.asarray(latents, np.float64))
    columns = np.concatenate([np.asarray(observed, np.float64), places], axis=1)
    center, spread = (np.asarray(part, np.float64)[-np.shape(latents)[1] :] for part in encoder.scaling)
    values = (places - center) / spread
    draws = Sampled.of(see(encoder, columns, fixed=fixed), values, weights)
    if draws.values.shape[1] <= 1:
        return encoder
    lines = list(_find_lines(encoder, draws, _mark_known(encoder.features, fixed=fixed)))
    return eqx.tree_at(lambda whole: whole.network, encoder, encoder.network.start(lines))


def count_draws(dependencies: Dependencies, *, stored: bool = False) -> int:
    """Return how many simulations the regressions of an encoder are worth, or may take of those that are stored."""
    parents = float(dependencies.parents.lengths.mean()) if len(dependencies.latents) else 0.0
    worth = int(2 ** np.ceil(np.log2(DRAWS_PER_PARENT * (parents + 1))))
    room = MOST_NUMBERS // max(1, int(dependencies.features.sum()))
    most = MOST_STORED if stored else min(worth, MOST_DRAWS)
    return max(LEAST_DRAWS, min(most, int(2 ** np.floor(np.log2(max(room, 1))))))


def see(
    encoder: Encoder, columns: Float[np.ndarray, "draws columns"], *, fixed: bool = False
) -> Float[np.ndarray, "draws inputs"]:
    """Return what the network sees of columns, in double precision; zeros for features that are still to be learned."""
    features, (center, spread) = encoder.features, (np.asarray(part, np.float64) for part in encoder.scaling)
    source, category = np.array(features.source), np.array(features.category)
    if features.summaries is not None and fixed:
        columns = np.asarray(eqx.filter_jit(features.summaries)(jnp.asarray(columns, jnp.float32)), np.float64)
    elif features.summaries is not None:
        behind, kept = features.summaries.count, np.array(features.summaries.kept, dtype=np.int64)
        made = np.zeros((len(columns), len(center) - len(kept) - columns.shape[1] + behind))
        columns = np.concatenate([columns[:, kept], made, columns[:, behind:]], axis=1)
    if features.compression is not None:
        columns = features.compression.apply_exactly(columns)
    values = columns if len(source) == columns.shape[1] else columns[:, source]
    standard = (values - center[source]) / spread[source]
    far = np.where((center[source] == 0) & (spread[source] == 1), np.inf, FAR)
    if (np.abs(standard) > far).any():
        standard = np.clip(standard, -far, far) * (1 + np.log(np.maximum(np.abs(standard) / far, 1.0)))
    if (category == REAL).all():
        return standard
    indicators = (values == category).astype(np.float64)
    if features.relaxed is not None:
        share = 1 / (1 + np.exp(np.where(category == 1, -values, values)))
        indicators = np.where(features.relaxed, share, indicators)
    return np.where(category == REAL, standard, indicators)


def _find_lines(encoder: Encoder, draws: Sampled, known: Mask) -> Iterator[Lines]:
    """Regress the columns on their known parents, those with the same parents together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    parents = encoder.network.list_parents(len(known))
    for column, inputs in enumerate(parents):
        groups.setdefault(tuple(inputs[known[inputs]].tolist()), []).append(column)
    apart = sum((len(row) + len(members)) * (len(row) + len(members) + COPYING) for row, members in groups.items())
    shared = (len(known) + len(draws.values)) ** 2 < apart
    for row, members in groups.items():
        cases = Cases(draws, np.array(row, dtype=np.int64), np.array(members, dtype=np.int64), shared)
        for family, which in encoder.conditional.divide(cases.columns):
            part = cases.take(which)
            started = family.start(part)
            if started is not None:
                yield Lines(part.columns, part.parents, started.slopes, started.intercepts)


def _mark_known(features: Features, *, fixed: bool) -> Mask:
    """Mark the inputs that are no features of summaries which are still to be learned."""
    known = np.ones(len(features.source), dtype=bool)
    if features.summaries is not None and not fixed:
        known[np.searchsorted(features.source, len(features.summaries.kept)) : features.seen] = False
    return known
