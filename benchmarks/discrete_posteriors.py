"""Posteriors trained on real discrete networks beside exact inference: writes docs/discrete-posteriors.md.

    make discrete

200 evidence sets are drawn from each model, leaves observed. The marginals of the trained posterior, from 20,000 draws
each, are compared with those of pyAgrum's lazy propagation in total variation, averaged over latents and evidence.
The files are those of pgmpy.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyagrum

import retrodict as rd
from benchmarks.stamp import ROOT, stamp
from retrodict.models.discrete import DiscreteNetwork

RESULTS = Path(__file__).parent / "results" / "discrete_posteriors.json"
PAGE = ROOT / "docs" / "discrete-posteriors.md"
MADE_OF = ("src/retrodict", "benchmarks/discrete_posteriors.py")
NETWORKS = ("asia", "child", "alarm")
SETS, DRAWS, STEPS = 200, 20_000, 20_000
ASKED = 0.01
MEASURED = ("distance", "noise", "worst latent", "worst evidence", "weighted")
HEAD = """# Posteriors over discrete latents

Written by `make discrete`: networks that come with pgmpy, leaves observed, an amortized posterior trained on
simulations alone, compared with exact inference (pyAgrum) on {sets} evidence sets drawn from the model. *Distance*:
total variation between marginals, the mean over all latents and evidence sets, with those of the latent and of the
evidence set that come out worst; {draws:,} draws a set, whose own noise is about *noise*. *Weighted*: with importance
weights. Steps have 256 simulations; seconds are those of a shared machine with two cores.

"""
COLUMNS = ("network", "latents", "edges", "parameters", "steps", "seconds", *MEASURED, "asked")


def find_network(folder: Path | None, name: str) -> Path:
    """Return the file of a network."""
    if folder is not None:
        return folder / f"{name}.bif"
    package = importlib.util.find_spec("pgmpy")
    if package is None or package.origin is None:
        raise SystemExit("pgmpy, whose networks these are, is not installed; use `make discrete`, or give --folder")
    return Path(package.origin).parent / "utils" / "example_models" / f"{name}.bif.gz"


def build_peer(model: DiscreteNetwork) -> Any:
    """Return the network as pyAgrum's: its reader of files refuses some names of states."""
    net, peer = model.net, pyagrum.BayesNet()
    for name in net.names:
        peer.add(pyagrum.LabelizedVariable(name, name, len(model.states(name))))
    for name in net.names:
        for parent in net.parents(name):
            peer.addArc(parent, name)
    for name in net.names:
        table = model.table(name)
        for row in itertools.product(*(range(size) for size in table.shape[:-1])):
            peer.cpt(name)[dict(zip(net.parents(name), row, strict=True))] = table[row].tolist()
    return peer


def find_exact(peer: Any, evidence: dict[str, int], latents: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the exact marginals of all latents."""
    engine = pyagrum.LazyPropagation(peer)
    engine.setEvidence(evidence)
    engine.makeInference()
    return {name: np.array(engine.posterior(name).tolist()) for name in latents}


def list_frequencies(draws: dict[str, np.ndarray], model: DiscreteNetwork, weights: np.ndarray) -> list[dict[str, Any]]:
    """Return for each evidence set the marginals of weighted draws."""
    sets = weights.shape[1]
    return [
        {
            name: np.bincount(codes[:, i].astype(int), weights[:, i], minlength=len(model.states(name)))
            for name, codes in draws.items()
        }
        for i in range(sets)
    ]


def measure_distances(found: list[dict[str, Any]], exact: list[dict[str, Any]]) -> np.ndarray:
    """Return the total variation of each evidence set (row) and latent (column)."""
    return np.array(
        [
            [0.5 * np.abs(mine[name] - theirs[name]).sum() for name in theirs]
            for mine, theirs in zip(found, exact, strict=True)
        ]
    )


def run(path: Path, name: str, steps: int, seed: int = 0) -> dict[str, Any]:
    """Train, draw and compare one network."""
    from retrodict.encode.build import count_parameters

    model = rd.from_bif(path)
    start = time.perf_counter()
    posterior = rd.amortize(model, steps=steps, seed=seed, exact=False, quiet=True)
    seconds = time.perf_counter() - start
    simulated = model.simulate(seed=seed + 100, n=SETS)
    data = {observed: np.asarray(simulated[observed]) for observed in model.net.observed}
    weighed = posterior.importance(data, DRAWS, seed=seed + 1)
    latents = model.net.latents
    peer = build_peer(model)
    exact = [find_exact(peer, {n: int(v[i]) for n, v in data.items()}, latents) for i in range(SETS)]
    equal = np.full((DRAWS, SETS), 1 / DRAWS)
    plain = measure_distances(list_frequencies(weighed.draws, model, equal), exact)
    weighted = measure_distances(list_frequencies(weighed.draws, model, np.asarray(weighed.weights)), exact)
    noise = np.mean([0.5 * np.sqrt(2 * p * (1 - p) / np.pi / DRAWS).sum() for row in exact for p in row.values()])
    return {
        "network": name,
        "latents": len(latents),
        "edges": posterior.inverse.n_edges,
        "parameters": count_parameters(posterior.encoder) if posterior.encoder is not None else 0,
        "steps": steps,
        "seconds": seconds,
        "distance": float(plain.mean()),
        "noise": float(noise),
        "worst latent": float(plain.mean(axis=0).max()),
        "worst evidence": float(plain.mean(axis=1).max()),
        "weighted": float(weighted.mean()),
    }


def write_page(rows: list[dict[str, Any]]) -> None:
    """Write the page from the results alone."""
    lines = []
    for row in rows:
        numbers = [f"{row[key]:.4f}" for key in MEASURED]
        counts = f"{row['latents']} | {row['edges']} | {row['parameters']:,} | {row['steps']:,} | {row['seconds']:.0f}"
        verdict = "reached" if row["distance"] <= ASKED else "not reached"
        lines.append(f"| {row['network']} | {counts} | {' | '.join(numbers)} | {ASKED}: {verdict} |")
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    page = HEAD.format(sets=SETS, draws=DRAWS) + "\n".join(head + lines) + "\n"
    PAGE.write_text(stamp(page, *MADE_OF), encoding="utf-8")


def main() -> None:
    """Run the networks named and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the .bif files lie; without it, inside pgmpy")
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    known = {row["network"]: row for row in (json.loads(RESULTS.read_text()) if RESULTS.exists() else [])}
    for name in arguments.networks:
        known[name] = run(find_network(arguments.folder, name), name, arguments.steps)
        print(known[name], flush=True)
        rows = [known[network] for network in NETWORKS if network in known]
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        write_page(rows)


if __name__ == "__main__":
    main()
