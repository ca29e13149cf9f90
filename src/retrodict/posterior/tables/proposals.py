"""The next round of simulations: latents proposed where the posterior of one observation lies, with their weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.encode.keys import make_key
from retrodict.errors import DataError, DensityError, OptionError
from retrodict.graph.names import Name
from retrodict.plan.counts import MOST_SEED, read_count, read_seed
from retrodict.plan.layout import Floats, Layout
from retrodict.posterior.answers.marginal import take_one
from retrodict.posterior.observations import Evidence
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.posterior.tables.prior_density import PriorDensity, know_prior, learn_prior

# The share of the proposals that are drawn from the prior: no weight is larger than one over it.
DEFENSIVE = 0.1
# How often as many draws as are wanted are made, of which those within the support of the prior are kept.
TRIES = 16


@dataclass(frozen=True, eq=False, repr=False)
class Proposals(Mapping[Name, NDArray[Any]]):
    r"""Latents for which to simulate next, ``{latent: array (n, ...)}``, and how much each of these runs counts.

    A weight is :math:`p(z) / r(z)`, where p is the prior, and r the mixture of prior and posterior that the latents
    were drawn from: runs with these weights stand for runs of the prior, and can be put together with such.

    Arguments:
        latents: the values of each latent.
        weights: one for each, with a mean of about one; none is above ten.
        prior: ``"exact"`` where the model has a density, ``"learned"`` where it was estimated from stored runs.

    >>> Proposals({"z": np.zeros(3)}, np.ones(3), "exact")
    Proposals(3 of 'z', exact prior, effective 3.0)
    """

    latents: Mapping[Name, NDArray[Any]]
    weights: NDArray[np.float64]
    prior: str

    def __getitem__(self, name: Name) -> NDArray[Any]:
        return self.latents[name]

    def __iter__(self) -> Iterator[Name]:
        return iter(self.latents)

    def __len__(self) -> int:
        """Return the number of latents that are proposed."""
        return len(self.latents)

    def __repr__(self) -> str:
        names = ", ".join(map(repr, self.latents))
        effective = self.weights.sum() ** 2 / (self.weights**2).sum()
        return f"Proposals({len(self.weights):,} of {names}, {self.prior} prior, effective {effective:.1f})"


def next_simulations(post: AmortizedPosterior, data: Mapping[Name, Any], n: int, *, seed: int = 0) -> Proposals:
    r"""Return latents for which to simulate next, so that the posterior of one observation becomes sharper.

    Nine tenths are drawn from :math:`q(z \mid x)`, truncated to the support of the prior, and a tenth from the prior.
    Simulate the other variables for them, put the runs beside the earlier ones, and train again with the weights of
    both, those of the earlier ones being one (or what they were): the posterior is that of the same prior.

    Arguments:
        post: a posterior of `amortize`; of a model without a density, one that was given stored simulations.
        data: a value of each observed variable, ``{name: array}``, in the model's units.
        n: number of proposals.
        seed: the same seed gives the same proposals. Default 0.

    Returns: `Proposals` of all latents. Where the model has no density, that of its prior is
        learned from the stored runs, along the edges of the model.

    Raises: `DataError` for data that do not fit the model, and where nearly no draws lie in the support of the prior;
        `OptionError` for several observations, and where nothing is known of the prior.

    Source: Lueckmann et al. 2017 (proposals with weights); Hesterberg 1995 (defensive mixtures).

    >>> from retrodict import BayesNet, amortize
    >>> z = np.random.default_rng(0).normal(size=2000)
    >>> x = z + np.random.default_rng(1).normal(size=2000)
    >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    >>> post = amortize(net, simulations={"z": z, "x": x}, steps=100, quiet=True)
    >>> proposals = next_simulations(post, {"x": 2.0}, 500)
    >>> proposals["z"].shape, bool(proposals.weights.max() <= 10)
    ((500,), True)
    """
    n, seed = read_count("n", n), read_seed(seed)
    evidence = take_one(post.read(data))
    prior, rng = _find_prior(post, seed), np.random.default_rng(seed)
    few = int(rng.binomial(n, DEFENSIVE))
    drawn = _draw_posterior(post, evidence, prior, n - few, seed)
    latents = rng.permutation(np.concatenate([_draw_prior(post, few, rng), drawn]))
    before = prior.score(latents)
    after = post.log_prob(_unpack(post, latents), data)
    mixed = np.logaddexp(np.log(DEFENSIVE) + before, np.log1p(-DEFENSIVE) + after)
    return Proposals(_unpack(post, latents), np.exp(before - mixed).astype(np.float64), prior.kind)


def _unpack(post: AmortizedPosterior, latents: Floats) -> dict[Name, Any]:
    return Layout.of(post.model.net, post.model.net.latents).unpack(latents)


def _find_prior(post: AmortizedPosterior, seed: int) -> PriorDensity:
    try:
        return know_prior(post.compiled)
    except DensityError as error:
        if post.runs is None:
            raise OptionError(
                "nothing is known of the prior of this posterior: its model has no density, and stored runs are not "
                "saved with a posterior",
                remedy="Train it by amortize(net, simulations=table) in this process.",
            ) from error
        return learn_prior(post.compiled, post.runs, seed)


def _draw_prior(post: AmortizedPosterior, n: int, rng: np.random.Generator) -> Floats:
    """Return latents of stored runs, or of fresh ones."""
    space = post.compiled.space
    if post.runs is None:
        drawn = post.compiled.simulate(make_key(int(rng.integers(MOST_SEED))), max(n, 1))
        return np.asarray(space.split(drawn)[0])[:n]
    runs = post.runs
    shares = None if runs.weights is None else runs.weights[runs.training] / runs.weights[runs.training].sum()
    rows = rng.choice(runs.training, n, p=shares)
    return np.asarray(space.split(runs.take(rows))[0])


def _draw_posterior(post: AmortizedPosterior, evidence: Evidence, prior: PriorDensity, n: int, seed: int) -> Floats:
    """Return draws within the support of the prior; raise `DataError` where there are too few."""
    kept = np.zeros((0, Layout.of(post.model.net, post.model.net.latents).width), np.float32)
    for attempt in range(TRIES):
        drawn = post.draw(evidence, max(n, 1), seed=(seed + attempt) % MOST_SEED)
        kept = np.concatenate([kept, drawn[prior.holds(drawn)]])
        if len(kept) >= n:
            return np.asarray(kept[:n])
    raise DataError(
        f"only {len(kept):,} of {TRIES * n:,} draws of the posterior lie in the support of the prior",
        remedy="Declare supports, Variable(name, support='interval', bounds=(low, high)), so that the encoder keeps "
        "within them, or check whether these data could come from the model.",
    )
