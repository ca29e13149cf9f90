"""Any number of schools: Rubin's model (1981) trained once for 2 to 20 of them, some of which have not reported.

Effects and their mean are normal given the spread between schools: they have closed forms, at any number of schools.
Only the spread is learned, with all else integrated out.
"""

import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

EFFECTS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def program(errors: np.ndarray) -> None:
    mu, tau = numpyro.sample("mu", dist.Normal(0, 10)), numpyro.sample("tau", dist.HalfNormal(10))
    with numpyro.plate("schools", len(errors)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, errors))


def main(steps: int = 1000) -> dict[str, rd.Importance]:
    errors = np.exp(2.5 + 0.4 * np.random.default_rng(0).normal(size=20))  # those of training
    model = rd.from_numpyro(program, errors, observed=["y"], template=True)
    posterior = rd.amortize(model, vary={"schools": (2, 20)}, missing=0.1, steps=steps, quiet=True)
    print(posterior)
    found = {}
    silent = np.where(EFFECTS < 0, np.nan, EFFECTS)
    for asked, y in {"eight schools": EFFECTS, "three schools": EFFECTS[:3], "two silent": silent}.items():
        found[asked] = posterior.importance({"y": y, "errors": ERRORS[: len(y)]}, 4000)
        print(f"{asked}: mu {found[asked].mean['mu']:.1f}, tau {found[asked].mean['tau']:.1f}; {found[asked]!r}")
    return found


if __name__ == "__main__":
    main()
