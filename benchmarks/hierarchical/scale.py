"""How long draws of many groups and of long series take, after one training on few: results/hierarchical_scale.json.

Seconds are those of the processor, medians over warm calls: other work on the machine does not count.
"""

from __future__ import annotations

import json
import resource
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd
from benchmarks.hierarchical.exact_templates import GAUSSIAN
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole

RESULTS = ROOT / "benchmarks" / "results" / "hierarchical_scale.json"
SIZES, READ, WITHIN, REPEATS = (1_000, 10_000, 100_000), 200, 4, 9


def groups(count: int) -> None:
    """Draw groups of four, with scales that are not known."""
    mu = numpyro.sample("mu", dist.Normal(0, 2))
    tau, sigma = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("tau", "sigma"))
    with numpyro.plate("j", count):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
    with numpyro.plate("k", count, dim=-2), numpyro.plate("n", WITHIN, dim=-1):
        numpyro.sample("y", dist.Normal(theta[:, None], sigma))


def measure(posterior: rd.LiftedPosterior, make: Any) -> dict[str, Any]:
    """Return the seconds of a draw at each size, after compilation, and how they grow."""
    seconds = []
    for size in SIZES:
        data = make(size)
        posterior.sample(data, 1)
        found = []
        for repeat in range(REPEATS):
            start = time.process_time()
            posterior.sample(data, 1, seed=repeat)
            found.append(time.process_time() - start)
        seconds.append(float(np.median(found)))
    growth = np.polyfit(np.log(SIZES), np.log(seconds), 1)[0]
    last = np.log(seconds[-1] / seconds[-2]) / np.log(SIZES[-1] / SIZES[-2])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "exponent": float(growth), "last exponent": float(last), "memory": memory}


def measure_all() -> dict[str, Mapping[str, Any]]:
    """Return the figures of series and of groups, with known and with learned scales."""
    rng = np.random.default_rng(0)
    found: dict[str, Mapping[str, Any]] = {}
    series = rd.amortize(GAUSSIAN["local level"].at({"t": READ}), steps=0, quiet=True)
    found["steps of a series"] = measure(series, lambda size: {"x": rng.normal(size=size)})
    known = rd.amortize(GAUSSIAN["hierarchy"].at({"j": READ, "n": WITHIN}), steps=0, quiet=True)
    found["groups, known scales"] = measure(known, lambda size: {"y": rng.normal(size=(size, WITHIN))})
    model = rd.from_numpyro(groups, READ, observed=["y"], template=True)
    vary = {model.template["theta"].dims[0]: (20, READ)}
    learned = rd.amortize(model, vary=vary, missing=0.1, steps=150, batch=16, quiet=True)
    found["groups, learned scales"] = measure(learned, lambda size: {"y": rng.normal(size=(size, WITHIN))})
    return found


def main() -> None:
    """Measure, and write the results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rd.errors.NoveltyWarning)
        found = measure_all()
    print(found)
    write_whole(RESULTS, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
