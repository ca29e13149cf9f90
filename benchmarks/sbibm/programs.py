"""The eight tasks of sbibm as NumPyro programs.

Source: Lueckmann, Boelts, Greenberg, Goncalves & Macke 2021, appendix T.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro import distributions as dist

from benchmarks.sbibm.distributions import Crescent, SpikeSums

PEOPLE, DAYS, ASKED = 1e6, 160, 1000
STEP, STEPS = 0.1, 200
LARGEST, SMALLEST = math.log(1e5), math.log(1e-12)


def two_moons() -> None:
    """Draw a point of the plane; its posterior is two crescents."""
    theta = numpyro.sample("theta", dist.Uniform(-1, 1).expand([2]).to_event(1))
    across, along = theta[0] + theta[1], theta[1] - theta[0]
    numpyro.sample("x", Crescent(jnp.stack([-jnp.abs(across), along]) / math.sqrt(2)))


def gaussian_mixture() -> None:
    """Draw the common mean of a wide and a narrow normal."""
    theta = numpyro.sample("theta", dist.Uniform(-10, 10).expand([2]).to_event(1))
    parts = dist.Normal(jnp.stack([theta, theta]), np.array([[1.0], [0.1]])).to_event(1)
    numpyro.sample("x", dist.MixtureSameFamily(dist.Categorical(probs=np.array([0.5, 0.5])), parts))


def gaussian_linear() -> None:
    """Draw the mean of a normal from a normal prior, ten of each."""
    theta = numpyro.sample("theta", dist.MultivariateNormal(np.zeros(10), 0.1 * np.eye(10)))
    numpyro.sample("x", dist.MultivariateNormal(theta, 0.1 * np.eye(10)))


def gaussian_linear_uniform() -> None:
    """Draw the mean of a normal from a uniform prior, ten of each."""
    theta = numpyro.sample("theta", dist.Uniform(-1, 1).expand([10]).to_event(1))
    numpyro.sample("x", dist.MultivariateNormal(theta, 0.1 * np.eye(10)))


def slcp() -> None:
    """Draw mean and covariance of four points of the plane: a simple likelihood, a complex posterior."""
    theta = numpyro.sample("theta", dist.Uniform(-3, 3).expand([5]).to_event(1))
    first, second, slope = theta[2] ** 2, theta[3] ** 2, jnp.tanh(theta[4])
    corner = jnp.sqrt(first**2 + 1e-6)
    below = slope * first * second / corner
    last = jnp.sqrt(second**2 + 1e-6 - below**2)
    tril = jnp.stack([jnp.stack([corner, jnp.zeros_like(corner)]), jnp.stack([below, last])])
    with numpyro.plate("points", 4):
        numpyro.sample("x", dist.MultivariateNormal(theta[:2], scale_tril=tril))


def bernoulli_glm() -> None:
    """Draw the filter of a neuron, of which the sums over its spikes are observed."""
    stimulus, size = np.random.RandomState(42).randn(100), 9
    lags = [np.concatenate([np.zeros(lag), stimulus[: 100 - lag]]) for lag in range(size)]
    design = np.stack([np.ones(100), *lags], axis=1).astype(np.float32)
    difference = np.eye(size) - np.eye(size, k=-1)
    smooth = difference @ difference + np.diag(np.sqrt(np.arange(size) / size))
    precision = np.zeros((size + 1, size + 1))
    precision[0, 0], precision[1:, 1:] = 0.5, smooth.T @ smooth
    theta = numpyro.sample("theta", dist.MultivariateNormal(np.zeros(size + 1), np.linalg.inv(precision)))
    numpyro.sample("x", SpikeSums(theta, design))


def sir() -> None:
    """Draw rates of contact and recovery; the infected are counted on ten days."""
    rates = np.array([math.log(0.4), math.log(0.125)])
    theta = numpyro.sample("theta", dist.LogNormal(rates, np.array([0.5, 0.2])).to_event(1))

    def flow(state: Any) -> Any:
        new = theta[0] * state[0] * state[1]
        return jnp.stack([-new, new - theta[1] * state[1]])

    infected = integrate(flow, np.array([1 - 1 / PEOPLE, 1 / PEOPLE]), 1.0, DAYS)[::17, 1]
    numpyro.sample("x", dist.Binomial(ASKED, probs=jnp.clip(infected, 1e-10, 1 - 1e-6)).to_event(1))


def lotka_volterra() -> None:
    """Draw rates of prey and predators, seen with noise at ten times; integrated on the scale of logarithms."""
    rates = np.array([-0.125, -3.0, -0.125, -3.0])
    theta = numpyro.sample("theta", dist.LogNormal(rates, 0.5).to_event(1))

    def flow(state: Any) -> Any:
        prey, predators = jnp.exp(jnp.clip(state, SMALLEST, LARGEST))
        return jnp.stack([theta[0] - theta[1] * predators, theta[3] * prey - theta[2]])

    states = integrate(flow, np.log([30.0, 1.0]), STEP, STEPS)[::21].T.reshape(-1)
    numpyro.sample("x", dist.LogNormal(jnp.clip(states, math.log(1e-10), math.log(1e4)), 0.1).to_event(1))


def integrate(flow: Callable[[Any], Any], start: Any, step: float, steps: int) -> Any:
    """Return the states of a differential equation at all times, by the method of Runge and Kutta."""

    def advance(state: Any, _: None) -> tuple[Any, Any]:
        first = flow(state)
        second = flow(state + step / 2 * first)
        third = flow(state + step / 2 * second)
        fourth = flow(state + step * third)
        new = state + step / 6 * (first + 2 * second + 2 * third + fourth)
        return new, new

    begin = jnp.asarray(start, jnp.float32)
    return jnp.concatenate([begin[None], jax.lax.scan(advance, begin, None, length=steps)[1]])


PROGRAMS: dict[str, Callable[[], None]] = {
    program.__name__: program
    for program in (
        two_moons,
        gaussian_mixture,
        gaussian_linear,
        gaussian_linear_uniform,
        slcp,
        bernoulli_glm,
        sir,
        lotka_volterra,
    )
}
