"""Draws in blocks: the same bits in however many pieces, in memory that does not grow with the request."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from retrodict import AmortizedPosterior, LinearGaussian, invert, zoo
from retrodict.errors import DataError, OptionError
from retrodict.graph.bayesnet import BayesNet
from retrodict.posterior import row_blocks
from retrodict.posterior.observations import Evidence
from tests.posterior.exact import exact_posterior

TREE = zoo.binary_tree(3, seed=0)
DATA = {"x3": 0.5, "x4": -1.0, "x5": 2.0, "x6": 0.0}
BATCH = {name: value + np.arange(6.0).reshape(2, 3) for name, value in DATA.items()}
EXACT = TREE.posterior(invert(TREE))


@pytest.fixture(scope="module")
def posterior() -> AmortizedPosterior:
    return exact_posterior(TREE)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "MOST_ROWS", 16)


@pytest.mark.parametrize("data", [DATA, BATCH], ids=["one", "batch"])
@pytest.mark.parametrize("chunk", [1, 3, 7, 100, 1000])
@pytest.mark.usefixtures("small_blocks")
def test_pieces_hold_the_bits_of_the_whole(posterior, data, chunk):
    whole = posterior.sample(data, 100, seed=5)
    pieces = list(posterior.stream(data, 100, seed=5, chunk=chunk))
    assert [len(piece["x0"]) for piece in pieces] == [min(chunk, 100 - at) for at in range(0, 100, chunk)]
    for name in TREE.net.latents:
        assert np.array_equal(np.concatenate([piece[name] for piece in pieces]), whole[name])


@pytest.mark.usefixtures("small_blocks")
def test_blocks_have_noise_of_their_own(posterior):
    draws = posterior.sample(DATA, 200, seed=0)["x0"]
    assert len(np.unique(draws)) == 200


@pytest.mark.parametrize("data", [DATA, BATCH], ids=["one", "batch"])
@pytest.mark.parametrize("n", [1, 2, 37])
@pytest.mark.usefixtures("small_blocks")
def test_each_draw_belongs_to_its_observation(posterior, data, n):
    """The log density of each draw given its own observation is the exact one."""
    draws = posterior.sample(data, n, seed=1)
    assert draws["x0"].shape == (n, *np.shape(data["x3"]))
    np.testing.assert_allclose(posterior.log_prob(draws, data), EXACT.log_prob(draws, data), rtol=2e-5, atol=2e-5)


def test_moments_are_exact_for_every_observation(posterior):
    draws, exact = posterior.sample(BATCH, 20_000, seed=1), EXACT.sample(BATCH, 20_000, seed=2)
    for name in TREE.net.latents:
        error = 5 * exact[name].std() / np.sqrt(20_000)
        assert np.abs(draws[name].mean(0) - exact[name].mean(0)).max() < 1.5 * error
        assert np.abs(draws[name].std(0) - exact[name].std(0)).max() < error


def test_data_broadcast_against_draws_in_log_prob(posterior):
    draws = {name: np.linspace(-1, 1, 12).reshape(4, 3) for name in TREE.net.latents}
    shared, own = ({name: np.full(shape, value) for name, value in DATA.items()} for shape in ((1,), (3,)))
    assert np.array_equal(posterior.log_prob(draws, shared), posterior.log_prob(draws, own))
    with pytest.raises(
        DataError, match=r"the leading axes of draws, \(4, 3\), do not end in those of the data, \(2,\)"
    ):
        posterior.log_prob(draws, {name: np.zeros(2) for name in DATA})


def test_long_requests_take_the_memory_of_their_result(posterior):
    """NumPy's own memory: blocks are a few hundred kilobytes, the result eight megabytes."""
    posterior.sample(DATA, row_blocks.MOST_ROWS)
    rows = 80 * row_blocks.MOST_ROWS
    tracemalloc.start()
    result = posterior.sample(DATA, rows, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    seen = sum(len(piece["x0"]) for piece in posterior.stream(DATA, rows, seed=1, chunk=1000))
    _, streamed = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = rows * 3 * 4
    assert len(result["x0"]) == seen == rows
    assert peak < 1.3 * size
    assert streamed - before < 0.3 * size


def test_wide_models_have_small_blocks():
    assert row_blocks.Request(Evidence(("x",), np.zeros(4)), 10**9, 10**6).block * 10**6 <= row_blocks.MOST_NUMBERS
    assert row_blocks.Request(Evidence(("x",), np.zeros(4)), 10**9, 10**9).block == 1


def test_barren_latents_follow_block_by_block(small_blocks):
    net = BayesNet({"z": [], "x": ["z"], "next": ["z"]}, observed=["x"])
    model = LinearGaussian.from_weights(
        net, {"next": {"z": 2.0}}, variance=[1e-6 if name == "next" else 1.0 for name in net.names]
    )
    inverse = invert(model)
    encoder = exact_posterior(LinearGaussian.from_weights(BayesNet({"z": [], "x": ["z"]}, observed=["x"]), {})).encoder
    draws = AmortizedPosterior.of(model, inverse, encoder).sample({"x": np.zeros(5)}, 20)
    np.testing.assert_allclose(draws["next"], 2 * draws["z"], atol=0.01)


def test_requests_out_of_range_are_refused(posterior):
    with pytest.raises(OptionError, match="chunk=0"):
        posterior.stream(DATA, 10, chunk=0)
    with pytest.raises(OptionError, match="n=0 is too small"):
        posterior.stream(DATA, 0)
