"""Answers for one observation of a template: stage by stage, beside quadrature."""

from typing import Any

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from benchmarks.hierarchical.exact_templates import GAUSSIAN
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.lifted.lifted_answer import LiftedAsked, _refine, answer_by_chains, answer_lifted, say_lost
from retrodict.posterior.lifted.lifted_surface import LiftedSurface
from tests.posterior.lifted.test_exact_factors import EFFECTS, ERRORS, integrate_schools, schools

DATA = {"y": np.where(EFFECTS < 0, np.nan, EFFECTS), "errors": ERRORS}
SEEN = ~np.isnan(DATA["y"])


@pytest.fixture(scope="module")
def untrained() -> rd.LiftedPosterior:
    """Schools of which the spread comes from a regression."""
    errors = np.exp(2.5 + 0.4 * np.random.default_rng(0).normal(size=8))
    model = rd.from_numpyro(schools, errors, observed=["y"], template=True)
    return rd.amortize(model, vary={"schools": (2, 8)}, missing=0.1, steps=0, quiet=True)


def ask(posterior: rd.LiftedPosterior, data: Any, n: int = 2000, seconds: float = 120) -> LiftedAsked:
    given = posterior._read(data)
    return LiftedAsked(
        posterior._proposal,
        given,
        lambda codes: posterior._name(given, codes),
        data=data,
        n=n,
        seed=0,
        seconds=seconds,
        inverse=posterior.inverse,
        exact={name: form.kind for form in posterior.forms for name in form.names},
    )


def score_spread(tau: Any) -> Any:
    """Return log p(tau, y), all else integrated out, up to a constant: y is normal given the spread."""
    y, errors = DATA["y"][SEEN], ERRORS[SEEN]
    found = []
    for own in np.ravel(tau):
        covariance = np.diag(errors**2 + own**2) + 100.0
        found.append(-0.5 * (np.linalg.slogdet(covariance)[1] + y @ np.linalg.solve(covariance, y) + (own / 10) ** 2))
    return np.array(found)


def score_codes(asked: LiftedAsked, codes: Any) -> Any:
    """Return the log density of codes of the spread, with y."""
    coder = asked.proposal.space.described["tau"].coder
    with jax.enable_x64(True):
        given = jax.numpy.asarray(codes)
        return score_spread(coder.decode(given)) + np.asarray(coder.log_det(given))


def test_the_density_of_what_is_drawn_has_all_else_integrated_out(untrained: rd.LiftedPosterior) -> None:
    """Values at rows of codes are those of dense algebra, and so are values and slopes of the surface for chains."""
    asked = ask(untrained, DATA)
    codes = np.linspace(-1.5, 3.0, 10)[:, None]
    found = asked.target.score(codes) - score_codes(asked, codes)
    np.testing.assert_allclose(found, found[0], atol=2e-4)
    surface = LiftedSurface(asked.target, asked.proposal.find_factors(asked.given))
    with jax.enable_x64(True):
        values, slopes = jax.jit(jax.vmap(jax.value_and_grad(surface.score_one)))(codes)
    np.testing.assert_allclose(np.asarray(values) - asked.target.score(codes), 0.0, atol=2e-4)
    step = 1e-4
    both = [score_codes(asked, codes + side) for side in (-step, step)]
    np.testing.assert_allclose(np.asarray(slopes)[:, 0], (both[1] - both[0]) / (2 * step), atol=1e-3)


def check_schools(answer: rd.Answer) -> None:
    for name, (mean, sd) in integrate_schools(DATA["y"][SEEN], ERRORS[SEEN]).items():
        assert abs(answer.mean[name] - mean) < 0.1 * sd, (name, mean)
        assert abs(answer.sd[name] / sd - 1) < 0.1, (name, sd)


def test_a_proposal_is_fitted_to_one_observation(untrained: rd.LiftedPosterior) -> None:
    answer = _refine(ask(untrained, DATA))
    assert (answer.stage, answer.reliable) == ("refined", True)
    assert answer.exact == {"mu": "Gaussian", "theta": "Gaussian"}
    assert answer.draws["theta"].shape == (2000, 8)
    assert answer.draws["tau"].shape == (2000,)
    check_schools(answer)


@pytest.mark.slow
def test_chains_walk_on_what_the_encoder_draws(untrained: rd.LiftedPosterior) -> None:
    asked = ask(untrained, DATA, seconds=3000)
    starts = np.random.default_rng(0).normal(1.0, 0.5, size=(50, 1))
    units = LinearProposal.fit(np.ones(1), np.eye(1), np.inf, np.zeros((1, 1), bool), np.arange(1))
    answer = answer_by_chains(asked, units, starts)
    assert answer.stage == "mcmc"
    assert answer.reliable, answer.reasons
    check_schools(answer)


def test_answers_say_how_far_they_went(untrained: rd.LiftedPosterior) -> None:
    answer = untrained.answer(DATA, 500, seconds=60)
    assert answer.stage in ("weighted", "refined")
    assert answer.reliable
    check_schools(answer)
    exact = rd.amortize(GAUSSIAN["hierarchy"].at({"j": 3, "n": 2}), steps=0, quiet=True)
    found = exact.answer({"y": np.ones((2, 2))}, 100)
    assert (found.stage, found.ess) == ("exact", 100)
    assert found.draws["theta"].shape == (100, 2)


def counts(groups: int) -> None:
    """Counts whose logarithms have a level of their own in each group: nothing is in closed form."""
    scale = numpyro.sample("scale", dist.HalfNormal(1))
    with numpyro.plate("groups", groups):
        level = numpyro.sample("level", dist.Normal(0, scale))
    with numpyro.plate("rows", groups, dim=-2), numpyro.plate("cells", 4, dim=-1):
        numpyro.sample("y", dist.Poisson(jax.numpy.exp(level[:, None])))


@pytest.mark.slow
def test_what_no_closed_form_has_is_answered_by_chains_with_silent_groups_from_the_model() -> None:
    model = rd.from_numpyro(counts, 6, observed=["y"], template=True)
    posterior = rd.amortize(model, missing=0.2, steps=20, quiet=True)
    y = np.random.default_rng(0).poisson(2.0, size=(6, 4)).astype(float)
    y[4] = np.nan
    answer = answer_lifted(ask(posterior, {"y": y}, 2000, 3000))
    assert answer.reliable, answer.reasons
    rest = answer.draws["level"][:, 4] / answer.draws["scale"]
    assert abs(rest.mean()) < 5 / np.sqrt(2000)
    assert abs(rest.std() - 1) < 0.1
    # Beside quadrature over both, group by group.
    scales, levels = np.linspace(0.01, 4, 200), np.linspace(-6, 4, 801)
    groups = []
    for own in y[~np.isnan(y).any(axis=1)]:
        likelihood = own.sum() * levels - 4 * np.exp(levels)
        groups.append(np.exp(likelihood[None] - 0.5 * (levels / scales[:, None]) ** 2) / scales[:, None])
    evidence = np.log(np.stack([group.sum(axis=1) for group in groups])).sum(axis=0) - 0.5 * scales**2
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    mean = weights @ scales
    sd = np.sqrt(weights @ (scales - mean) ** 2)
    assert abs(answer.mean["scale"] - mean) < 0.15 * sd
    given = groups[0] / groups[0].sum(axis=1, keepdims=True)
    first = weights @ (given @ levels)
    spread = np.sqrt(weights @ (given @ levels**2) - first**2)
    assert abs(answer.mean["level"][0] - first) < 0.15 * spread


def test_draws_that_are_no_numbers_are_a_reason():
    draws = {"a": np.zeros((4, 2)), "b": np.array([0.0, np.nan, 0.0, 0.0])}
    assert say_lost(draws) == ("25.0% of the draws are no numbers.",)
    assert say_lost({"a": draws["a"]}) == ()
