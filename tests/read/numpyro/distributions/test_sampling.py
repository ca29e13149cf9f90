import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from retrodict.read.numpyro.distributions.sampling import draw

DRAWS = 20_000
TOTALS, PROBS = np.array([0, 1, 9, 40, 373, 825]), np.array([0.3, 0.6, 0.02, 0.5, 0.817, 0.07])


@pytest.mark.parametrize("logits", [False, True])
def test_counts_have_the_frequencies_of_the_binomial(logits: bool) -> None:
    how = {"logits": jnp.log(PROBS / (1 - PROBS))} if logits else {"probs": PROBS}
    drawn = np.asarray(draw(dist.Binomial(TOTALS, **how), jax.random.key(1), (DRAWS,)))
    assert drawn.shape == (DRAWS, 6)
    assert (drawn[:, 0] == 0).all()
    for column, total, p in zip(drawn.T[1:], TOTALS[1:], PROBS[1:], strict=True):
        points = np.unique(stats.binom.ppf(np.linspace(0.05, 0.95, 10), total, p))
        edges = np.concatenate([[-np.inf], points, [np.inf]])
        expected = np.diff(stats.binom.cdf(edges, total, p))
        counts = np.histogram(column, np.concatenate([[-1.0], points + 0.5, [total + 1.0]]))[0]
        kept = expected > 0
        assert stats.chisquare(counts[kept], DRAWS * expected[kept]).pvalue > 0.001 / 10


def test_counts_of_wrapped_distributions_have_their_shape() -> None:
    fn = dist.Binomial(10, jnp.array([0.0, 1.0])).expand([3, 2]).to_event(1).mask(True)
    drawn = draw(fn, jax.random.key(0), (4,))
    assert drawn.shape == (4, 3, 2)
    assert jnp.issubdtype(drawn.dtype, jnp.integer)
    assert (np.asarray(drawn) == [0, 10]).all()


def test_beta_binomial_counts_have_their_moments() -> None:
    fn = dist.BetaBinomial(2.0, 3.0, 50)
    drawn = np.asarray(draw(fn, jax.random.key(2), (DRAWS,)), float)
    spread = float(fn.variance) ** 0.5
    assert abs(drawn.mean() - float(fn.mean)) < 4 * spread / DRAWS**0.5
    assert drawn.std() == pytest.approx(spread, rel=0.03)


def test_what_is_no_number_draws_zero() -> None:
    assert int(draw(dist.Binomial(5, jnp.nan, validate_args=False), jax.random.key(0), ())) == 0


def test_other_distributions_draw_for_themselves() -> None:
    fn, key = dist.Normal(0.0, 1.0), jax.random.key(3)
    assert draw(fn, key, (2,)).tolist() == fn.sample(key, (2,)).tolist()
