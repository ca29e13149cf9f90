"""Latents of templates that are drawn from closed forms, at any sizes and with anything missing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from benchmarks.hierarchical.exact_templates import GAUSSIAN, HiddenMarkov, make_gaussian, score_exactly
from benchmarks.hierarchical.run import draw_data
from retrodict.errors import DataError
from retrodict.exact.lifted.find_lifted import find_lifted_forms, list_exact
from tests.quick import quick

ALONE: dict[str, Any] = {"steps": 0, "quiet": True}
CROSSED = "mu; a[i] | mu; b[j]; y[i,j] | a[i] b[j]"
CASES = {
    **{name: (case.text, case.observed, case.weights, case.variance) for name, case in GAUSSIAN.items()},
    "crossed": (CROSSED, "y", {}, {"a": 0.5, "b": 2.0}),
    "inner series": ("u[j]; z[j,t] | z[j,t-1] u[j]; x[j,t] | z[j,t]", "x", {("z", "z", 1): 0.7}, {"x": 0.3}),
    "window": ("s[t] | s[t-1]; e[t] | s[t] s[t-1]; x[t] | e[t]", "x", {("s", "s", 1): 0.9}, {"e": 0.3}),
    "plate at each time": ("s[t] | s[t-1]; e[j,t] | s[t]; x[j,t] | e[j,t]", "x", {}, {"s": 0.2}),
}
FEW = ("hierarchy", "local level", "crossed", "plate at each time")


@pytest.mark.parametrize("name", quick(CASES, FEW))
def test_linear_gaussian_templates_are_exact_at_every_size_without_training(name: str) -> None:
    """Draws have exactly the density of the dense posterior, at the sizes of the program, below them and beyond."""
    text, observed, weights, variance = CASES[name]
    dims = rd.Template(text, observed=[observed]).dims
    read, beyond = (make_gaussian(text, dict.fromkeys(dims, size), weights, variance, observed) for size in (4, 7))
    posterior = rd.amortize(read, vary=dict.fromkeys(dims, (1, 4)), missing=0.3, **ALONE)
    assert posterior.exact == posterior.source.template.drawn
    assert "exact at all sizes" in repr(posterior)
    rng = np.random.default_rng(0)
    for sizes in (dict.fromkeys(dims, 3), dict(zip(dims, (7, 5, 6), strict=False))):
        data = draw_data(beyond, sizes, rng)
        draws = posterior.sample(data, 20)
        exact = score_exactly(beyond, data, draws)
        np.testing.assert_allclose(posterior.log_prob(draws, data), exact, atol=1e-4)
        weighed = posterior.importance(data, 20)
        np.testing.assert_allclose(weighed.log_weights, weighed.log_weights[0], atol=1e-4)  # all is the evidence


def test_common_factors_are_exact_with_their_plate_unrolled() -> None:
    """Series of a plate that share a factor: no elimination of it is narrow, and the plate is one vector a step."""
    text = "f[t] | f[t-1]; z[j,t] | z[j,t-1]; x[j,t] | f[t] z[j,t]"
    weights, variance = {("f", "f", 1): 0.8, ("z", "z", 1): 0.6}, {"x": 0.4}
    model = make_gaussian(text, {"j": 3, "t": 6}, weights, variance, "x")
    posterior = rd.amortize(model, order="(up t: (f); each j: up t: (z))", missing=0.3, **ALONE)
    data = draw_data(model, {"j": 3, "t": 6}, np.random.default_rng(1))
    draws = posterior.sample(data, 20)
    np.testing.assert_allclose(posterior.log_prob(draws, data), score_exactly(model, data, draws), atol=1e-4)


@pytest.mark.parametrize("length", quick([4, 6, 13], [13]))
def test_states_of_a_hidden_markov_model_are_exact_without_training(length: int) -> None:
    exact, n = HiddenMarkov.draw(), 20_000
    posterior = rd.amortize(exact.at(6), vary={"t": (1, 6)}, missing=0.3, **ALONE)
    assert posterior.exact == ("z",)
    data = draw_data(exact.at(length), {"t": length}, np.random.default_rng(length))
    states = posterior.sample(data, n)["z"]
    marginals = exact.smooth(data["x"])
    counts = (states[..., None] == np.arange(4)).sum(axis=0)
    # Each count is binomial; the chance of any beyond these limits is one in a million.
    spread = np.sqrt(n * marginals * (1 - marginals)) + 1
    assert (np.abs(counts - n * marginals) < 6 * spread).all()
    weighed = posterior.importance(data, 50)
    np.testing.assert_allclose(weighed.log_weights, weighed.log_weights[0], atol=1e-4)


def schools(errors: Any) -> None:
    """Effects of schools, each measured with an error of its own."""
    mu, tau = numpyro.sample("mu", dist.Normal(0, 10)), numpyro.sample("tau", dist.HalfNormal(10))
    with numpyro.plate("schools", len(errors)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, errors))


def ragged(county: Any, floor: Any) -> None:
    """Houses in counties, nearly all of them in one, with scales that are known."""
    g, beta = numpyro.sample("g", dist.Normal(0, 2)), numpyro.sample("beta", dist.Normal(0, 1))
    with numpyro.plate("county", 5):
        alpha = numpyro.sample("alpha", dist.Normal(g, 0.7))
    with numpyro.plate("house", len(county)):
        numpyro.sample("y", dist.Normal(alpha[county] + beta * floor, 0.5))


def test_ragged_groups_are_exact_though_most_cells_are_empty() -> None:
    """Beside dense algebra over g, beta and five counties, with an observation missing."""
    county, rng = np.array([0] * 9 + [1, 2, 3, 4, 4]), np.random.default_rng(0)
    floor, y = rng.integers(0, 2, len(county)).astype(float), rng.normal(size=len(county))
    y[[2, 9]] = np.nan
    model = rd.from_numpyro(ragged, county, floor, observed=["y"], template=True)
    posterior = rd.amortize(model, missing=0.1, **ALONE)
    names = model.names["y"]
    data = np.full(names.shape, np.nan)
    for place, name in np.ndenumerate(names):
        if name is not None:
            data[place] = y[int(str(name)[2:-1])]
    draws = posterior.sample({"y": data}, 50)
    effects = np.concatenate([draws["g"][:, None], draws["beta"][:, None], draws["alpha"]], axis=1)
    seen = ~np.isnan(y)
    design = np.hstack([np.zeros((len(y), 1)), floor[:, None], np.eye(5)[county]])[seen]
    apart = np.hstack([-np.ones((5, 1)), np.zeros((5, 1)), np.eye(5)])
    precision = design.T @ design / 0.25 + apart.T @ apart / 0.49 + np.diag([0.25, 1.0] + [0.0] * 5)
    centered = effects - np.linalg.solve(precision, design.T @ y[seen] / 0.25)
    exact = 0.5 * (np.linalg.slogdet(precision)[1] - 7 * np.log(2 * np.pi) - ((centered @ precision) * centered).sum(1))
    np.testing.assert_allclose(posterior.log_prob(draws, {"y": data}), exact, atol=1e-4)


EFFECTS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def integrate_schools(y: Any, errors: Any) -> Mapping[str, tuple[float, float]]:
    """Return mean and sd of tau and mu by quadrature over tau: effects and mu are integrated out in closed form."""
    tau = np.linspace(1e-3, 80, 8000)
    variance = errors**2 + tau[:, None] ** 2
    precision = (1 / variance).sum(axis=1) + 0.01
    mean = (y / variance).sum(axis=1) / precision
    fit = -0.5 * (np.log(variance) + y**2 / variance).sum(axis=1)
    log_w = fit - 0.5 * np.log(precision) + 0.5 * mean**2 * precision - 0.5 * (tau / 10) ** 2
    w = np.exp(log_w - log_w.max())
    w /= w.sum()
    found = {}
    for name, first, second in (("tau", tau, tau**2), ("mu", mean, mean**2 + 1 / precision)):
        centre = float(w @ first)
        found[name] = centre, float(np.sqrt(w @ second - centre**2))
    return found


@pytest.fixture(scope="module")
def trained() -> rd.LiftedPosterior:
    """Schools of which only the spread is learned, hardly."""
    errors = np.exp(2.5 + 0.4 * np.random.default_rng(0).normal(size=12))
    model = rd.from_numpyro(schools, errors, observed=["y"], template=True)
    return rd.amortize(model, vary={"schools": (2, 12)}, missing=0.1, steps=60, quiet=True)


def test_only_what_has_no_closed_form_is_learned(trained: rd.LiftedPosterior) -> None:
    assert trained.exact == ("mu", "theta")
    assert tuple(trained.encoder.plans) == ("tau",)
    assert str(trained.inverse.schedule) == "(tau; mu; each schools: (theta))"
    assert "Gaussian: mu, theta" in repr(trained)


@pytest.mark.parametrize("asked", ["three", "eight", "silent"])
def test_weights_make_any_number_of_schools_exact(trained: rd.LiftedPosterior, asked: str) -> None:
    """Means within 0.1 sd and sds within a tenth of quadrature, whatever the encoder says of tau."""
    count = 3 if asked == "three" else 8
    y = np.where((asked == "silent") & (EFFECTS < 0), np.nan, EFFECTS)[:count]
    weighed = trained.importance({"y": y, "errors": ERRORS[:count]}, 6000)
    seen = ~np.isnan(y)
    for name, (mean, sd) in integrate_schools(y[seen], ERRORS[:count][seen]).items():
        assert abs(weighed.mean[name] - mean) < 0.1 * sd, (name, mean)
        assert abs(weighed.sd[name] / sd - 1) < 0.1, (name, sd)
    assert weighed.khat < 0.7
    assert weighed.ess > 2000


@pytest.mark.filterwarnings("ignore::retrodict.errors.NoveltyWarning")
def test_more_schools_than_the_program_has_are_weighted_with_its_densities(trained: rd.LiftedPosterior) -> None:
    rng = np.random.default_rng(3)
    errors = np.exp(2.5 + 0.4 * rng.normal(size=30))
    y = 5 + 6 * rng.normal(size=30) + errors * rng.normal(size=30)
    weighed = trained.importance({"y": y, "errors": errors}, 4000)
    for name, (mean, sd) in integrate_schools(y, errors).items():
        assert abs(weighed.mean[name] - mean) < 0.15 * sd


def test_saved_posteriors_find_their_closed_forms_again(trained: rd.LiftedPosterior, tmp_path: Path) -> None:
    trained.save(tmp_path)
    again = rd.load(tmp_path, trained.source)
    assert again.exact == trained.exact
    data = {"y": EFFECTS, "errors": ERRORS}
    assert (trained.sample(data, 30)["theta"] == again.sample(data, 30)["theta"]).all()


def counts_in_places(count: int) -> None:
    """Counts of nests in places: the effects of places are normal given those of nests, which counts are seen of."""
    level = numpyro.sample("level", dist.Normal(0, 1))
    of_places, of_nests = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("of_places", "of_nests"))
    with numpyro.plate("place", count):
        a = numpyro.sample("a", dist.Normal(level, of_places))
    with numpyro.plate("nest", 2 * count):
        b = numpyro.sample("b", dist.Normal(a[np.arange(2 * count) // 2], of_nests))
        numpyro.sample("y", dist.Poisson(jnp.exp(b)))


def test_a_closed_form_that_would_draw_groups_in_turn_is_left_to_networks(tmp_path: Path) -> None:
    model = rd.from_numpyro(counts_in_places, 3, observed=["y"], template=True)
    assert "a" in list_exact(find_lifted_forms(model))
    posterior = rd.amortize(model, **ALONE)
    assert posterior.exact == ()
    assert posterior.inverse.schedule.drawn[-2:] == ("a", "b")
    posterior.save(tmp_path)
    data = {"y": np.array([[2, 0], [1, 5], [3, 3]])}
    draws = posterior.sample(data, 20)
    assert draws["b"].shape == (20, 3, 2)
    np.testing.assert_array_equal(rd.load(tmp_path, model).sample(data, 20)["b"], draws["b"])


def test_closed_forms_are_calibrated_with_the_rest(trained: rd.LiftedPosterior) -> None:
    found = trained.calibration(100, 19)
    assert {check.name for check in found.checks} == {"tau", "mu", "theta"}
    exact = rd.amortize(GAUSSIAN["hierarchy"].at({"j": 4, "n": 3}), vary={"j": (1, 4)}, missing=0.3, **ALONE)
    assert exact.calibration(400, 39)


def fixed(errors: Any) -> None:
    """Schools whose errors the program turns into numbers of NumPy: they stand in its densities for good."""
    numpyro_errors = jnp.asarray(np.asarray(errors) + 1.0)
    mu = numpyro.sample("mu", dist.Normal(0, 10))
    with numpyro.plate("schools", len(errors)):
        theta = numpyro.sample("theta", dist.Normal(mu, 3.0))
        numpyro.sample("y", dist.Normal(theta, numpyro_errors))


def test_covariates_that_stand_in_the_densities_for_good_are_not_replaced() -> None:
    model = rd.from_numpyro(fixed, ERRORS, observed=["y"], template=True)
    posterior = rd.amortize(model, **ALONE)
    name = next(iter(model.covariates))
    assert posterior.sample({"y": EFFECTS}, 5)["theta"].shape == (5, 8)
    with pytest.raises(DataError, match="the densities of the model hold its own values of"):
        posterior.sample({"y": EFFECTS, name: ERRORS + 3.0}, 5)


def crossed(row: Any, column: Any, rows: int, columns: int) -> None:
    """Measurements with an effect of their row and one of their column, of scales that are not known."""
    mu = numpyro.sample("mu", dist.Normal(0, 2))
    of_rows, of_columns = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("of_rows", "of_columns"))
    with numpyro.plate("i", rows):
        a = numpyro.sample("a", dist.Normal(0, of_rows))
    with numpyro.plate("j", columns):
        b = numpyro.sample("b", dist.Normal(0, of_columns))
    with numpyro.plate("cell", len(row)):
        numpyro.sample("y", dist.Normal(mu + a[row] + b[column], 0.5))


@pytest.mark.slow
def test_scales_of_crossed_effects_are_learned_and_weighted_with_the_effects_integrated_out() -> None:
    """Half of the cells are not seen; beside quadrature over both scales, with dense algebra for the rest."""
    row, column = (index.ravel() for index in np.meshgrid(np.arange(5), np.arange(4), indexing="ij"))
    model = rd.from_numpyro(crossed, row, column, 5, 4, observed=["y"], template=True)
    posterior = rd.amortize(model, missing=0.4, steps=30, quiet=True)
    assert set(posterior.exact) == {"mu", "a", "b"}
    rng = np.random.default_rng(0)
    y = 1 + rng.normal(size=(5, 1)) + 0.4 * rng.normal(size=(1, 4)) + 0.5 * rng.normal(size=(5, 4))
    y[rng.random(y.shape) < 0.5] = np.nan
    weighed = posterior.importance({"y": y}, 6000)
    assert weighed.khat < 0.7
    seen = ~np.isnan(y).ravel()
    same = {"a": row[:, None] == row, "b": column[:, None] == column}
    covered = {name: own[np.ix_(seen, seen)].astype(float) for name, own in same.items()}
    grid = np.linspace(0.01, 4, 60)
    log_p = np.empty((60, 60))
    for i, first in enumerate(grid):
        for k, second in enumerate(grid):
            whole = 4 + first**2 * covered["a"] + second**2 * covered["b"] + 0.25 * np.eye(int(seen.sum()))
            values = y.ravel()[seen]
            _, log_det = np.linalg.slogdet(whole)
            log_p[i, k] = -0.5 * (log_det + values @ np.linalg.solve(whole, values) + first**2 + second**2)
    weights = np.exp(log_p - log_p.max())
    weights /= weights.sum()
    for name, own in (("of_rows", weights.sum(axis=1)), ("of_columns", weights.sum(axis=0))):
        mean = own @ grid
        sd = np.sqrt(own @ (grid - mean) ** 2)
        assert abs(weighed.mean[name] - mean) < 0.1 * sd
        assert abs(weighed.sd[name] / sd - 1) < 0.1
