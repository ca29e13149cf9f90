"""The nine posteriors of posteriordb as NumPyro programs.

Written after the Stan programs of https://github.com/stan-dev/posteriordb (BSD-3-Clause; the folder
``posterior_database/models/stan``). Where Stan leaves a prior out, it is flat, and cannot be drawn from. It is
``Normal(0, 100)`` or ``Uniform(0, 100)`` here, which moves no posterior mean by a hundredth of its standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import scan

from benchmarks.posteriors.entry import Entry, Parameters, Values, name_elements, select

WIDE, WIDE_SCALE = dist.Normal(0, 100), dist.Uniform(0, 100)


def autoregression(first: Any, steps: int) -> None:
    """Draw a series, each value around a sum of the five before it; the first five are given."""
    alpha = numpyro.sample("alpha", dist.Normal(0, 10))
    beta = numpyro.sample("beta", dist.Normal(0, 10).expand([5]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))

    def step(before: Any, _: Any) -> tuple[Any, None]:
        value = numpyro.sample("y", dist.Normal(alpha + before @ beta, sigma))
        return jnp.concatenate([value[None], before[:-1]]), None

    scan(step, jnp.asarray(first)[::-1], None, length=steps)


def log_earnings(height: Any) -> None:
    """Draw log earnings around a line; all priors are flat in Stan."""
    beta = numpyro.sample("beta", WIDE.expand([2]).to_event(1))
    sigma = numpyro.sample("sigma", WIDE_SCALE)
    with numpyro.plate("people", len(height)):
        numpyro.sample("log_earn", dist.Normal(beta[0] + beta[1] * height, sigma))


def eight_schools(error: Any) -> None:
    """Draw the effects of coaching, non-centered."""
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("schools", len(error)):
        trans = numpyro.sample("theta_trans", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(mu + tau * trans, error))


def garch(first_scale: float, steps: int) -> None:
    """Draw a GARCH(1,1) series; the scale of its first value is given.

    Stan's prior is flat over the triangle alpha1 + beta1 < 1: alpha1 is Beta(1, 2), beta1 uniform given alpha1. The
    flat priors of mu and alpha0 are wide ones.
    """
    mu = numpyro.sample("mu", WIDE)
    alpha0 = numpyro.sample("alpha0", WIDE_SCALE)
    alpha1 = numpyro.sample("alpha1", dist.Beta(1, 2))
    beta1 = numpyro.sample("beta1", dist.Uniform(0, 1 - alpha1))
    start = numpyro.sample("y1", dist.Normal(mu, first_scale))

    def step(carry: Any, _: Any) -> tuple[Any, None]:
        value, variance = carry
        variance = alpha0 + alpha1 * (value - mu) ** 2 + beta1 * variance
        value = numpyro.sample("y", dist.Normal(mu, jnp.sqrt(variance)))
        return (value, variance), None

    scan(step, (start, jnp.asarray(first_scale**2)), None, length=steps)


def _draw_chain_parameters() -> tuple[Any, Any]:
    """Stan's mu is ordered: mu2 lies above mu1, whose share of Normal(10, 1) is one to 1e-10 where the data put it."""
    theta1 = numpyro.sample("theta1", dist.Dirichlet(jnp.ones(2)))
    theta2 = numpyro.sample("theta2", dist.Dirichlet(jnp.ones(2)))
    mu1 = numpyro.sample("mu1", dist.TruncatedNormal(3, 1, low=0))
    mu2 = numpyro.sample("mu2", dist.TruncatedNormal(10, 1, low=mu1))
    return jnp.stack([theta1, theta2]), jnp.stack([mu1, mu2])


def hidden_markov(steps: int) -> None:
    """Draw a chain of two states, and a normal value from each; Stan sums the states out."""
    theta, mu = _draw_chain_parameters()
    start = numpyro.sample("z1", dist.Categorical(jnp.full(2, 0.5)))
    numpyro.sample("y1", dist.Normal(mu[start], 1))

    def step(state: Any, _: Any) -> tuple[Any, None]:
        state = numpyro.sample("z", dist.Categorical(theta[state]))
        numpyro.sample("y", dist.Normal(mu[state], 1))
        return state, None

    scan(step, start, None, length=steps)


def hidden_markov_summed(y: Any) -> None:
    """Score the chain by the forward recursion; the data are arguments."""
    theta, mu = _draw_chain_parameters()
    scores = dist.Normal(mu, 1).log_prob(jnp.asarray(y)[:, None])

    def step(forward: Any, score: Any) -> tuple[Any, None]:
        joint = forward[:, None] + jnp.log(theta) + score[None, :]
        return jnp.logaddexp(joint[0], joint[1]), None

    forward, _ = scan(step, scores[0] + jnp.log(0.5), scores[1:])
    numpyro.factor("likelihood", jnp.logaddexp(forward[0], forward[1]))


def kilpisjarvi(year: Any, location: float, scale: float, slope_location: float, slope_scale: float) -> None:
    """Draw summer temperatures around a line in the year, which is not centered; sigma is flat in Stan."""
    alpha = numpyro.sample("alpha", dist.Normal(location, scale))
    beta = numpyro.sample("beta", dist.Normal(slope_location, slope_scale))
    sigma = numpyro.sample("sigma", WIDE_SCALE)
    with numpyro.plate("years", len(year)):
        numpyro.sample("y", dist.Normal(alpha + beta * year, sigma))


def two_normals(size: int) -> None:
    """Draw from a mixture of two normals.

    Stan's means are ordered, each Normal(0, 2). Here the second is drawn above the first, which moves the first mean
    by less than a hundredth of its standard deviation.
    """
    mu1 = numpyro.sample("mu1", dist.Normal(0, 2))
    mu2 = numpyro.sample("mu2", dist.TruncatedNormal(0, 2, low=mu1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(2).expand([2]).to_event(1))
    theta = numpyro.sample("theta", dist.Beta(5, 5))
    weights = dist.Categorical(jnp.stack([theta, 1 - theta]))
    parts = dist.Normal(jnp.stack([mu1, mu2]), sigma)
    with numpyro.plate("points", size):
        numpyro.sample("y", dist.MixtureSameFamily(weights, parts))


def party(columns: Any) -> None:
    """Draw party identification around nine predictors; all priors are flat in Stan."""
    beta = numpyro.sample("beta", WIDE.expand([9]).to_event(1))
    sigma = numpyro.sample("sigma", WIDE_SCALE)
    with numpyro.plate("people", len(columns)):
        numpyro.sample("partyid7", dist.Normal(columns @ beta, sigma))


def regression(columns: Any) -> None:
    """Draw around five predictors."""
    beta = numpyro.sample("beta", dist.Normal(0, 10).expand([5]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(10))
    with numpyro.plate("rows", len(columns)):
        numpyro.sample("y", dist.Normal(columns @ beta, sigma))


def _stack_party(read: Values) -> np.ndarray:
    age = np.asarray(read["age_discrete"])
    first = [np.ones(len(age)), read["real_ideo"], read["race_adj"]]
    ages = [(age == group).astype(float) for group in (2, 3, 4)]
    return np.stack([*first, *ages, read["educ1"], read["gender"], read["income"]], axis=1).astype(float)


def _name_schools(draws: Values) -> Parameters:
    mu, tau = (np.asarray(draws[name], float) for name in ("mu", "tau"))
    theta = mu[:, None] + tau[:, None] * np.asarray(draws["theta_trans"], float)
    return name_elements({"theta": theta, "mu": mu, "tau": tau}, 1)


def _stack_means(draws: Values) -> np.ndarray:
    return np.stack([np.asarray(draws["mu1"]), np.asarray(draws["mu2"])], axis=1)


def _name_chain(draws: Values) -> Parameters:
    return name_elements({"theta1": draws["theta1"], "theta2": draws["theta2"], "mu": _stack_means(draws)}, 1)


def _name_mixture(draws: Values) -> Parameters:
    return name_elements({"mu": _stack_means(draws), "sigma": draws["sigma"], "theta": draws["theta"]}, 1)


def _build_arK(read: Values) -> Entry:  # noqa: N802
    y = np.asarray(read["y"])
    parameters = select("alpha", "beta", "sigma", first=1)
    return Entry("arK-arK", autoregression, (y[:5], len(y) - 5), {"y": y[5:]}, parameters, elementwise=True)


def _build_earnings(read: Values) -> Entry:
    height, earnings = np.asarray(read["height"], float), np.asarray(read["earn"], float)
    parameters = select("beta", "sigma", first=1)
    return Entry("earnings-logearn_height", log_earnings, (height,), {"log_earn": np.log(earnings)}, parameters)


def _build_schools(read: Values) -> Entry:
    error, y = np.asarray(read["sigma"], float), np.asarray(read["y"], float)
    return Entry("eight_schools-eight_schools_noncentered", eight_schools, (error,), {"y": y}, _name_schools)


def _build_garch(read: Values) -> Entry:
    y = np.asarray(read["y"])
    arguments = float(read["sigma1"]), len(y) - 1
    parameters = select("mu", "alpha0", "alpha1", "beta1")
    return Entry("garch-garch11", garch, arguments, {"y1": y[0], "y": y[1:]}, parameters, elementwise=True)


def _build_chain(read: Values) -> Entry:
    y = np.asarray(read["y"])
    data = {"y1": y[0], "y": y[1:]}

    def summed(steps: int) -> None:
        hidden_markov_summed(y)

    return Entry("hmm_example-hmm_example", hidden_markov, (len(y) - 1,), data, _name_chain, True, summed)


def _build_kilpisjarvi(read: Values) -> Entry:
    priors = tuple(float(read[name]) for name in ("pmualpha", "psalpha", "pmubeta", "psbeta"))
    arguments = np.asarray(read["x"], float), *priors
    parameters = select("alpha", "beta", "sigma")
    return Entry("kilpisjarvi_mod-kilpisjarvi", kilpisjarvi, arguments, {"y": np.asarray(read["y"])}, parameters)


def _build_mixture(read: Values) -> Entry:
    y = np.asarray(read["y"])
    return Entry("low_dim_gauss_mix-low_dim_gauss_mix", two_normals, (len(y),), {"y": y}, _name_mixture)


def _build_party(read: Values) -> Entry:
    data = {"partyid7": np.asarray(read["partyid7"], float)}
    return Entry("nes1972-nes", party, (_stack_party(read),), data, select("beta", "sigma", first=1))


def _build_regression(read: Values) -> Entry:
    data = {"y": np.asarray(read["y"])}
    return Entry("sblrc-blr", regression, (np.asarray(read["X"]),), data, select("beta", "sigma", first=1))


# By the name of the posterior, whose data are named by what stands before the hyphen.
PROGRAMS: dict[str, Callable[[Values], Entry]] = {
    "arK-arK": _build_arK,
    "earnings-logearn_height": _build_earnings,
    "eight_schools-eight_schools_noncentered": _build_schools,
    "garch-garch11": _build_garch,
    "hmm_example-hmm_example": _build_chain,
    "kilpisjarvi_mod-kilpisjarvi": _build_kilpisjarvi,
    "low_dim_gauss_mix-low_dim_gauss_mix": _build_mixture,
    "nes1972-nes": _build_party,
    "sblrc-blr": _build_regression,
}
