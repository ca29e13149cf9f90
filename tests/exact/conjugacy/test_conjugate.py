"""Conjugate latents: found where they are, refused where they are not, and right."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats
from scipy.special import betaln, gammaln

from retrodict import amortize, from_numpyro, load
from retrodict.exact.conjugacy.conjugate import find_conjugate_sites
from retrodict.exact.program_blocks import LogJointInside
from tests.exact.conjugacy import conjugate_programs as programs
from tests.quick import quick

ELEMENTWISE = {programs.noise_of_a_chain, programs.rates_in_a_loop, programs.transitions, programs.multiplied_in_a_loop}
ELEMENTWISE |= {programs.chain_of_rates}


def read(program):
    return from_numpyro(program, observed=["y"], elementwise=program in ELEMENTWISE)


def name_of(program):
    return program.__name__


def draw_sites(model, seed):
    drawn = model.join(model.simulate(1, seed=seed))
    return {name: jnp.asarray(value[0], model.sites[name].dtype) for name, value in drawn.items()}


# A kind of prior or of program each.
FEW = {programs.beta_binomial_in_groups, programs.gamma_poisson, programs.precision_as_a_power, programs.transitions}
FEW |= {programs.variances_of_a_normal, programs.rates_in_a_loop, programs.dirichlet_multinomial}


@pytest.mark.parametrize("program", quick(programs.CONJUGATE, FEW), ids=name_of)
def test_sites_are_found_and_their_density_is_that_of_the_model(program):
    """Up to what does not depend on them, which differences cancel: at two draws, and at two prior values."""
    model, names = read(program), programs.CONJUGATE[program]
    form, log_joint = find_conjugate_sites(model), LogJointInside(model)
    assert set(form.site_names) == names
    sites = draw_sites(model, 1)
    rest = {name: value for name, value in sites.items() if name not in names}
    prior = [{name: draw_sites(model, seed)[name] for name in names} for seed in (2, 3)]

    @jax.jit
    def measure(keys, prior):
        drawn, density = jax.vmap(lambda key: form.draw_sites(key, rest))(keys)
        values = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), drawn, prior)
        conditional = jax.vmap(lambda value: form.score_sites(value, rest))(values)
        return density, conditional, jax.vmap(lambda value: log_joint({**rest, **value}))(values)

    stacked = jax.tree.map(lambda *each: jnp.stack(each), *prior)
    density, conditional, joint = map(np.asarray, measure(jax.random.split(jax.random.key(0)), stacked))
    np.testing.assert_allclose(np.diff(conditional), np.diff(joint), rtol=1e-4, atol=2e-4)
    np.testing.assert_allclose(conditional[:2], density, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("program", programs.OTHERS, ids=name_of)
def test_no_site_is_found_where_there_is_none(program):
    assert find_conjugate_sites(read(program)) is None


def test_sites_that_share_a_density_are_not_drawn_together():
    """The largest first; what depends on taken variables is left out."""

    def program():
        own = numpyro.sample("own", dist.Gamma(1.0, 1.0))
        with numpyro.plate("group", 3):
            rate = numpyro.sample("rate", dist.Gamma(2.0, own))
        top = numpyro.sample("top", dist.Gamma(2.0, 1.0))
        middle = numpyro.sample("middle", dist.Gamma(2.0, top))
        numpyro.sample("y", dist.Poisson(rate * middle))

    model = from_numpyro(program, observed=["y"])
    assert find_conjugate_sites(model).site_names == ("rate", "top")
    assert find_conjugate_sites(model, taken=["rate"]).site_names == ("top",)
    assert find_conjugate_sites(model, taken=["middle", "own"]) is None


# The log evidence of data, in double precision.


def evidence_of_a_share(y):
    ones = y.sum(-1)
    return betaln(2.0 + ones, 3.0 + y.shape[-1] - ones) - betaln(2.0, 3.0)


def evidence_of_a_rate(y):
    exposure, total = programs.EXPOSURE.astype(float), y.sum(-1)
    known = (y * np.log(exposure) - gammaln(y + 1)).sum(-1)
    shape, rate = 2.0 + total, 0.5 + exposure.sum()
    return known + 2 * np.log(0.5) - gammaln(2.0) + gammaln(shape) - shape * np.log(rate)


def evidence_of_shares(y):
    alpha = np.array([1.0, 2.0, 0.5])
    known = gammaln(10.0) - gammaln(y + 1).sum(-1)
    own = gammaln(alpha.sum()) - gammaln(alpha).sum()
    return known + own + gammaln(alpha + y).sum(-1) - gammaln(alpha.sum() + 9)


def evidence_of_a_precision(y):
    shape, rate = 2.0 + 3, 3.0 + ((y - 1) ** 2).sum(-1) / 2
    return 2 * np.log(3.0) - gammaln(2.0) + gammaln(shape) - shape * np.log(rate) - 3 * np.log(2 * np.pi)


EVIDENCE = {
    programs.beta_bernoulli: evidence_of_a_share,
    programs.gamma_poisson: evidence_of_a_rate,
    programs.dirichlet_multinomial: evidence_of_shares,
    programs.precision_of_a_normal: evidence_of_a_precision,
}


@pytest.mark.parametrize("program", EVIDENCE, ids=name_of)
def test_nothing_is_trained_and_weights_are_the_evidence(program):
    """The KL is zero: all weights are alike."""
    posterior = amortize(read(program))
    assert [form.kind for form in posterior.forms] == ["conjugate"]
    data = {"y": np.asarray(posterior.model.simulate(3, seed=5)["y"])}
    weighed = posterior.importance(data, 200, seed=1)
    expected = EVIDENCE[program](data["y"].astype(float))
    np.testing.assert_allclose(weighed.log_weights, np.broadcast_to(expected, (200, 3)), atol=2e-4)
    np.testing.assert_allclose(weighed.log_evidence, expected, atol=1e-4)


def test_a_saved_posterior_has_its_closed_form_again(tmp_path):
    model = read(programs.gamma_poisson)
    posterior, data = amortize(model), {"y": np.array([1, 2, 0, 3, 1, 5])}
    posterior.save(tmp_path / "posterior")
    loaded = load(tmp_path / "posterior", model)
    assert [form.variables for form in loaded.forms] == [("rate",)]
    np.testing.assert_array_equal(loaded.sample(data, 5, seed=1)["rate"], posterior.sample(data, 5, seed=1)["rate"])


LAWS = {
    programs.gamma_poisson: ("rate", [5, 0, 2, 9, 3, 4], stats.gamma(25.0, scale=1 / 12.5)),
    programs.beta_bernoulli: ("share", [1, 1, 0, 1, 1, 0], stats.beta(6.0, 5.0)),
    programs.dirichlet_multinomial: ("shares", [4, 3, 2], stats.beta(5.0, 7.5)),
    programs.variance_of_a_normal: ("variance", programs.X @ [1.0, -1.0] + 2, stats.invgamma(6.0, scale=14.0)),
}


@pytest.mark.parametrize("program", LAWS, ids=name_of)
def test_draws_have_the_law_of_the_closed_form(program):
    """By Kolmogorov-Smirnov, at a significance shared by the checks."""
    name, data, law = LAWS[program]
    form = find_conjugate_sites(read(program))
    rest = {"y": jnp.asarray(np.array(data), form.model.sites["y"].dtype)}
    keys = jax.random.split(jax.random.key(3), 4000)
    draws = np.asarray(jax.jit(jax.vmap(lambda key: form.draw_sites(key, rest)[0][name]))(keys))
    first = draws.reshape(len(draws), -1)[:, 0]
    assert stats.kstest(first, law.cdf).pvalue > 1e-3 / len(LAWS)


def test_coefficients_do_not_depend_on_the_units():
    """Variances of data from 1e-6 to 1e6 of their unit, and a vague prior."""

    def program():
        variance = numpyro.sample("variance", dist.InverseGamma(0.01, 0.01))
        numpyro.sample("y", dist.Normal(0.0, jnp.sqrt(variance)).expand([50]).to_event(1))

    form = find_conjugate_sites(from_numpyro(program, observed=["y"]))
    y = np.random.default_rng(0).normal(size=50)
    for unit in (1e-6, 1e-3, 1.0, 1e3, 1e6):
        found = form.find_coefficients({"y": jnp.asarray(y * unit, jnp.float32)})["variance"]
        np.testing.assert_allclose(found.first, -26.01, rtol=2e-5)
        np.testing.assert_allclose(found.second, -0.01 - ((y * unit) ** 2).sum() / 2, rtol=2e-5)
