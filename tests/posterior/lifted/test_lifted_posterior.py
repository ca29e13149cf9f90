"""Posteriors of templates: one training, any sizes, anything missing."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from benchmarks.hierarchical.exact_templates import GAUSSIAN, HiddenMarkov, find_posterior, score_exactly
from benchmarks.hierarchical.run import ask
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.errors import DataError, FileError, NoveltyWarning, OptionError
from retrodict.posterior.lifted.template_data import TemplateData
from tests.quick import quick

GROUPS = GAUSSIAN["hierarchy"].at({"j": 6, "n": 3})
SERIES = GAUSSIAN["local level"].at({"t": 12})
STILL = {"steps": 0, "quiet": True, "exact": False}


@pytest.fixture(scope="module")
def groups() -> rd.LiftedPosterior:
    """A posterior of groups at its regressions."""
    return rd.amortize(GROUPS, vary={"j": (1, 6), "n": (1, 3)}, missing=0.3, **STILL)


@pytest.fixture(scope="module")
def series() -> rd.LiftedPosterior:
    """A posterior of series at its regressions."""
    return rd.amortize(SERIES, vary={"t": (2, 12)}, missing=0.3, **STILL)


def test_sizes_are_those_of_the_data_and_groups_without_data_come_from_the_model(groups: rd.LiftedPosterior) -> None:
    y = np.random.default_rng(0).normal(size=(5, 2))
    y[1, 0], y[3] = np.nan, np.nan
    draws = groups.sample({"y": y}, 4000, seed=1)
    assert {name: value.shape for name, value in draws.items()} == {"mu": (4000,), "theta": (4000, 5)}
    rest = draws["theta"][:, 3] - draws["mu"]  # theta[3] has no data: it is N(mu, 0.5), whatever was trained
    assert abs(rest.mean()) < 5 * np.sqrt(0.5 / 4000)
    assert abs(rest.var() - 0.5) < 5 * 0.5 * np.sqrt(2 / 4000)
    again = groups.sample({"y": y}, 4000, seed=1)
    assert all((draws[name] == again[name]).all() for name in draws)


def test_weights_are_exact_density_over_that_of_the_encoder(groups: rd.LiftedPosterior) -> None:
    y = np.random.default_rng(0).normal(size=(4, 3))
    y[2] = np.nan
    weighed = groups.importance({"y": y}, 300, seed=2)
    exact = score_exactly(GROUPS, {"y": y}, weighed.draws)
    rest = weighed.log_weights - (exact - groups.log_prob(weighed.draws, {"y": y}))
    np.testing.assert_allclose(rest, rest[0], atol=2e-3)  # up to the evidence


def test_a_series_is_drawn_as_it_is_scored(series: rd.LiftedPosterior) -> None:
    x = np.random.default_rng(1).normal(size=9)
    x[[2, 3, 7, 8]] = np.nan
    weighed = series.importance({"x": x}, 4000, seed=3)
    exact = score_exactly(SERIES, {"x": x}, weighed.draws)
    rest = weighed.log_weights - (exact - series.log_prob(weighed.draws, {"x": x}))
    np.testing.assert_allclose(rest, rest[0], atol=5e-3)
    hidden, mean, covariance = find_posterior(SERIES, {"x": x})
    found = np.array([weighed.mean["z"][place] for _, place in hidden])
    assert (np.abs(found - mean) < 0.15 * np.sqrt(np.diag(covariance))).all()


def test_saved_posteriors_are_the_same_when_loaded(groups: rd.LiftedPosterior, tmp_path: Path) -> None:
    groups.save(tmp_path)
    again = rd.load(tmp_path, GROUPS)
    data = {"y": np.ones((2, 3))}
    assert (groups.sample(data, 20)["theta"] == again.sample(data, 20)["theta"]).all()
    assert (again.vary, again.missing) == (groups.vary, groups.missing)
    with pytest.raises(FileError, match="another model"):
        rd.load(tmp_path, SERIES)


def test_arviz_gets_dims_and_coordinates(groups: rd.LiftedPosterior) -> None:
    pytest.importorskip("arviz")
    tree = groups.to_arviz({"y": np.ones((2, 3))}, 10)
    assert tree["posterior"]["theta"].dims == ("chain", "draw", "j")
    assert tree["posterior"]["theta"].coords["j"].values.tolist() == [0, 1]


def test_sizes_outside_of_training_warn(groups: rd.LiftedPosterior) -> None:
    with pytest.warns(NoveltyWarning, match="j: 9"):
        draws = groups.sample({"y": np.zeros((9, 2))}, 5)
    assert draws["theta"].shape == (5, 9)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "data lack 'y'"),
        ({"y": np.ones(3)}, "the value of 'y' has the shape \\(3,\\)"),
        ({"y": np.ones((2, 2)), "w": 1.0}, "data name 'w'"),
        ({"y": np.full((2, 2), np.inf)}, "'y' has infinite values"),
    ],
)
def test_data_that_do_not_fit_are_refused(groups: rd.LiftedPosterior, data: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        groups.sample(data)


WHOLE = ["hierarchy", "three levels", "local level", "plate of series"]


@pytest.mark.parametrize("name", quick(WHOLE, ["plate of series"]))
def test_what_is_drawn_later_is_not_seen_when_a_latent_is_scored(name: str) -> None:
    """Inputs of a latent are the same whether those after it are unknown, as in drawing, or known, as in scoring."""
    model = GAUSSIAN[name].at(dict.fromkeys(GAUSSIAN[name].trained, 4))
    posterior = rd.amortize(model, missing=0.3, **STILL)
    encoder, rng = posterior.encoder, np.random.default_rng(0)
    y = rng.normal(size=[4] * len(model.template[GAUSSIAN[name].observed].dims))
    y.flat[1] = np.nan
    cells = TemplateData.read(TemplateSpace(model), {GAUSSIAN[name].observed: y}).lay_out(model.sizes)
    whole = cells
    for latent in encoder.plans:
        whole = whole.knowing(latent, jnp.asarray(rng.normal(size=cells.codes[latent].shape), jnp.float32))
    find = jax.jit(lambda cells, latent: encoder.find_context(latent, encoder.see(cells)), static_argnums=1)
    for latent in encoder.plans:
        alone, among = (np.asarray(find(c, latent)) for c in (cells, whole))
        np.testing.assert_array_equal(alone, among)
        cells = cells.knowing(latent, whole.codes[latent])


def schools(errors: Any) -> None:
    """Effects of schools, each measured with an error of its own."""
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    with numpyro.plate("schools", len(errors)):
        theta = numpyro.sample("theta", dist.Normal(mu, 2.0))
        numpyro.sample("y", dist.Normal(theta, errors))


def test_covariates_come_with_the_data() -> None:
    model = rd.from_numpyro(schools, np.array([3.0, 1.0, 2.0, 4.0]), observed=["y"], template=True)
    posterior = rd.amortize(model, vary={"schools": (2, 4)}, **STILL)
    with pytest.raises(DataError, match=r"the program has 4 values of 'errors' along 'schools', and the data have 2"):
        posterior.sample({"y": np.zeros(2)})
    with pytest.raises(DataError, match="values of 'errors' are missing that others depend on"):
        posterior.sample({"y": np.zeros(2), "errors": np.array([1.0, np.nan])})
    draws = posterior.sample({"y": np.array([1.0, np.nan]), "errors": np.array([1.0, np.nan])}, 10)
    assert draws["theta"].shape == (10, 2)
    assert np.isfinite(draws["theta"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vary": {"i": (1, 2)}}, "vary= names 'i'"),
        ({"vary": {"j": (1, 7)}}, "no range of sizes from 1 to 6"),
        ({"missing": 1.0}, "no share of 'y'"),
        ({"missing": {"mu": 0.1}}, "missing= names 'mu'"),
        ({"widths": (3,)}, "widths= is not for a TemplateModel"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        rd.amortize(GROUPS, **STILL, **options)  # type: ignore[call-overload]


def test_an_ordinary_model_does_not_vary() -> None:
    with pytest.raises(OptionError, match="are for a TemplateModel"):
        rd.amortize(rd.zoo.binary_tree(3), missing=0.1, **STILL)  # type: ignore[call-overload]


def test_states_of_a_hidden_markov_model_are_drawn_and_scored() -> None:
    exact = HiddenMarkov.draw()
    posterior = rd.amortize(exact.at(6), vary={"t": (1, 6)}, missing=0.3, steps=25, quiet=True, exact=False)
    x = np.array([0.0, np.nan, 3.0, 1.0])
    weighed = posterior.importance({"x": x}, 6000)
    shares = (weighed.weights[:, None, None] * (weighed.draws["z"][..., None] == np.arange(4))).sum(axis=0)
    assert np.abs(shares - exact.smooth(x)).max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("hierarchy", {"j": 8, "n": 4}), ("local level", {"t": 20}), ("order 2", {"t": 20})],
)
def test_training_reaches_the_exact_posterior(name: str, sizes: dict[str, int]) -> None:
    """KL of at most 0.01 nats a latent inside the trained sizes, with observations missing."""
    model = GAUSSIAN[name].at(sizes)
    vary = {dim: (1, size) for dim, size in sizes.items()}
    posterior = rd.amortize(model, vary=vary, missing=0.3, steps=1200, quiet=True, exact=False)
    smaller = {dim: (size + 1) // 2 for dim, size in sizes.items()}
    assert ask(posterior, model, [sizes] * 10 + [smaller] * 10 + [dict.fromkeys(sizes, 1)] * 10) < 0.01
    assert posterior.calibration(500, 49)
