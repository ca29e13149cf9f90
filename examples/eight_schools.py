"""Eight schools, centered and not: one posterior, whichever way the program is written."""

import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERROR = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def centered(error, effect=None):
    mean, spread = numpyro.sample("mean", dist.Normal(0, 5)), numpyro.sample("spread", dist.HalfCauchy(5))
    with numpyro.plate("schools", len(error)):
        school = numpyro.sample("school", dist.Normal(mean, spread))
        numpyro.sample("effect", dist.Normal(school, error), obs=effect)


def non_centered(error, effect=None):
    mean, spread = numpyro.sample("mean", dist.Normal(0, 5)), numpyro.sample("spread", dist.HalfCauchy(5))
    with numpyro.plate("schools", len(error)):
        school = numpyro.sample("school", dist.Normal(0, 1))
        numpyro.sample("effect", dist.Normal(mean + spread * school, error), obs=effect)


def main(steps=3000):
    found = {}
    for program in (centered, non_centered):
        posterior = rd.amortize(rd.from_numpyro(program, ERROR, EFFECT), conditional="mixture", steps=steps)
        weighed = posterior.importance({"effect": EFFECT}, 20_000)
        found[program.__name__] = weighed
        print(f"{program.__name__}: mean {weighed.mean['mean']:.2f}, spread {weighed.mean['spread']:.2f}, {weighed}")
    return found


if __name__ == "__main__":
    main()
