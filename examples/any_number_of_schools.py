"""Any number of schools: Rubin's model (1981) trained once for 2 to 20 of them, some of which have not reported."""

import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

J = 20
EFFECTS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def program() -> None:
    mu, tau = numpyro.sample("mu", dist.Normal(0, 10)), numpyro.sample("tau", dist.LogNormal(1.5, 0.5))
    with numpyro.plate("schools", J):
        error = numpyro.sample("error", dist.LogNormal(2.5, 0.4))  # observed, so that other errors can be given
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, error))


def main(steps: int = 2000) -> dict[str, rd.Importance]:
    model = rd.from_numpyro(program, observed=["error", "y"], template=True)
    posterior = rd.amortize(model, vary={"schools": (2, J)}, missing=0.1, steps=steps, quiet=True)
    found = {}
    silent = np.where(EFFECTS < 0, np.nan, EFFECTS)
    for asked, y in {"eight schools": EFFECTS, "three schools": EFFECTS[:3], "two silent": silent}.items():
        found[asked] = posterior.importance({"y": y, "error": ERRORS[: len(y)]}, 4000)
        print(f"{asked}: mu {found[asked].mean['mu']:.1f}, tau {found[asked].mean['tau']:.1f}; {found[asked]!r}")
    return found


if __name__ == "__main__":
    main()
