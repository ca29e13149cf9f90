"""Latents on constrained supports: a positive rate, and shares that sum to one."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

COUNTS = np.array([9.0, 4.0, 2.0])


def program(counts=None):
    rate = numpyro.sample("rate", dist.Gamma(4.0, 0.4))
    shares = numpyro.sample("shares", dist.Dirichlet(jnp.ones(3)))
    with numpyro.plate("groups", 3):
        numpyro.sample("counts", dist.Poisson(rate * shares), obs=counts)


def main(steps=1500):
    posterior = rd.amortize(rd.from_numpyro(program, COUNTS), steps=steps)
    weighed = posterior.importance({"counts": COUNTS}, 8000)
    # Exact, as the total and the shares of a Poisson process are independent: Gamma(4 + 15, 0.4 + 1), Dirichlet(1 + n).
    exact = {"rate": 19 / 1.4, "shares": (1 + COUNTS) / 18}
    print("rate", weighed.mean["rate"].round(2), "exact", round(exact["rate"], 2))
    print("shares", weighed.mean["shares"].round(3), "exact", exact["shares"].round(3))
    return weighed.mean, exact


if __name__ == "__main__":
    main()
