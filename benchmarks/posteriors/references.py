"""Long NUTS runs: the references of NumPyro's programs, and the proof that posteriordb's are translated rightly.

    python -m benchmarks.posteriors.references [--data FOLDER] [NAME ...]

What has been run is in ``benchmarks/results/posterior_references.json`` and is not run again; ``--anew`` does.
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
from numpyro.infer import MCMC, NUTS, init_to_median, init_to_uniform

from benchmarks.posteriors import posteriordb
from benchmarks.posteriors.catalog import HELD_OUT, NAMES, load
from benchmarks.posteriors.entry import Entry, Parameters
from benchmarks.posteriors.lines import replace
from benchmarks.posteriors.moments import Distance

RESULTS = Path(__file__).parents[1] / "results" / "posterior_references.json"
CHAINS, WARMUP, DRAWS, TARGET = 4, 2000, 5000, 0.95
MOST_RHAT, LEAST_ESS = 1.005, 1000
Moments = dict[str, dict[str, float]]


def run_nuts(entry: Entry, draws: int, seed: int = 0) -> tuple[list[Parameters], int]:
    """Return each chain's draws of the parameters, and the number of divergent steps."""
    start = init_to_uniform() if entry.vague else init_to_median(num_samples=50)
    with jax.enable_x64(True):
        kernel = NUTS(entry.sampled, target_accept_prob=TARGET, init_strategy=start)
        sampler = MCMC(
            kernel,
            num_warmup=WARMUP,
            num_samples=draws,
            num_chains=CHAINS,
            chain_method="sequential",
            progress_bar=False,
        )
        sampler.run(jax.random.key(seed), *entry.arguments, extra_fields=("diverging",))
        grouped = sampler.get_samples(group_by_chain=True)
        divergent = int(np.sum(sampler.get_extra_fields()["diverging"]))
    latents = {site: np.asarray(values) for site, values in grouped.items()}
    return [entry.parameters({site: values[i] for site, values in latents.items()}) for i in range(CHAINS)], divergent


def summarize(chains: list[Parameters]) -> Moments:
    """Return mean, standard deviation, R-hat and effective number of draws of each parameter."""
    found = {}
    for name in chains[0]:
        draws = np.stack([chain[name] for chain in chains])
        found[name] = {
            "mean": float(draws.mean()),
            "sd": float(draws.std()),
            "rhat": float(split_gelman_rubin(draws)),
            "ess": float(effective_sample_size(draws)),
        }
    return found


def measure(name: str, folder: Path | None, draws: int) -> dict[str, Any]:
    """Run NUTS on one program."""
    start = time.perf_counter()
    chains, divergent = run_nuts(load(name, folder), draws)
    moments = summarize(chains)
    pooled = {key: np.concatenate([chain[key] for chain in chains]) for key in chains[0]}
    known = Distance.of(pooled, find_reference(name, folder)).as_row() if posteriordb.has_draws(name) else {}
    return {
        "program": name,
        "draws": draws * CHAINS,
        "divergent": divergent,
        "rhat": max(row["rhat"] for row in moments.values()),
        "ess": min(row["ess"] for row in moments.values()),
        "seconds": round(time.perf_counter() - start, 1),
        **known,
        "parameters": moments,
    }


def find_reference(name: str, folder: Path | None) -> Moments:
    """Return mean and standard deviation of each parameter: posteriordb's, or those of long NUTS."""
    if posteriordb.has_draws(name):
        draws = posteriordb.load_draws(name, posteriordb.find_folder(folder))
        return {key: {"mean": float(column.mean()), "sd": float(column.std())} for key, column in draws.items()}
    stored = {row["program"]: row for row in read()}
    if name not in stored:
        raise SystemExit(f"{name} has no reference yet; run python -m benchmarks.posteriors.references {name}")
    return stored[name]["parameters"]


def read() -> list[dict[str, Any]]:
    """Return what has been run."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []


def store(row: dict[str, Any]) -> None:
    """Put a result among the others, in the order of the catalog, figures rounded to what they are worth."""
    held = {one["program"]: one for one in read()} | {row["program"]: _round(row)}
    rows = [json.dumps(held[name]) for name in (*NAMES, *HELD_OUT) if name in held]
    replace(RESULTS, "[\n" + ",\n".join(rows) + "\n]\n")


def _round(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _round(one) for key, one in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main() -> None:
    """Run the programs named, those that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=(*NAMES, *HELD_OUT))
    parser.add_argument("--data", type=Path, help="folder of posteriordb's files; or set RETRODICT_DATA")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of each of the four chains")
    parser.add_argument("--anew", action="store_true", help="also what has been run")
    arguments = parser.parse_args()
    done = set() if arguments.anew else {row["program"] for row in read()}
    numpyro.set_platform("cpu")
    for name in arguments.names:
        if name not in done:
            row = measure(name, arguments.data, arguments.draws)
            good = row["rhat"] < MOST_RHAT and row["ess"] > LEAST_ESS
            figures = {key: value for key, value in row.items() if key != "parameters"}
            print(figures, "" if good else "not stored: the chains have not converged", flush=True)
            if good:
                store(row)


if __name__ == "__main__":
    main()
