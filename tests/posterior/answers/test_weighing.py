"""When weighted draws are enough: how many are effective, how heavy the tails of weights are, and those of latents."""

import numpy as np

from retrodict.posterior.answers.weighing import is_accurate, is_enough
from retrodict.posterior.weights.importance import Importance


def weigh(shape: float, n: int, seed: int = 0) -> Importance:
    """Return normal draws whose weights have a tail of a shape, and have nothing to do with the draws."""
    rng = np.random.default_rng(seed)
    return Importance({"z": rng.standard_normal(n)}, np.log1p(0.2 * (rng.random(n) ** -shape - 1)))


def test_tails_above_a_half_take_many_effective_draws():
    assert is_enough(weigh(0.3, 4096))
    few, many = weigh(0.6, 4096), weigh(0.6, 65_536)
    assert 0.5 < float(many.khat) < 0.7
    assert (is_enough(few), is_enough(many)) == (False, True)
    assert not is_enough(weigh(0.9, 65_536))


def test_heavy_tails_of_a_latent_take_more_draws():
    rng = np.random.default_rng(1)
    draws = rng.standard_t(4.5, 20_000)
    assert not is_accurate(Importance({"z": draws[:2000]}, np.zeros(2000)))
    assert is_accurate(Importance({"z": rng.standard_normal(2000)}, np.zeros(2000)))
    assert is_accurate(Importance({"z": np.zeros(2000)}, np.zeros(2000)))
