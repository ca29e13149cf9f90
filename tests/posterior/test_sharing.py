"""What is compiled once serves all equal models, and is forgotten when it is not used."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from retrodict import AmortizedPosterior, BayesNet, LinearGaussian, amortize, invert
from retrodict.posterior.sharing import share
from retrodict.train.compiled import Programs

NET = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
DATA = {"x": 0.5}


def model(weight: float = 1.0) -> LinearGaussian:
    return LinearGaussian.from_weights(NET, {"x": {"z": weight}})


@contextmanager
def count_compilations() -> Iterator[list[str]]:
    """List the programs that are compiled meanwhile."""
    found: list[str] = []

    def note(event: str, _: float, **__: object) -> None:
        if event.endswith("backend_compile_duration"):
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


def use(seed: int = 0) -> list[np.ndarray]:
    """Train on a model built anew, and use the posterior in every way."""
    posterior = amortize(model(), widths=(8, 8), steps=30, batch=8, patience=99, seed=seed, exact=False, quiet=True)
    draws = posterior.sample(DATA, 100)
    weights = posterior.importance(DATA, 100).log_weights
    return [draws["z"], weights, posterior.log_prob(draws, DATA), posterior.calibration(100, 19).uniforms]


def test_an_equal_model_compiles_nothing() -> None:
    with count_compilations() as first:
        before = use()
    with count_compilations() as second:
        after = use()
    assert first
    assert not second
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_numbers_give_other_programs() -> None:
    """The weight is constant in a program: one that was compiled for another weight would be wrong in silence."""
    near = amortize(model(1.0), widths=(8, 8), steps=30, batch=8, exact=False, quiet=True)
    far = AmortizedPosterior.of(model(9.0), invert(model(9.0)), near.encoder)
    one, other = (posterior.importance(DATA, 50) for posterior in (near, far))
    np.testing.assert_array_equal(one.draws["z"], other.draws["z"])
    values = {"z": one.draws["z"], "x": np.full(50, 0.5, np.float32)}
    expected = far.model.log_joint(values) - near.model.log_joint(values)
    np.testing.assert_allclose(other.log_weights - one.log_weights, expected, rtol=1e-4, atol=1e-4)


def test_a_model_is_shared_only_with_what_equals_it() -> None:
    inverse = invert(NET)
    mine = share(model(), inverse)
    assert share(model(), invert(NET)) is mine
    assert share(model(2.0), inverse) is not mine
    assert share(model(), replace(inverse, strategy="other")) is not mine

    class Own(LinearGaussian):
        """It may do anything."""

    own = [Own(NET, np.ones(1), np.zeros(2), np.ones(2)) for _ in range(2)]
    assert share(own[0], inverse) is share(own[0], inverse)
    assert share(own[0], inverse) is not share(own[1], inverse)


def test_a_model_that_was_written_to_is_no_longer_equal() -> None:
    changing = LinearGaussian(NET, np.array([5.0]), np.zeros(2), np.ones(2))
    inverse = invert(NET)
    first = share(changing, inverse)
    changing.weights[0] = 6.0
    again = share(LinearGaussian(NET, np.array([5.0]), np.zeros(2), np.ones(2)), inverse)
    assert again is not first
    assert again.model.numbers()["weights"].tolist() == [5.0]
    assert share(changing, inverse) is not first


def test_what_is_not_used_is_freed() -> None:
    programs = Programs(most=1)
    held = np.ones(3)
    gone = weakref.ref(held)
    programs.run(lambda values, held=held: values + held, jnp.ones(3))
    del held
    gc.collect()
    assert gone() is not None
    programs.run(jnp.negative, jnp.ones(3))
    gc.collect()
    assert gone() is None
