"""Further posteriors of posteriordb as NumPyro programs, on which nothing in the library was tuned.

Written after the Stan programs of https://github.com/stan-dev/posteriordb (BSD-3-Clause; the folder
``posterior_database/models/stan``), each as it stands there: data are not scaled, effects are centered where they are
centered there. Where Stan leaves a prior out, it is flat, and a wide one stands in its place, which moves no posterior
mean by a hundredth of its standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import scan
from numpyro.infer.reparam import LocScaleReparam

from benchmarks.posteriors.entry import Entry, Parameters, Values, name_elements, select
from benchmarks.posteriors.programs_posteriordb import _stack_party, party, regression

SUBSTEPS = 20


def moving_average(steps: int) -> None:
    """Draw an ARMA(1, 1) series; the error before the first value is zero."""
    mu = numpyro.sample("mu", dist.Normal(0, 10))
    phi = numpyro.sample("phi", dist.Normal(0, 2))
    theta = numpyro.sample("theta", dist.Normal(0, 2))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))

    def step(carry: Any, _: Any) -> tuple[Any, None]:
        before, error = carry
        location = mu + phi * before + theta * error
        value = numpyro.sample("y", dist.Normal(location, sigma))
        return (value, value - location), None

    scan(step, (mu, jnp.zeros(())), None, length=steps)


def line(columns: Any, wide: float) -> None:
    """Draw around predictors with flat priors; ``wide`` is the scale that stands for flat."""
    beta = numpyro.sample("beta", dist.Normal(0, wide).expand([columns.shape[1]]).to_event(1))
    sigma = numpyro.sample("sigma", dist.Uniform(0, wide))
    with numpyro.plate("rows", len(columns)):
        numpyro.sample("y", dist.Normal(columns @ beta, sigma))


def line_cauchy(columns: Any) -> None:
    """Draw around predictors with flat priors, the residual scale half Cauchy."""
    beta = numpyro.sample("beta", dist.Normal(0, 1000).expand([columns.shape[1]]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    with numpyro.plate("rows", len(columns)):
        numpyro.sample("y", dist.Normal(columns @ beta, sigma))


def _cover(x: Any, alpha: Any, rho: Any, more: Any) -> Any:
    return alpha**2 * jnp.exp(-0.5 * ((x[:, None] - x) / rho) ** 2) + more * jnp.eye(len(x))


def process(x: Any) -> None:
    """Draw a Gaussian process with noise."""
    rho = numpyro.sample("rho", dist.Gamma(25, 4))
    alpha = numpyro.sample("alpha", dist.HalfNormal(2))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    numpyro.sample("y", dist.MultivariateNormal(0.0, _cover(x, alpha, rho, sigma)))


def process_of_counts(x: Any, jitter: float = 1e-6) -> None:
    """Draw counts around the exponential of a Gaussian process, not centered; Stan's jitter is 1e-10, in doubles."""
    rho = numpyro.sample("rho", dist.Gamma(25, 4))
    alpha = numpyro.sample("alpha", dist.HalfNormal(2))
    free = numpyro.sample("f_tilde", dist.Normal(0, 1).expand([len(x)]).to_event(1))
    f = jnp.linalg.cholesky(_cover(x, alpha, rho, jitter)) @ free
    with numpyro.plate("points", len(x)):
        numpyro.sample("k", dist.Poisson(jnp.exp(f)))


def concentrations(dose: float, volume: float, times: Any) -> None:
    """Draw concentrations of a drug with Michaelis-Menten elimination and first-order absorption."""
    k_a = numpyro.sample("k_a", dist.HalfCauchy(1))
    k_m = numpyro.sample("K_m", dist.HalfCauchy(1))
    v_m = numpyro.sample("V_m", dist.HalfCauchy(1))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(1))

    def slope(time: Any, amount: Any) -> Any:
        return jnp.exp(-k_a * time) * dose * k_a / volume - v_m / volume * amount / (k_m + amount)

    def advance(amount: Any, span: Any) -> tuple[Any, Any]:
        begin, width = span[0], (span[1] - span[0]) / SUBSTEPS

        def inner(i: Any, held: Any) -> Any:
            time = begin + i * width
            first = slope(time, held)
            second = slope(time + width / 2, held + width / 2 * first)
            third = slope(time + width / 2, held + width / 2 * second)
            fourth = slope(time + width, held + width * third)
            return held + width / 6 * (first + 2 * second + 2 * third + fourth)

        amount = jax.lax.fori_loop(0, SUBSTEPS, inner, amount)
        return amount, amount

    spans = jnp.stack([jnp.concatenate([jnp.zeros(1), times[:-1]]), times], axis=1)
    _, amounts = jax.lax.scan(advance, jnp.zeros(()), spans)
    with numpyro.plate("times", len(times)):
        numpyro.sample("C_hat", dist.LogNormal(jnp.log(amounts), sigma))


def _draw_drive(alpha: Any) -> tuple[Any, Any, Any]:
    theta = [numpyro.sample(f"theta{k + 1}", dist.Dirichlet(jnp.asarray(alpha[k]))) for k in range(2)]
    rates = []
    for name in ("phi", "lambda"):
        low = numpyro.sample(f"{name}1", dist.HalfNormal(1))
        high = numpyro.sample(f"{name}2", dist.TruncatedNormal(3, 1, low=low))
        rates.append(jnp.stack([low, high]))
    return jnp.stack(theta), *rates


def drive(alpha: Any, steps: int) -> None:
    """Draw a drive in basketball: a chain of two states, speed and distance from each."""
    theta, phi, rate = _draw_drive(alpha)
    start = numpyro.sample("z1", dist.Categorical(jnp.full(2, 0.5)))
    numpyro.sample("u1", dist.Exponential(phi[start]))
    numpyro.sample("v1", dist.Exponential(rate[start]))

    def step(state: Any, _: Any) -> tuple[Any, None]:
        state = numpyro.sample("z", dist.Categorical(theta[state]))
        numpyro.sample("u", dist.Exponential(phi[state]))
        numpyro.sample("v", dist.Exponential(rate[state]))
        return state, None

    scan(step, start, None, length=steps)


def drive_summed(alpha: Any, u: Any, v: Any) -> None:
    """Score a drive by the forward recursion; the data are arguments."""
    theta, phi, rate = _draw_drive(alpha)
    scores = dist.Exponential(phi).log_prob(u[:, None]) + dist.Exponential(rate).log_prob(v[:, None])

    def step(forward: Any, score: Any) -> tuple[Any, None]:
        joint = forward[:, None] + jnp.log(theta) + score[None, :]
        return jnp.logaddexp(joint[0], joint[1]), None

    forward, _ = scan(step, scores[0], scores[1:])
    numpyro.factor("likelihood", jnp.logaddexp(forward[0], forward[1]))


def diamonds(columns: Any) -> None:
    """Draw log prices around 24 centered predictors."""
    b = numpyro.sample("b", dist.Normal(0, 1).expand([columns.shape[1]]).to_event(1))
    intercept = numpyro.sample("Intercept", dist.StudentT(3, 8, 10))
    sigma = numpyro.sample("sigma", dist.FoldedDistribution(dist.StudentT(3, 0, 10)))
    with numpyro.plate("rows", len(columns)):
        numpyro.sample("Y", dist.Normal(intercept + columns @ b, sigma))


def seeds(x1: Any, x2: Any, total: Any) -> None:
    """Draw germinated seeds of 21 plates with effects of plates; the precision has the BUGS prior."""
    alpha = [numpyro.sample(name, dist.Normal(0, 1000)) for name in ("alpha0", "alpha1", "alpha2", "alpha12")]
    tau = numpyro.sample("tau", dist.Gamma(1e-3, 1e-3))
    with numpyro.plate("plates", len(x1)):
        b = numpyro.sample("b", dist.Normal(0, 1 / jnp.sqrt(tau)))
        logits = alpha[0] + alpha[1] * x1 + alpha[2] * x2 + alpha[3] * x1 * x2 + b
        numpyro.sample("n", dist.Binomial(total, logits=logits))


def surgical(total: Any) -> None:
    """Draw deaths in twelve hospitals; the variance has the BUGS prior."""
    mu = numpyro.sample("mu", dist.Normal(0, 1000))
    variance = numpyro.sample("sigmasq", dist.InverseGamma(1e-3, 1e-3))
    with numpyro.plate("hospitals", len(total)):
        b = numpyro.sample("b", dist.Normal(mu, jnp.sqrt(variance)))
        numpyro.sample("r", dist.Binomial(total, logits=b))


def dugongs(x: Any) -> None:
    """Draw lengths around a growth curve; the precision has the BUGS prior."""
    alpha = numpyro.sample("alpha", dist.Normal(0, 1000))
    beta = numpyro.sample("beta", dist.Normal(0, 1000))
    rate = numpyro.sample("lambda", dist.Uniform(0.5, 1))
    tau = numpyro.sample("tau", dist.Gamma(1e-4, 1e-4))
    with numpyro.plate("dugongs", len(x)):
        numpyro.sample("Y", dist.Normal(alpha - beta * rate**x, 1 / jnp.sqrt(tau)))


def rats(rat: Any, x: Any, count: int) -> None:
    """Draw weights around a line of each rat; the scales are flat."""
    mean = {name: numpyro.sample(f"mu_{name}", dist.Normal(0, 100)) for name in ("alpha", "beta")}
    scale = {name: numpyro.sample(f"sigma_{name}", dist.Uniform(0, 100)) for name in ("alpha", "beta", "y")}
    with numpyro.plate("rats", count):
        alpha = numpyro.sample("alpha", dist.Normal(mean["alpha"], scale["alpha"]))
        beta = numpyro.sample("beta", dist.Normal(mean["beta"], scale["beta"]))
    with numpyro.plate("points", len(x)):
        numpyro.sample("y", dist.Normal(alpha[rat] + beta[rat] * x, scale["y"]))


def falcons(year: Any) -> None:
    """Draw counts of broods around a cubic curve in the year with an effect of each year."""
    alpha = numpyro.sample("alpha", dist.Uniform(-20, 20))
    beta = [numpyro.sample(f"beta{k}", dist.Uniform(-10, 20 if k == 2 else 10)) for k in (1, 2, 3)]
    sigma = numpyro.sample("sigma", dist.Uniform(0, 5))
    with numpyro.plate("years", len(year)):
        eps = numpyro.sample("eps", dist.Normal(0, sigma))
        curve = alpha + beta[0] * year + beta[1] * year**2 + beta[2] * year**3
        numpyro.sample("C", dist.Poisson(jnp.exp(curve + eps)))


def pilots(group: Any, scenario: Any) -> None:
    """Draw recoveries of pilots: groups crossed with scenarios."""
    mean = {name: numpyro.sample(f"mu_{name}", dist.Normal(0, 1)) for name in ("a", "b")}
    scale = {name: numpyro.sample(f"sigma_{name}", dist.Uniform(0, 100)) for name in ("a", "b", "y")}
    with numpyro.plate("groups", int(group.max()) + 1):
        a = numpyro.sample("a", dist.Normal(10 * mean["a"], scale["a"]))
    with numpyro.plate("scenarios", int(scenario.max()) + 1):
        b = numpyro.sample("b", dist.Normal(10 * mean["b"], scale["b"]))
    with numpyro.plate("rows", len(group)):
        numpyro.sample("y", dist.Normal(a[group] + b[scenario], scale["y"]))


def wells(dist_: Any) -> None:
    """Draw who changes to a safe well, by its distance in metres."""
    beta = numpyro.sample("beta", dist.Normal(0, 100).expand([2]).to_event(1))
    with numpyro.plate("households", len(dist_)):
        numpyro.sample("switched", dist.Bernoulli(logits=beta[0] + beta[1] * dist_))


def _name_counts(x: np.ndarray) -> Callable[[Values], Parameters]:
    def name(draws: Values) -> Parameters:
        with jax.enable_x64(True):
            root = jax.vmap(lambda a, r: jnp.linalg.cholesky(_cover(jnp.asarray(x), a, r, 1e-6)))
            factors = root(*(jnp.asarray(draws[key], float) for key in ("alpha", "rho")))
            f = np.einsum("nij,nj->ni", np.asarray(factors), np.asarray(draws["f_tilde"], float))
        return name_elements({"rho": draws["rho"], "alpha": draws["alpha"], "f": f}, 1)

    return name


def _uncenter(program: Callable[..., Any], *sites: str) -> Callable[..., Any]:
    return numpyro.handlers.reparam(program, config={site: LocScaleReparam(0) for site in sites})


def _name_drive(draws: Values) -> Parameters:
    pairs = {name: np.stack([np.asarray(draws[f"{name}{k}"]) for k in (1, 2)], axis=1) for name in ("phi", "lambda")}
    return name_elements({"theta1": draws["theta1"], "theta2": draws["theta2"], **pairs}, 1)


def _build_arma(read: Values) -> Entry:
    y = np.asarray(read["y"])
    return Entry("arma-arma11", moving_average, (len(y),), {"y": y}, elementwise=True)


def _build_earn(read: Values) -> Entry:
    height, earnings = np.asarray(read["height"], float), np.asarray(read["earn"], float)
    columns = np.stack([np.ones_like(height), height], axis=1)
    return Entry("earnings-earn_height", line, (columns, 1e6), {"y": earnings}, select("beta", "sigma", first=1))


def _build_process(read: Values) -> Entry:
    x, y = np.asarray(read["x"], float), np.asarray(read["y"], float)
    return Entry("gp_pois_regr-gp_regr", process, (x,), {"y": y})


def _build_counts(read: Values) -> Entry:
    x = np.asarray(read["x"], float)
    return Entry(
        "gp_pois_regr-gp_pois_regr", process_of_counts, (x,), {"k": np.asarray(read["k"])}, _name_counts(x), double=True
    )


def _build_kids(read: Values) -> Entry:
    school, iq = np.asarray(read["mom_hs"], float), np.asarray(read["mom_iq"], float)
    columns = np.stack([np.ones_like(iq), school, iq, school * iq], axis=1)
    data = {"y": np.asarray(read["kid_score"], float)}
    return Entry("kidiq-kidscore_interaction", line_cauchy, (columns,), data, select("beta", "sigma", first=1))


def _build_work(read: Values) -> Entry:
    work = np.asarray(read["mom_work"])
    columns = np.stack([np.ones(len(work)), *((work == k).astype(float) for k in (2, 3, 4))], axis=1)
    data = {"y": np.asarray(read["kid_score"], float)}
    parameters = select("beta", "sigma", first=1)
    return Entry("kidiq_with_mom_work-kidscore_mom_work", line, (columns, 1000.0), data, parameters)


def _build_mesquite(read: Values) -> Entry:
    names = ("diam1", "diam2", "canopy_height", "total_height", "density", "group")
    columns = np.stack([np.ones(len(read["weight"])), *(np.asarray(read[name], float) for name in names)], axis=1)
    data = {"y": np.asarray(read["weight"], float)}
    return Entry("mesquite-mesquite", line, (columns, 1e5), data, select("beta", "sigma", first=1))


def _build_log_mesquite(read: Values) -> Entry:
    first, second, canopy, height, weight = (
        np.log(np.asarray(read[name], float)) for name in ("diam1", "diam2", "canopy_height", "total_height", "weight")
    )
    sizes = [first + second + canopy, first + second, first - second, height, np.asarray(read["group"], float)]
    columns = np.stack([np.ones_like(first), *sizes], axis=1)
    parameters = select("beta", "sigma", first=1)
    return Entry("mesquite-logmesquite_logvash", line, (columns, 100.0), {"y": weight}, parameters)


def _build_party(read: Values) -> Entry:
    data = {"partyid7": np.asarray(read["partyid7"], float)}
    return Entry("nes1996-nes", party, (_stack_party(read),), data, select("beta", "sigma", first=1))


def _build_concentrations(read: Values) -> Entry:
    arguments = float(read["D"]), float(read["V"]), np.asarray(read["times"], float)
    data = {"C_hat": np.asarray(read["C_hat"], float)}
    return Entry("one_comp_mm_elim_abs-one_comp_mm_elim_abs", concentrations, arguments, data)


def _build_drive(read: Values) -> Entry:
    u, v, alpha = (np.asarray(read[name], float) for name in ("u", "v", "alpha"))
    data = {"u1": u[0], "v1": v[0], "u": u[1:], "v": v[1:]}

    def summed(alpha: Any, steps: int) -> None:
        drive_summed(alpha, u, v)

    arguments = alpha, len(u) - 1
    return Entry("bball_drive_event_0-hmm_drive_0", drive, arguments, data, _name_drive, True, summed)


def _build_diamonds(read: Values) -> Entry:
    columns = np.asarray(read["X"], float)[:, 1:]
    parameters = select("b", "Intercept", "sigma", first=1)
    data = {"Y": np.asarray(read["Y"], float)}
    return Entry("diamonds-diamonds", diamonds, (columns - columns.mean(axis=0),), data, parameters)


def _build_regression(read: Values) -> Entry:
    data = {"y": np.asarray(read["y"])}
    return Entry("sblri-blr", regression, (np.asarray(read["X"]),), data, select("beta", "sigma", first=1))


def _build_seeds(read: Values) -> Entry:
    arguments = np.asarray(read["x1"], float), np.asarray(read["x2"], float), np.asarray(read["N"])
    names = select("alpha0", "alpha1", "alpha2", "alpha12", "tau", "b")
    return Entry(
        "seeds_data-seeds_model",
        seeds,
        arguments,
        {"n": np.asarray(read["n"])},
        names,
        uncentered=_uncenter(seeds, "b"),
        vague=True,
    )


def _build_surgical(read: Values) -> Entry:
    arguments, data = (np.asarray(read["n"]),), {"r": np.asarray(read["r"])}
    return Entry("surgical_data-surgical_model", surgical, arguments, data, vague=True)


def _build_dugongs(read: Values) -> Entry:
    arguments, data = (np.asarray(read["x"]),), {"Y": np.asarray(read["Y"])}
    return Entry("dugongs_data-dugongs_model", dugongs, arguments, data, vague=True)


def _build_rats(read: Values) -> Entry:
    arguments = np.asarray(read["rat"]) - 1, np.asarray(read["x"], float) - read["xbar"], int(read["N"])
    return Entry("rats_data-rats_model", rats, arguments, {"y": np.asarray(read["y"], float)})


def _build_falcons(read: Values) -> Entry:
    arguments, data = (np.asarray(read["year"], float),), {"C": np.asarray(read["C"])}
    names = select("alpha", "beta1", "beta2", "beta3", "eps", "sigma")
    uncentered = _uncenter(falcons, "eps")
    return Entry("GLMM_Poisson_data-GLMM_Poisson_model", falcons, arguments, data, names, uncentered=uncentered)


def _build_pilots(read: Values) -> Entry:
    arguments, data = (
        (np.asarray(read["group_id"]) - 1, np.asarray(read["scenario_id"]) - 1),
        {"y": np.asarray(read["y"])},
    )
    names = select("mu_a", "mu_b", "sigma_a", "sigma_b", "sigma_y", "a", "b")
    return Entry("pilots-pilots", pilots, arguments, data, names, uncentered=_uncenter(pilots, "a", "b"))


def _build_wells(read: Values) -> Entry:
    return Entry(
        "wells_data-wells_dist", wells, (np.asarray(read["dist"]),), {"switched": np.asarray(read["switched"])}
    )


# By the name of the posterior, whose data are named by what stands before the hyphen.
PROGRAMS: dict[str, Callable[[Values], Entry]] = {
    "arma-arma11": _build_arma,
    "bball_drive_event_0-hmm_drive_0": _build_drive,
    "diamonds-diamonds": _build_diamonds,
    "dugongs_data-dugongs_model": _build_dugongs,
    "earnings-earn_height": _build_earn,
    "GLMM_Poisson_data-GLMM_Poisson_model": _build_falcons,
    "gp_pois_regr-gp_pois_regr": _build_counts,
    "gp_pois_regr-gp_regr": _build_process,
    "kidiq-kidscore_interaction": _build_kids,
    "kidiq_with_mom_work-kidscore_mom_work": _build_work,
    "mesquite-logmesquite_logvash": _build_log_mesquite,
    "mesquite-mesquite": _build_mesquite,
    "nes1996-nes": _build_party,
    "one_comp_mm_elim_abs-one_comp_mm_elim_abs": _build_concentrations,
    "pilots-pilots": _build_pilots,
    "rats_data-rats_model": _build_rats,
    "sblri-blr": _build_regression,
    "seeds_data-seeds_model": _build_seeds,
    "surgical_data-surgical_model": _build_surgical,
    "wells_data-wells_dist": _build_wells,
}
