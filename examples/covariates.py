"""Covariates as observed sites: one posterior for any design, not only for the one of the data."""

import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd


def program(n=4, x=None, y=None):
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0))
    with numpyro.plate("rows", n):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0), obs=x)
        numpyro.sample("y", dist.Normal(slope * x, 1.0), obs=y)


def main(steps=4000):
    posterior = rd.amortize(rd.from_numpyro(program, observed=["x", "y"]), steps=steps)
    designs = np.array([[-1.0, 0.0, 0.5, 1.0], [-0.1, 0.1, 0.2, 0.0]])
    answers = np.array([[-0.8, 0.1, 0.4, 1.3], [0.5, -0.3, 0.1, 0.2]])
    weighed = posterior.importance({"x": designs, "y": answers}, 4000)
    exact = (designs * answers).sum(axis=1) / (1 + (designs**2).sum(axis=1))
    print("slope of each data set:", weighed.mean["slope"].round(2), "exact", exact.round(2))
    return weighed.mean["slope"], exact


if __name__ == "__main__":
    main()
