"""A model that also predicts: what no data inform is drawn by the program itself, with no network and no error."""

import jax
import numpyro
import numpyro.distributions as dist
from numpyro.infer import SVI, Trace_ELBO

import retrodict as rd


def program(x=None):
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(z, 1.0), obs=x)
    numpyro.sample("next", dist.Normal(z, 2.0))


def main(steps=1000):
    guide = rd.AutoFaithful(program)
    svi = SVI(program, guide, numpyro.optim.Adam(0.01), Trace_ELBO(num_particles=16))
    result = svi.run(jax.random.key(0), steps, 2.0, progress_bar=False)
    draws = guide.sample_posterior(jax.random.key(1), result.params, 2.0, sample_shape=(4000,))
    print("drawn by the program:", sorted(guide.inverse.generative))
    print(f"next: mean {draws['next'].mean():.2f} (exact 1), variance {draws['next'].var():.2f} (exact 4.5)")
    return draws["next"]


if __name__ == "__main__":
    main()
