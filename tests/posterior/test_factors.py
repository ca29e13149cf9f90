"""A posterior is its factors: networks, the model itself, and closed forms written by hand stand side by side."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from retrodict import AmortizedPosterior, BayesNet, LinearGaussian, invert
from retrodict.encode.space import Space
from retrodict.errors import DensityError, FileError, OptionError
from retrodict.graph.names import Name
from retrodict.plan.dependencies import Dependencies
from retrodict.posterior.factors import Factor, GenerativeFactor, NeuralFactor
from tests.posterior.exact import ExactEncoder

# "lost" is barren. All noise has variance 1.
PARENTS = {"z": [], "x": ["z"], "w": ["z"], "y": ["w"], "lost": ["w"]}
NET = BayesNet(PARENTS, observed=["x", "y"])
MODEL = LinearGaussian.from_weights(NET, {"w": {"z": 2.0}, "y": {"w": 0.5}, "lost": {"w": 3.0}})
INVERSE = invert(NET, order=["lost", "w", "z"])  # z is drawn before w
DATA = {"x": np.array([0.5, -1.0]), "y": np.array([1.0, 2.0])}


class Conjugate(Factor):
    """One latent of a linear-Gaussian model given its neighbors, in closed form; ``scale`` is 1, or a fault."""

    latent: str = eqx.field(static=True)
    weights: tuple[tuple[str, float], ...] = eqx.field(static=True)
    precision: float = eqx.field(static=True)
    scale: float = eqx.field(static=True, default=1.0)

    @property
    def variables(self) -> tuple[Name, ...]:
        return (self.latent,)

    @property
    def parents(self) -> tuple[Name, ...]:
        return tuple(name for name, _ in self.weights)

    @property
    def width(self) -> int:
        return 1

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        noise = jax.random.normal(key, columns.shape[:-1])
        mean, sd = self._find_moments(columns)
        drawn = columns.at[..., NET.index(self.latent)].set(mean + sd * noise)
        return drawn, self.score(drawn)

    def score(self, columns: jax.Array) -> jax.Array:
        return jax.scipy.stats.norm.logpdf(columns[..., NET.index(self.latent)], *self._find_moments(columns))

    def _find_moments(self, columns: jax.Array) -> tuple[jax.Array, Any]:
        mean = sum(weight * columns[..., NET.index(name)] for name, weight in self.weights)
        return mean / self.precision, self.scale / np.sqrt(self.precision)


def neural_first(scale: float = 1.0) -> AmortizedPosterior:
    """An encoder of z given the data; w given z and y in closed form; the barren latent by the model."""
    without_w = BayesNet({"z": [], "x": ["z"], "y": ["z"]}, observed=["x", "y"])
    variance = [1.25 if name == "y" else 1.0 for name in without_w.names]
    encoder: Any = ExactEncoder.along(
        LinearGaussian.from_weights(without_w, {"y": {"z": 1.0}}, variance=variance), invert(without_w)
    )
    exact = Conjugate("w", (("z", 2.0), ("y", 0.5)), 1.25, scale)
    network = NeuralFactor(encoder=encoder, space=Space(INVERSE, drawn=("z",)))
    return AmortizedPosterior(MODEL, INVERSE, (network, exact, GenerativeFactor(MODEL, ("lost",))))


def exact_first(scale: float = 1.0) -> AmortizedPosterior:
    """z given the data in closed form; an encoder of w for which z is observed; the barren latent by the model."""
    given = BayesNet(PARENTS, observed=["z", "x", "y"])
    seen = LinearGaussian(given, MODEL.weights, MODEL.bias, MODEL.variance)
    after: Any = ExactEncoder.along(_without("lost", seen), invert(_without("lost", seen)))
    exact = Conjugate("z", (("x", 1.0), ("y", 0.8)), 2.8, scale)  # y given z is N(z, 1.25)
    network = NeuralFactor(encoder=after, space=Space(invert(given), drawn=("w",)))
    return AmortizedPosterior(MODEL, INVERSE, (exact, network, GenerativeFactor(MODEL, ("lost",))))


def _without(leaf: str, model: LinearGaussian) -> LinearGaussian:
    net = BayesNet({name: ps for name, ps in PARENTS.items() if name != leaf}, observed=model.net.observed)
    return LinearGaussian.from_weights(net, {"w": {"z": 2.0}, "y": {"w": 0.5}})


def _repeat(n: int) -> dict[str, np.ndarray]:
    return {name: np.broadcast_to(values, (n, *values.shape)) for name, values in DATA.items()}


@pytest.mark.parametrize("build", [neural_first, exact_first])
class TestExactBesideNeural:
    def test_draws_have_the_density_of_the_posterior(self, build):
        posterior, exact = build(), MODEL.posterior(INVERSE)
        draws = posterior.sample(DATA, 50, seed=1)
        np.testing.assert_allclose(posterior.log_prob(draws, DATA), exact.log_prob(draws, _repeat(50)), rtol=1e-4)

    def test_draws_have_the_moments_of_the_posterior(self, build):
        draws = build().sample(DATA, 20_000, seed=2)
        expected = MODEL.posterior(INVERSE).sample(DATA, 200_000, seed=3)
        for name in NET.latents:
            np.testing.assert_allclose(draws[name].mean(axis=0), expected[name].mean(axis=0), atol=0.05)
            np.testing.assert_allclose(draws[name].std(axis=0), expected[name].std(axis=0), rtol=0.03)

    def test_weights_are_the_evidence(self, build):
        """What is exact weighs the same everywhere: log p(x, y), the barren latent left out."""
        weighed = build().importance(DATA, 200)
        covariance = np.array([[2.0, 1.0], [1.0, 2.25]])
        points = np.stack([DATA["x"], DATA["y"]], axis=-1)
        quadratic = np.einsum("bi,ij,bj->b", points, np.linalg.inv(covariance), points)
        evidence = -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1])
        np.testing.assert_allclose(weighed.log_weights, np.broadcast_to(evidence, (200, 2)), atol=1e-4)
        assert weighed.reliable.all()

    def test_calibration_passes_and_finds_a_fault(self, build):
        assert build().calibration(1000, 99, seed=4)
        wrong = build(scale=0.6).calibration(1000, 99, seed=4)
        assert ("w" if build is neural_first else "z") in wrong.rejected


def test_each_latent_is_drawn_once_and_in_time():
    network, exact, barren = neural_first().factors
    with pytest.raises(OptionError, match="no factor draws 'w'"):
        AmortizedPosterior(MODEL, INVERSE, (network,))
    with pytest.raises(OptionError, match="'z' is observed or drawn already"):
        AmortizedPosterior(MODEL, INVERSE, (network, network, exact, barren))
    with pytest.raises(OptionError, match="the factor of 'w' comes before 'z'"):
        AmortizedPosterior(MODEL, INVERSE, (exact, network, barren))


def test_an_encoder_of_some_latents_depends_on_nothing_that_it_is_not_given():
    assert Dependencies.of(INVERSE, ("z",)).parents.to_lists() == [[0, 1]]
    with pytest.raises(OptionError, match="'w'"):
        Dependencies.of(INVERSE, ("w",))


def test_what_a_file_cannot_hold_is_not_saved(tmp_path):
    """It would come back without its closed form."""
    with pytest.raises(FileError, match="factors of other kinds, Conjugate"):
        neural_first().save(tmp_path)


def test_a_model_that_can_only_be_simulated_draws_its_barren_latents():
    """Draws need no densities, of the model or of a factor."""

    class Simulated(LinearGaussian):
        def log_conditionals(self, columns: jax.Array) -> jax.Array:
            raise DensityError("no densities")

    model = Simulated(NET, MODEL.weights, MODEL.bias, MODEL.variance)
    factors = (*neural_first().factors[:2], GenerativeFactor(model, ("lost",)))
    posterior = AmortizedPosterior(model, INVERSE, factors)
    assert posterior.sample(DATA, 5)["lost"].shape == (5, 2)
    with pytest.raises(DensityError):
        posterior.importance(DATA, 5)


def test_the_arrays_of_a_factor_are_inputs_of_the_programs():
    """A program that was compiled for other numbers is not wrong in silence."""
    posterior = neural_first()
    network = posterior.factors[0]
    moved = eqx.tree_at(lambda factor: factor.encoder.center, network, network.encoder.center + 1.0)
    other = AmortizedPosterior(MODEL, INVERSE, (moved, *posterior.factors[1:]))
    shift = other.sample(DATA, 10)["z"] - posterior.sample(DATA, 10)["z"]
    np.testing.assert_allclose(shift, 1.0, rtol=1e-5)
