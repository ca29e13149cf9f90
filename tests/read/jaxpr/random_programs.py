"""Random programs of a few steps on vectors, and which inputs are seen to matter to which of their results."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.read.jaxpr.random_steps import SIZE, STEPS

POINTS = [-2.0, -1.0, -0.5, 0.0, 0.0, 0.25, 0.5, 1.0, 1.5, 3.0]


def make_program(seed):
    """A random program of a vector: the names of its steps, and the function."""
    rng = np.random.default_rng(seed)
    plan, names = [], []
    for n_made in range(1, 1 + int(rng.integers(2, 6))):
        name = str(rng.choice(sorted(STEPS)))
        arity, maker = STEPS[name]
        # Mostly what was made last, so that steps follow each other.
        takes = [n_made - 1 if rng.random() < 0.6 else int(rng.integers(n_made)) for _ in range(arity)]
        plan.append((maker(rng), takes))
        names.append(name)

    def function(v):
        made = [v]
        for run, takes in plan:
            made.append(run(*(made[i] for i in takes)).astype(jnp.float32))
        return jnp.stack(made[-2:])

    return names, function


def probe(function, seed, n_bases=24):
    """The pairs of points, one input apart, and the pairs (result, input) in which a result was seen to change.

    A result that is NaN at one of the points has not changed: a density that is NaN is none.
    """
    rng = np.random.default_rng(seed)
    bases = np.where(
        rng.random((n_bases, SIZE)) < 0.5, rng.choice(POINTS, (n_bases, SIZE)), rng.normal(size=(n_bases, SIZE))
    )
    points = np.repeat(bases[:, None], SIZE + 1, axis=1)
    for i in range(SIZE):
        points[:, i, i] = np.where(rng.random(n_bases) < 0.5, rng.choice(POINTS, n_bases), rng.normal(size=n_bases))
    points = points.astype(np.float32)
    run = jax.jit(
        jax.vmap(jax.vmap(function)), compiler_options={"xla_backend_optimization_level": 0}
    )  # compiles faster
    results = np.asarray(run(points)).reshape(n_bases, SIZE + 1, -1)
    seen = find_changes(results[:, :-1], results[:, -1:])
    return points, results, seen


def draw_points(rng, n):
    """Points of which half the numbers are those where functions leave the finite, or turn."""
    return np.where(rng.random((n, SIZE)) < 0.5, rng.choice(POINTS, (n, SIZE)), rng.normal(size=(n, SIZE)))


def find_changes(left, right):
    return (left != right) & ~np.isnan(left) & ~np.isnan(right)
