"""Linear-Gaussian state-space models by dense matrices, in float64: all that is drawn is one normal vector."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.series.series_encoder import SeriesEncoder
from retrodict.learn.series.series_generation import generate_series
from retrodict.zoo.programs.state_space import LinearSeries


@dataclass
class Dense:
    """Mean and covariance of all states and observations of a series, and where they are."""

    mean: np.ndarray
    covariance: np.ndarray
    states: int

    @classmethod
    def of(cls, program: LinearSeries, times: int) -> "Dense":
        A, C, d, m = (
            np.asarray(p, float) for p in (program.transition, program.emission, program.offset, program.first)
        )
        first, state, noise = (np.asarray(scale, float) for scale in program.scales)
        k = C.shape[1]
        shock = np.zeros((times * k, times * k))  # states as a linear map of their shocks
        for t in range(times):
            for s in range(t + 1):
                shock[t * k : (t + 1) * k, s * k : (s + 1) * k] = np.linalg.matrix_power(A, t - s)
        scales = np.concatenate([first, np.tile(state, times - 1)])
        z_mean = shock[:, :k] @ m
        z_covariance = (shock * scales**2) @ shock.T
        emit = np.kron(np.eye(times), C)
        mean = np.concatenate([z_mean, emit @ z_mean + np.tile(d, times)])
        cross = emit @ z_covariance
        data = cross @ emit.T + np.diag(np.tile(noise, times) ** 2)
        return cls(mean, np.block([[z_covariance, cross.T], [cross, data]]), times * k)

    def log_likelihood(self, x: np.ndarray) -> float:
        away = x.ravel() - self.mean[self.states :]
        covariance = self.covariance[self.states :, self.states :]
        _, volume = np.linalg.slogdet(2 * np.pi * covariance)
        return -0.5 * (volume + away @ np.linalg.solve(covariance, away))

    def smooth(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each state given all observations."""
        k = self.states
        gain = np.linalg.solve(self.covariance[k:, k:], self.covariance[k:, :k]).T
        mean = self.mean[:k] + gain @ (x.ravel() - self.mean[k:])
        covariance = self.covariance[:k, :k] - gain @ self.covariance[k:, :k]
        return mean, np.diag(covariance)


def find_likelihood(program: LinearSeries, series: list[np.ndarray]) -> np.ndarray:
    """The exact log-likelihood of each series."""
    return np.array([Dense.of(program, len(x)).log_likelihood(np.asarray(x, float)) for x in series])


def simulate(program: LinearSeries, lengths: list[int], seed: int = 0) -> list[np.ndarray]:
    """Series of these lengths."""
    x = generate_series(program, jax.random.key(seed), max(lengths), len(lengths))["x"]
    return [row[:length] for row, length in zip(x, lengths, strict=True)]


def kalman(program: LinearSeries, series: jax.Array) -> jax.Array:
    """The log-likelihood of one series by the Kalman filter, for gradients."""
    first, state, noise = program.scales
    Q, R, eye = jnp.diag(state**2), jnp.diag(noise**2), jnp.eye(len(first))

    def step(carry, x):
        mean, covariance = carry
        S = program.emission @ covariance @ program.emission.T + R
        away = x - program.emission @ mean - program.offset
        K = jnp.linalg.solve(S, program.emission @ covariance).T
        score = -0.5 * (jnp.linalg.slogdet(2 * jnp.pi * S)[1] + away @ jnp.linalg.solve(S, away))
        mean, covariance = mean + K @ away, (eye - K @ program.emission) @ covariance
        A = program.transition
        return (A @ mean, A @ covariance @ A.T + Q), score

    return jax.lax.scan(step, (program.first, jnp.diag(first**2)), series)[1].sum()


class ExactEncoder(SeriesEncoder):
    """The exact posterior of a linear model with one state, in the place of a trained encoder.

    Messages from later observations are normal in the state: their precision and precision times mean, and its own.
    """

    program: LinearSeries = eqx.field(kw_only=True)

    @classmethod
    def of(cls, encoder: SeriesEncoder, program: LinearSeries) -> "ExactEncoder":
        fields = {name: getattr(encoder, name) for name in SeriesEncoder.__dataclass_fields__}
        made = object.__new__(cls)
        for name, value in {**fields, "program": program}.items():
            object.__setattr__(made, name, value)
        return made

    def prepare(self, batch):
        program = self.program
        _, state, noise = program.scales
        a, c = program.transition[0, 0], program.emission[:, 0]
        fed = ((batch.values["x"] - program.offset) * c / noise**2).sum(axis=-1)
        own = (c**2 / noise**2).sum()

        def step(carry, given):
            precision, linear = carry  # of the message that comes to the state of this time from later ones
            x, exists = given
            total, sum_ = precision + jnp.where(exists, own, 0.0), linear + jnp.where(exists, x, 0.0)
            left = 1 + total * state[0] ** 2
            back = a**2 * total / left, a * sum_ / left
            return back, (total, sum_)

        start = jnp.zeros(len(fed)), jnp.zeros(len(fed))
        _, (total, linear) = jax.lax.scan(step, start, (fed.T, batch.exists.T), reverse=True)
        starts = jnp.broadcast_to(jnp.arange(batch.times) == 0, total.T.shape)
        return {"z": jnp.stack([total.T, linear.T, starts], axis=-1)}

    def finish(self, plan, prepared, known):
        first, state, _ = self.program.scales
        (last,) = known.values()
        total, linear, begins = prepared[..., 0], prepared[..., 1], prepared[..., 2] > 0
        center = jnp.where(begins, self.program.first[0], self.program.transition[0, 0] * last[..., 0])
        precision = jnp.where(begins, first[0], state[0]) ** -2
        return jnp.stack([(precision * center + linear) / (precision + total), (precision + total) ** -0.5], axis=-1)

    def read(self, name, numbers):
        import numpyro.distributions as dist

        return dist.Normal(numbers[..., :1], numbers[..., 1:], validate_args=False)
