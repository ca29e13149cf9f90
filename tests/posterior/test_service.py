"""A posterior that serves for long: requests of any shape compile a bounded number of programs; threads may draw."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest

import retrodict as rd
from retrodict import zoo

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(scope="module")
def posterior():
    return rd.amortize(zoo.binary_tree(3), steps=0, exact=False, widths=(16,))


@pytest.fixture
def compiled():
    """Count what is compiled while a test runs."""
    names: list[str] = []

    def note(name: str, *_: object, **__: object) -> None:
        names.append(name) if name == COMPILED else None

    jax.monitoring.register_event_duration_secs_listener(note)
    yield names
    jax.monitoring.unregister_event_duration_listener(note)


def ask(posterior, n, batch, seed=0):
    data = {name: np.full(batch, 0.1 * i) for i, name in enumerate(posterior.model.net.observed)}
    draws = posterior.sample(data, n, seed=seed)
    return draws, posterior.log_prob(draws, data)


def test_two_hundred_shapes_of_requests_compile_a_program_for_each_power_of_two(posterior, compiled):
    shapes = [(n, batch) for n in range(1, 41) for batch in ((), (2,), (3,), (2, 3), (5,))]
    assert len(set(shapes)) == 200
    for n, batch in shapes:
        draws, scores = ask(posterior, n, batch)
        assert draws["x0"].shape == scores.shape == (n, *batch)
    powers = {(n * int(np.prod(batch)) - 1).bit_length() for n, batch in shapes}
    assert len(compiled) <= 2 * len(powers)  # one that draws and one that scores
    before = len(compiled)
    ask(posterior, 77, (2,))
    assert len(compiled) == before


def test_eight_threads_draw_at_once_what_one_draws(posterior):
    expected = [ask(posterior, 3000, (), seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda seed: ask(posterior, 3000, (), seed), range(8)))
    for (draws, scores), (own, own_scores) in zip(expected, found, strict=True):
        np.testing.assert_array_equal(scores, own_scores)
        for name, values in draws.items():
            np.testing.assert_array_equal(values, own[name])


def test_eight_threads_may_ask_first():
    fresh = rd.amortize(zoo.binary_tree(2), steps=0, exact=False, widths=(16,))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: ask(fresh, 500, (), 3), range(8)))
    for draws, _ in found:
        np.testing.assert_array_equal(draws["x0"], found[0][0]["x0"])
