"""Lower bounds of the log-likelihood of series: the evidence lower bound, importance-weighted, sequential."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.errors import OptionError
from retrodict.models.series_program import list_links
from retrodict.train.series.series_filter import run_filter
from retrodict.train.series.series_pair import SeriesPair, compare_draws, diverge, sum_columns

Bound = Callable[[SeriesPair, Key[Array, ""], SeriesBatch, int, Float[Array, ""] | float], Float[Array, " series"]]


def find_elbo(
    pair: SeriesPair, key: Key[Array, ""], batch: SeriesBatch, draws: int, weight: Float[Array, ""] | float = 1.0
) -> Float[Array, " series"]:
    r"""Return :math:`E_q[\log p(x \mid z)] - w\, \mathrm{KL}` of each series in nats, over some draws.

    Divergences of normal conditionals from normal ones are exact given the parents that were drawn.

    Source: Krishnan, Shalit & Sontag 2017, equation 6.
    """
    parts = split_bound(pair, key, batch, draws)
    data = [parts[name] for name in pair.program.template.observed if name in parts]
    rest = [parts[name] for name in parts if name not in pair.program.template.observed]
    return (sum_up(data) - weight * sum_up(rest)).mean(axis=1)


def split_bound(pair: SeriesPair, key: Key[Array, ""], batch: SeriesBatch, draws: int) -> dict[str, Array]:
    """Return the parts of the bound, by series and draw: log densities of data, divergences of latents."""
    drawn = pair.draw(key, batch, draws)
    exact = list_exact(pair)
    found = {}
    for name, (density, value) in pair.list_scores(batch, drawn.values).items():
        if name not in drawn.numbers:
            found[name] = _mask(sum_columns(density, value), batch)
            continue
        ours = pair.encoder.read(name, drawn.numbers[name])
        gap = (diverge if name in exact else compare_draws)(ours, density, value)
        found[name] = _mask(gap, batch) if pair.program.template.is_timed(name) else gap
    return found


def list_exact(pair: SeriesPair) -> frozenset[str]:
    """Return the latents whose generative parents are all drawn before them: their divergence has a closed form."""
    place = {plan.name: i for i, plan in enumerate(pair.encoder.plans)}
    template = pair.program.template
    return frozenset(
        name
        for name in place
        if all(
            link.lag > 0 or link.parent in template.observed or place[link.parent] < place[name]
            for link in list_links(template, name)
        )
    )


def list_weights(pair: SeriesPair, key: Key[Array, ""], batch: SeriesBatch, draws: int) -> Float[Array, "series draws"]:
    """Return log p(z, x) - log q(z | x) of each draw, in nats."""
    drawn = pair.draw(key, batch, draws)
    timed = pair.program.template.is_timed
    terms = []
    for name, (density, value) in pair.list_scores(batch, drawn.values).items():
        score = sum_columns(density, value)
        if name in drawn.numbers:
            score = score - sum_columns(pair.encoder.read(name, drawn.numbers[name]), value)
        terms.append(_mask(score, batch) if timed(name) else score)
    return sum_up(terms)


def find_iwae(
    pair: SeriesPair, key: Key[Array, ""], batch: SeriesBatch, draws: int, weight: Float[Array, ""] | float = 1.0
) -> Float[Array, " series"]:
    r"""Return :math:`\log \frac1K \sum_k p(z_k, x) / q(z_k \mid x)` of each series.

    Source: Burda et al. 2015.
    """
    return jax.nn.logsumexp(list_weights(pair, key, batch, draws), axis=1) - jnp.log(draws)


def find_sequential(
    pair: SeriesPair, key: Key[Array, ""], batch: SeriesBatch, draws: int, weight: Float[Array, ""] | float = 1.0
) -> Float[Array, " series"]:
    """Return the logarithm of the estimate of a particle filter whose proposals are the encoder's conditionals.

    Particles are resampled where fewer than half of them count. Gradients leave out how resampling depends on weights.

    Source: Maddison et al. 2017; Le et al. 2018; Naesseth et al. 2018.
    """
    return run_filter(pair, key, batch, draws).log_likelihood


BOUNDS: Mapping[str, Bound] = {"elbo": find_elbo, "iwae": find_iwae, "sequential": find_sequential}


def choose_bound(objective: str, draws: int) -> Bound:
    """Return a bound by name; raise `OptionError` for another name, and for a single draw where it needs more."""
    if objective not in BOUNDS:
        raise OptionError(
            f"objective={objective!r} is none for programs of series", remedy=f"Choose one of {', '.join(BOUNDS)}."
        )
    if objective != "elbo" and draws < 2:
        raise OptionError(
            f"the objective {objective!r} needs two draws or more, not {draws}",
            remedy="Give rd.SeriesTraining(draws=4), or another number.",
        )
    return BOUNDS[objective]


def sum_up(terms: list[Array]) -> Array:
    """Return the sum of arrays."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _mask(scores: Array, batch: SeriesBatch) -> Float[Array, "series draws"]:
    """Return the sum over the times that there are, padding left out."""
    return jnp.where(batch.exists[:, None], scores, 0.0).sum(axis=2)
