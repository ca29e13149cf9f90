"""References of real tables: quadrature where that is exact, long NUTS runs otherwise.

They are kept in results/hierarchical_references.json.

Run with ``python -m benchmarks.hierarchical.real_references [--data FOLDER] [NAME ...]``; what has a result is left.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpyro
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS
from numpyro.infer.reparam import LocScaleReparam

from benchmarks.hierarchical.mixed_quadrature import make_mixed
from benchmarks.hierarchical.real_programs import TABLES, RealTable, as_arrays, make_table
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole

RESULTS = ROOT / "benchmarks" / "results" / "hierarchical_references.json"
CHAINS, WARMUP, DRAWS = 4, 1000, 1500
# Effects that are drawn as standard normal ones: where data are few, their scale and they would go together.
APART = {"theta": 0.0, "slope": 0.0, "a": 0.0}


def run_reference(table: RealTable, seed: int = 0) -> dict[str, Any]:
    """Return mean and sd of each parameter, an array of each site, with the worst R-hat and effective number."""
    apart = {name: LocScaleReparam(centered=share) for name, share in APART.items()}
    start = time.monotonic()
    with jax.enable_x64(True):
        given = as_arrays(table.arguments)
        data = {"y": np.asarray(table.y, np.float64)}
        program = numpyro.handlers.reparam(numpyro.handlers.condition(table.program, data), config=apart)
        sampler = MCMC(
            NUTS(program, target_accept_prob=0.95),
            num_warmup=WARMUP,
            num_samples=DRAWS,
            num_chains=CHAINS,
            chain_method="sequential",
            progress_bar=False,
        )
        sampler.run(jax.random.key(seed), *given)
        chains = {name: np.asarray(value) for name, value in sampler.get_samples(group_by_chain=True).items()}
    kept = {name: value for name, value in chains.items() if not name.endswith("decentered")}
    return {
        "seconds": round(time.monotonic() - start, 1),
        "rhat": float(max(np.max(split_gelman_rubin(value)) for value in kept.values())),
        "ess": float(min(np.min(effective_sample_size(value)) for value in kept.values())),
        "mean": {name: np.round(value.mean(axis=(0, 1)), 5).tolist() for name, value in kept.items()},
        "sd": {name: np.round(value.std(axis=(0, 1)), 5).tolist() for name, value in kept.items()},
    }


def integrate_schools(table: RealTable) -> dict[str, Any]:
    """Return mean and sd of each parameter by quadrature over the spread; all else is integrated out in closed form."""
    (errors,), y = table.arguments, np.asarray(table.y)
    tau = np.linspace(1e-4, 90, 20_001)
    variance = errors**2 + tau[:, None] ** 2
    precision = (1 / variance).sum(axis=1) + 0.01
    mu = (y / variance).sum(axis=1) / precision
    fit = -0.5 * (np.log(variance) + y**2 / variance).sum(axis=1) - 0.5 * np.log(precision)
    log_w = fit + 0.5 * mu**2 * precision - 0.5 * (tau / 10) ** 2
    w = np.exp(log_w - log_w.max())
    w /= w.sum()
    kept = (tau[:, None] / errors) ** 2 / (1 + (tau[:, None] / errors) ** 2)  # how much of y an effect follows
    theta, own = kept * y + (1 - kept) * mu[:, None], kept * errors**2 + (1 - kept) ** 2 / precision[:, None]
    moments = {"mu": (mu, mu**2 + 1 / precision), "tau": (tau, tau**2), "theta": (theta, theta**2 + own)}
    mean = {name: w @ first for name, (first, _) in moments.items()}
    sd = {name: np.sqrt(w @ second - mean[name] ** 2) for name, (_, second) in moments.items()}
    return {
        "quadrature": len(tau),
        "mean": {name: np.round(value, 5).tolist() for name, value in mean.items()},
        "sd": {name: np.round(value, 5).tolist() for name, value in sd.items()},
    }


def find_reference(name: str, table: RealTable) -> dict[str, Any]:
    """Return mean and sd of each parameter: by quadrature where scales are few, of long chains otherwise."""
    if name.startswith("schools"):
        return integrate_schools(table)
    mixed = make_mixed(name, table.arguments, table.y)
    return run_reference(table) if mixed is None else mixed.integrate()


def main() -> None:
    """Run what has no reference."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", type=Path, help="folder of the tables; or set RETRODICT_DATA")
    asked = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in asked.names or TABLES:
        if name not in found or name in asked.names:
            table = make_table(name, asked.data)
            found[name] = find_reference(name, table)
            print(name, {key: value for key, value in found[name].items() if key not in ("mean", "sd")}, flush=True)
            write_whole(RESULTS, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
