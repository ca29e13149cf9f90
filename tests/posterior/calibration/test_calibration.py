"""Calibration passes exact posteriors and rejects each known fault: negative controls for every part of it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import AmortizedPosterior, LinearGaussian, amortize, invert, mean_field, reversal, zoo
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.models.model import Model
from retrodict.posterior.calibration import ranks
from retrodict.posterior.calibration.calibration import Calibration
from retrodict.posterior.calibration.ranks import Simulations, rank, to_uniform
from tests.posterior.exact import exact_posterior

TREE = zoo.binary_tree(3, seed=0)
CHAIN = zoo.hmm(4)


@pytest.fixture(scope="module")
def exact() -> Calibration:
    return exact_posterior(TREE).calibration(5000, 199, seed=1)


@pytest.fixture(scope="module")
def narrow() -> Calibration:
    return exact_posterior(TREE, sd=0.9).calibration(5000, 199, seed=1)


def test_the_exact_posterior_passes(exact):
    assert exact, str(exact)
    assert exact.rejected == ()
    assert exact.gap < exact.gap_bound
    for check in exact.checks[:-3]:
        assert check.coverage == pytest.approx({level: level for level in check.coverage}, abs=0.025)


def test_faithful_structures_pass_along_other_orders():
    for inverse in (invert(CHAIN, "forward"), invert(CHAIN, "reverse"), invert(CHAIN, "min-fill")):
        outcome = exact_posterior(CHAIN, inverse).calibration(3000, 99)
        assert outcome, str(outcome)


def test_overconfidence_is_rejected(narrow):
    assert not narrow
    for check in narrow.checks[:-3]:
        assert not check.passed
        assert check.verdict.startswith("rejected: too narrow, 90 % intervals hold 8")
        assert check.coverage[0.9] == pytest.approx(0.861, abs=0.02)  # 2 Phi(0.9 * 1.645) - 1


def test_caution_is_rejected():
    outcome = exact_posterior(TREE, sd=1.15).calibration(5000, 99)
    assert all(check.verdict.startswith("rejected: too wide") for check in outcome.checks[:-3])


def test_a_shift_is_rejected():
    outcome = exact_posterior(TREE, shift=0.2).calibration(5000, 99)
    assert not outcome
    shifted = [check for check in outcome.checks[:-3] if not check.passed]
    assert shifted
    assert all("draws too high" in check.verdict for check in shifted)


@pytest.mark.parametrize("make", [reversal, mean_field])
def test_a_missing_edge_is_rejected(make):
    """Nearest normals along a structure that lacks edges: every marginal may be right, the joint is not."""
    outcome = exact_posterior(TREE, make(TREE.net)).calibration(5000, 99)
    assert not outcome
    assert set(outcome.rejected) & {"log q(z | x)", "log p(z, x)", "TARP distance"}


class Prior(eqx.Module):
    """Draws of the model without a look at the data: every latent by itself is calibrated."""

    width: ClassVar[int] = 1

    model: LinearGaussian = eqx.field(static=True)

    def sample_and_log_prob(self, key: jax.Array, observed: jax.Array) -> tuple[jax.Array, jax.Array]:
        columns = self.model.draw(key, observed[..., 0].size)[:, self.model.net.latent_index]
        latents = columns.reshape(*observed.shape[:-1], -1)
        return latents, self.log_prob(latents, observed)

    def log_prob(self, latents: jax.Array, observed: jax.Array) -> jax.Array:
        columns = jnp.zeros((*latents.shape[:-1], len(self.model.net)))
        columns = columns.at[..., self.model.net.latent_index].set(latents)
        return self.model.log_conditionals(columns)[..., self.model.net.latent_index].sum(axis=-1)


def test_the_prior_is_no_posterior():
    """Ranks of latents cannot see it, those of the joint density and of TARP do."""
    encoder: Any = Prior(TREE)
    outcome = AmortizedPosterior.of(TREE, invert(TREE), encoder).calibration(3000, 99)
    assert {"log p(z, x)", "TARP distance"} <= set(outcome.rejected) <= {"log p(z, x)", "TARP distance"}


def test_exact_posteriors_are_rejected_as_often_as_stated():
    """Forty at family level 0.2: about eight, and fifteen in one run of two hundred. Each has its own seed."""
    posterior = exact_posterior(zoo.binary_tree(2, seed=0))
    outcomes = [posterior.calibration(400, 39, seed=seed, alpha=0.2) for seed in range(40)]
    assert sum(not outcome for outcome in outcomes) < 15


def test_the_same_seed_gives_the_same_ranks():
    posterior = exact_posterior(TREE)
    first, again, other = (posterior.calibration(200, 49, seed=seed).uniforms for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_blocks_leave_no_simulation_out(monkeypatch):
    """Ranks in blocks of three simulations are those of draws that were seen one by one."""
    monkeypatch.setattr(ranks, "MOST_ROWS", 70)
    posterior = exact_posterior(TREE)
    truths = Simulations.of(posterior.compiled, 101, jax.random.key(0))
    position = rank(posterior.factors, posterior.compiled, truths, 19, seed=0)
    assert position.below.shape == (101, 3 + 3)
    assert (position.equal == 0).all()
    center = TREE.posterior(invert(TREE)).transform(np.zeros(3), truths.observed)
    standing = (truths.latents[:, 0] - center[:, 0]).argsort().argsort()
    assert np.corrcoef(standing, position.below[:, 0])[0, 1] > 0.9


class Coins(Model):
    """A fair coin z and another that shows the same with probability 3/4."""

    net = BayesNet(
        {"z": [], "x": ["z"]}, observed=["x"], variables=[Variable("z", support="boolean", categories=2, bounds=(0, 1))]
    )

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        one, other = jax.random.split(key)
        z = jax.random.bernoulli(one, 0.5, (n,))
        return jnp.stack([z, z ^ jax.random.bernoulli(other, 0.25, (n,))], axis=1).astype(jnp.float32)

    def log_conditionals(self, columns: jax.Array) -> jax.Array:
        same = columns[..., 0] == columns[..., 1]
        return jnp.stack([jnp.full(same.shape, jnp.log(0.5)), jnp.where(same, jnp.log(0.75), jnp.log(0.25))], axis=-1)

    def redraw(self, key: jax.Array, columns: jax.Array, which: Any) -> jax.Array:
        raise AssertionError("nothing is barren")


class Guess(eqx.Module):
    """Says with probability ``p`` that the hidden coin shows what is seen."""

    width: ClassVar[int] = 1

    p: float

    def sample_and_log_prob(self, key: jax.Array, observed: jax.Array) -> tuple[jax.Array, jax.Array]:
        latents = jnp.where(jax.random.bernoulli(key, 1 - self.p, observed.shape), 1 - observed, observed)
        return latents, self.log_prob(latents, observed)

    def log_prob(self, latents: jax.Array, observed: jax.Array) -> jax.Array:
        return jnp.where(latents == observed, jnp.log(self.p), jnp.log1p(-self.p))[..., 0]


@pytest.mark.parametrize(("p", "passes"), [(0.75, True), (0.85, False), (0.5, False)])
def test_discrete_latents_have_ties_and_are_judged_all_the_same(p, passes):
    model, encoder = Coins(), Guess(p)
    outcome = AmortizedPosterior.of(model, invert(model), encoder).calibration(5000, 99, seed=3)
    assert bool(outcome) == passes, str(outcome)


def test_ties_are_broken_evenly():
    tied = ranks.Position(np.zeros((20_000, 1), int), np.full((20_000, 1), 9))
    counts = np.histogram(to_uniform(tied, 9, seed=0), 10, (0, 1))[0]
    assert ((counts - 2000) ** 2 / 2000).sum() < 30


def test_barren_latents_and_columns_are_named():
    net = BayesNet({"x": [], "z": ["x"]}, observed=["x"])
    outcome = amortize(LinearGaussian.from_weights(net, {}), quiet=True).calibration(500, 49)
    assert outcome
    assert outcome.names == ("z", "log q(z | x)", "log p(z, x)", "TARP distance")


def test_the_report_says_what_was_found(narrow, exact):
    table = str(narrow).splitlines()
    assert table[0].split() == ["quantity", "chi-square", "KS", "50%", "80%", "90%", "95%", "verdict"]
    assert len(table) == 2 + len(narrow.names)
    assert table[-1].endswith("quantities rejected at family level 0.001, 5,000 simulations of 199 draws")
    assert str(exact).endswith("nothing found at family level 0.001, 5,000 simulations of 199 draws")
    told = json.loads(json.dumps(narrow.to_dict(), allow_nan=False))
    assert told["passed"] is False
    assert [check["name"] for check in told["checks"]] == list(narrow.names)
    assert told["checks"][0]["coverage"].keys() == {"0.5", "0.8", "0.9", "0.95"}


def test_few_simulations_are_said_to_see_little():
    assert "below 2,000 much goes unseen" in str(exact_posterior(TREE).calibration(200, 49))


@pytest.mark.parametrize("kind", ["ecdf", "ranks", "coverage"])
def test_figures_show_each_quantity(kind, exact, tmp_path):
    figure = exact.plot(kind)
    shown = [axis for axis in figure.axes if axis.axison]
    assert len(shown) == (1 if kind == "coverage" else len(exact.names))
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_the_band_holds_an_exact_posterior_and_not_a_narrow_one(exact, narrow):
    def leaves(outcome: Calibration) -> bool:
        (axis,) = outcome.plot("ecdf", ["x0"]).axes
        curve, band = axis.lines[0].get_ydata(), axis.collections[0].get_paths()[0].vertices[:, 1].max()
        return bool(np.abs(curve).max() > band)

    assert leaves(narrow)
    assert not leaves(exact)


def test_expected_coverage_is_that_of_the_regions(exact):
    covered = exact.expected_coverage([0.0, 0.5, 1.0])
    assert covered[[0, 2]].tolist() == [0.0, 1.0]
    assert covered[1] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"simulations": 99}, "simulations=99 is too small"),
        ({"draws": 18}, "draws=18 is too small"),
        ({"draws": 10**6}, "draws=1000000 is too large"),
        ({"alpha": 0.0}, "alpha=0.0 is not the probability"),
    ],
)
def test_requests_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        exact_posterior(TREE).calibration(**options)


def test_figures_that_do_not_exist_are_refused(exact):
    with pytest.raises(OptionError, match="kind='pie' is not a kind of figure"):
        exact.plot("pie")
    with pytest.raises(OptionError, match="'y' is not among the quantities of this calibration"):
        exact.plot(names=["y"])
