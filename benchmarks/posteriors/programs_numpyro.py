"""Twelve programs of NumPyro's examples and tutorials, on published data.

Written after https://github.com/pyro-ppl/numpyro (Apache-2.0; the folders ``examples`` and ``notebooks/source``), with
their priors. Data that the examples simulate, or fetch where they cannot be kept, are published ones instead:
``data/README.md`` says which.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.experimental.ode import odeint
from numpyro.contrib.control_flow import scan
from numpyro.infer.reparam import LocScaleReparam

from benchmarks.posteriors.entry import Entry, Parameters, Values, name_elements, select, standardize

DATA = Path(__file__).parent / "data"


def _read(name: str) -> Any:
    """Return a table, its columns by name."""
    return np.genfromtxt(DATA / f"{name}.csv", delimiter=",", names=True)


def _stack(table: Any, names: tuple[str, ...]) -> np.ndarray:
    """Return a column of ones beside standardized columns."""
    return np.column_stack([np.ones(len(table)), *(standardize(table[name]) for name in names)])


def baseball(at_bats: Any) -> None:
    """Draw hits of players whose log odds are partially pooled (examples/baseball.py)."""
    loc = numpyro.sample("loc", dist.Normal(-1, 1))
    scale = numpyro.sample("scale", dist.HalfCauchy(1))
    with numpyro.plate("players", len(at_bats)):
        alpha = numpyro.sample("alpha", dist.Normal(loc, scale))
        numpyro.sample("hits", dist.Binomial(at_bats, logits=alpha))


def divorce(marriage: Any, age: Any) -> None:
    """Draw rates of divorce around rates of marriage and ages (bayesian_regression.ipynb)."""
    a = numpyro.sample("a", dist.Normal(0, 0.2))
    on_marriage = numpyro.sample("bM", dist.Normal(0, 0.5))
    on_age = numpyro.sample("bA", dist.Normal(0, 0.5))
    sigma = numpyro.sample("sigma", dist.Exponential(1.0))
    numpyro.sample("divorce", dist.Normal(a + on_marriage * marriage + on_age * age, sigma))


def gaussian_process(x: Any) -> None:
    """Draw a Gaussian process whose hyper-parameters are drawn (examples/gp.py)."""
    var = numpyro.sample("kernel_var", dist.LogNormal(0.0, 10.0))
    noise = numpyro.sample("kernel_noise", dist.LogNormal(0.0, 10.0))
    length = numpyro.sample("kernel_length", dist.LogNormal(0.0, 10.0))
    squared = ((x[:, None] - x) / length) ** 2
    kernel = var * jnp.exp(-0.5 * squared) + (noise + 1e-6) * jnp.eye(len(x))
    numpyro.sample("Y", dist.MultivariateNormal(jnp.zeros(len(x)), covariance_matrix=kernel))


def horseshoe(columns: Any) -> None:
    """Draw around predictors most of which may have no effect (examples/horseshoe_regression.py)."""
    width = columns.shape[1]
    lambdas = numpyro.sample("lambdas", dist.HalfCauchy(jnp.ones(width)))
    tau = numpyro.sample("tau", dist.HalfCauchy(jnp.ones(1)))
    unscaled = numpyro.sample("unscaled_betas", dist.Normal(0.0, jnp.ones(width)))
    precision = numpyro.sample("prec_obs", dist.Gamma(3.0, 1.0))
    numpyro.sample("Y", dist.Normal(columns @ (tau * lambdas * unscaled), 1.0 / jnp.sqrt(precision)))


def stochastic_volatility(size: int) -> None:
    """Draw returns whose log scale is a random walk (examples/stochastic_volatility.py)."""
    step = numpyro.sample("sigma", dist.Exponential(50.0))
    s = numpyro.sample("s", dist.GaussianRandomWalk(scale=step, num_steps=size))
    nu = numpyro.sample("nu", dist.Exponential(0.1))
    numpyro.sample("r", dist.StudentT(df=nu, loc=0.0, scale=jnp.exp(s)))


def _change(z: Any, _: Any, theta: Any) -> Any:
    alpha, beta, gamma, delta = theta
    return jnp.stack([(alpha - beta * z[1]) * z[0], (-gamma + delta * z[0]) * z[1]])


def predator_prey(years: int) -> None:
    """Draw two populations around the solution of a differential equation (examples/ode.py)."""
    start = numpyro.sample("z_init", dist.LogNormal(jnp.log(10), 1).expand([2]))
    centers = jnp.array([1.0, 0.05, 1.0, 0.05])
    theta = numpyro.sample("theta", dist.TruncatedNormal(centers, jnp.array([0.5, 0.05, 0.5, 0.05]), low=0.0))
    path = odeint(_change, start, jnp.arange(float(years)), theta, rtol=1e-6, atol=1e-5, mxstep=1000)
    sigma = numpyro.sample("sigma", dist.LogNormal(-1, 1).expand([2]))
    numpyro.sample("y", dist.LogNormal(jnp.log(path), sigma))


def reaction_times(subject: Any, days: Any) -> None:
    """Draw reaction times around a line for each subject (bayesian_hierarchical_linear_regression.ipynb)."""
    mean_a = numpyro.sample("mu_a", dist.Normal(0.0, 500.0))
    scale_a = numpyro.sample("sigma_a", dist.HalfNormal(100.0))
    mean_b = numpyro.sample("mu_b", dist.Normal(0.0, 3.0))
    scale_b = numpyro.sample("sigma_b", dist.HalfNormal(3.0))
    with numpyro.plate("subjects", int(subject.max()) + 1):
        a = numpyro.sample("a", dist.Normal(mean_a, scale_a))
        b = numpyro.sample("b", dist.Normal(mean_b, scale_b))
    sigma = numpyro.sample("sigma", dist.HalfNormal(100.0))
    with numpyro.plate("rows", len(subject)):
        numpyro.sample("reaction", dist.Normal(a[subject] + b[subject] * days, sigma))


def admissions(department: Any, man: Any, applications: Any) -> None:
    """Draw admissions, with two correlated effects of each department (examples/ucbadmit.py)."""
    means = numpyro.sample("v_mu", dist.Normal(0, jnp.array([4.0, 1.0])))
    sigma = numpyro.sample("sigma", dist.HalfNormal(jnp.ones(2)))
    correlation = numpyro.sample("L_Rho", dist.LKJCholesky(2, concentration=2))
    z = numpyro.sample("z", dist.Normal(jnp.zeros((int(department.max()) + 1, 2)), 1))
    v = z @ (sigma[:, None] * correlation).T
    logits = means[0] + v[department, 0] + (means[1] + v[department, 1]) * man
    numpyro.sample("admit", dist.Binomial(applications, logits=logits))


def zero_inflated(columns: Any) -> None:
    """Draw counts, some of which are zero for another reason (examples/zero_inflated_poisson.py)."""
    width = columns.shape[1]
    b1 = numpyro.sample("b1", dist.Normal(0.0, 1.0).expand([width]).to_event(1))
    b2 = numpyro.sample("b2", dist.Normal(0.0, 1.0).expand([width]).to_event(1))
    with numpyro.plate("obs", len(columns)):
        numpyro.sample("Y", dist.ZeroInflatedPoisson(gate=jax.nn.sigmoid(columns @ b1), rate=jnp.exp(columns @ b2)))


def logistic(columns: Any) -> None:
    """Draw a binary outcome (examples/covtype.py)."""
    coefs = numpyro.sample("coefs", dist.Normal(jnp.zeros(columns.shape[1]), 1.0))
    with numpyro.plate("N", len(columns)):
        numpyro.sample("obs", dist.Bernoulli(logits=columns @ coefs))


def second_order(first: Any, steps: int) -> None:
    """Draw a series, each value around the two before it (examples/ar2.py)."""
    alpha_1 = numpyro.sample("alpha_1", dist.Normal(0, 1))
    alpha_2 = numpyro.sample("alpha_2", dist.Normal(0, 1))
    const = numpyro.sample("const", dist.Normal(0, 1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))

    def step(before: Any, _: Any) -> tuple[Any, None]:
        value = numpyro.sample("y", dist.Normal(const + alpha_1 * before[0] + alpha_2 * before[1], sigma))
        return (value, before[0]), None

    scan(step, (jnp.asarray(first[1]), jnp.asarray(first[0])), None, length=steps)


def _draw_components() -> tuple[Any, Any, Any]:
    """Draw what both programs share; the tutorial's locations are exchangeable, these are ordered to be told apart."""
    weights = numpyro.sample("weights", dist.Dirichlet(0.5 * jnp.ones(2)))
    scale = numpyro.sample("scale", dist.LogNormal(0.0, 2.0))
    free = dist.Normal(jnp.zeros(2), jnp.array([10.0, 1.0])).to_event(1)
    locs = numpyro.sample("locs", dist.TransformedDistribution(free, dist.transforms.OrderedTransform()))
    return weights, scale, locs


def eruptions(size: int) -> None:
    """Draw from a mixture of two normals, each point from a component that is drawn (gmm.ipynb)."""
    weights, scale, locs = _draw_components()
    with numpyro.plate("data", size):
        assignment = numpyro.sample("assignment", dist.Categorical(weights))
        numpyro.sample("obs", dist.Normal(locs[assignment], scale))


def eruptions_summed(size: int) -> None:
    """Draw from the same mixture, the components summed out."""
    weights, scale, locs = _draw_components()
    parts = dist.Normal(locs, jnp.stack([scale, scale]))
    with numpyro.plate("data", size):
        numpyro.sample("obs", dist.MixtureSameFamily(dist.Categorical(weights), parts))


def _name_horseshoe(draws: Values) -> Parameters:
    """Return the coefficients, and the scales as logarithms: the scales themselves have no variance."""
    lambdas, tau = (np.asarray(draws[name], float) for name in ("lambdas", "tau"))
    betas = tau * lambdas * np.asarray(draws["unscaled_betas"], float)
    return name_elements(
        {"betas": betas, "log lambdas": np.log(lambdas), "log tau": np.log(tau), "prec_obs": draws["prec_obs"]}
    )


def _name_process(draws: Values) -> Parameters:
    """Return logarithms: under these priors the hyper-parameters themselves hardly have means."""
    return name_elements({f"log {name}": np.log(np.asarray(values, float)) for name, values in draws.items()})


def _build_baseball() -> Entry:
    table = _read("baseball")
    uncentered = numpyro.handlers.reparam(baseball, config={"alpha": LocScaleReparam(0)})
    arguments, data = (table["at_bats"].astype(int),), {"hits": table["hits"]}
    return Entry("baseball", baseball, arguments, data, select("loc", "scale", "alpha"), uncentered=uncentered)


def _build_divorce() -> Entry:
    table = _read("divorce")
    columns = {name: standardize(table[name]) for name in ("marriage", "age", "divorce")}
    return Entry("divorce", divorce, (columns["marriage"], columns["age"]), {"divorce": columns["divorce"]})


def _build_process() -> Entry:
    table = _read("lake_huron")
    x, y = (standardize(table[name]) for name in ("year", "level"))
    return Entry("gp", gaussian_process, (x,), {"Y": y}, _name_process)


def _build_horseshoe() -> Entry:
    table = _read("mtcars")
    names = tuple(name for name in table.dtype.names if name != "mpg")
    columns = _stack(table, names)[:, 1:]
    return Entry("horseshoe", horseshoe, (columns,), {"Y": standardize(table["mpg"])}, _name_horseshoe)


def _build_volatility() -> Entry:
    returns = _read("sp500")["percent"]
    return Entry("stochastic_volatility", stochastic_volatility, (len(returns),), {"r": returns / 100})


def _build_predators() -> Entry:
    table = _read("lynx_hare")
    return Entry("predator_prey", predator_prey, (len(table),), {"y": np.column_stack([table["hare"], table["lynx"]])})


def _build_reactions() -> Entry:
    table = _read("sleepstudy")
    arguments = table["subject"].astype(int), table["days"]
    return Entry("sleepstudy", reaction_times, arguments, {"reaction": table["reaction"]})


def _build_admissions() -> Entry:
    table = _read("admissions")
    arguments = table["department"].astype(int), table["man"], table["applications"].astype(int)
    return Entry("ucbadmit", admissions, arguments, {"admit": table["admitted"]})


def _build_zero_inflated() -> Entry:
    table = _read("biochemists")
    columns = _stack(table, ("woman", "married", "children", "prestige", "mentor"))
    return Entry("zero_inflated_poisson", zero_inflated, (columns,), {"Y": table["articles"]})


def _build_logistic() -> Entry:
    table = _read("pima")
    columns = _stack(table, tuple(name for name in table.dtype.names if name != "diabetic"))
    return Entry("logistic", logistic, (columns,), {"obs": table["diabetic"]})


def _build_second_order() -> Entry:
    log = np.log10(_read("lynx")["trappings"])
    y = log - log.mean()
    return Entry("ar2", second_order, (y[:2], len(y) - 2), {"y": y[2:]}, elementwise=True)


def _build_eruptions() -> Entry:
    minutes = _read("faithful")["eruptions"]
    parameters = select("weights", "scale", "locs")
    return Entry("gmm", eruptions, (len(minutes),), {"obs": minutes}, parameters, summed=eruptions_summed)


PROGRAMS: dict[str, Callable[[], Entry]] = {
    "ar2": _build_second_order,
    "baseball": _build_baseball,
    "divorce": _build_divorce,
    "gmm": _build_eruptions,
    "gp": _build_process,
    "horseshoe": _build_horseshoe,
    "logistic": _build_logistic,
    "predator_prey": _build_predators,
    "sleepstudy": _build_reactions,
    "stochastic_volatility": _build_volatility,
    "ucbadmit": _build_admissions,
    "zero_inflated_poisson": _build_zero_inflated,
}
