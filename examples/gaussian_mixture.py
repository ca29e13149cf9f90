"""A Gaussian mixture with discrete assignments: no gradient of a draw is needed, so none is a difficulty."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

POINTS = np.array([-2.1, -1.8, 2.2, 1.7])


def program(n, points=None):
    centers = numpyro.sample("centers", dist.Normal(jnp.array([-2.0, 2.0]), 0.5).to_event(1))
    with numpyro.plate("points", n):
        group = numpyro.sample("group", dist.Categorical(probs=jnp.array([0.5, 0.5])))
        numpyro.sample("x", dist.Normal(centers[group], 0.5), obs=points)


def main(steps=1000):
    posterior = rd.amortize(rd.from_numpyro(program, len(POINTS), POINTS), steps=steps)
    draws = posterior.sample({"x": POINTS}, 4000, seed=1)
    print("probability of the second group:", draws["group"].mean(axis=0).round(3))
    print("centers:", draws["centers"].mean(axis=0).round(2))
    return draws


if __name__ == "__main__":
    main()
