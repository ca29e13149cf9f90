"""Time certificates, and the evidence for what is missing: `python -m benchmarks.certificates`.

Every case runs in a process of its own; times are processor seconds of one core, the median of three, from an inverse
to its certificate. The old way, one Bayes ball a latent, is timed beside it on the smaller models. Writes
results/certificates.json and ../docs/benchmarks-certificates.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks import networks
from benchmarks.stamp import ROOT, stamp

RESULTS, TABLE = ROOT / "benchmarks" / "results" / "certificates.json", ROOT / "docs" / "benchmarks-certificates.md"
MADE_OF = ("src/retrodict", "benchmarks/certificates.py", "benchmarks/networks.py")
LISTED = 200_000  # evidence is looked for up to so many missing edges
BALLS = 3_000  # the old way is timed up to so many variables

NETWORKS: dict[str, Callable[[], networks.Network]] = {
    "chain, 1,000 steps": lambda: networks.chain(1000),
    "chain, 10^5 steps": lambda: networks.chain(10**5),
    "chain, 10^6 steps": lambda: networks.chain(10**6),
    "tree, 2^17 - 1 variables": lambda: networks.tree(2**17 - 1),
    "tree, 2^20 - 1 variables": lambda: networks.tree(2**20 - 1),
    "grid, 60 x 60": lambda: networks.grid(60),
    "random, 1,000 variables": lambda: networks.random(1000),
    "random, 5,000 variables": lambda: networks.random(5000),
}
BASELINES = ("mean-field", "reversal")
ORDERS = {"chain": ("reverse", "nested-dissection"), "tree": ("reverse", "nested-dissection")}
CASES = [
    (name, how)
    for name in NETWORKS
    for how in (*ORDERS.get(name.split(",")[0], ("min-degree", "lint")), *BASELINES)
    if ("10^6" not in name and "2^20" not in name) or how in ("reverse", "mean-field")
]


def make_inverse(name: str, how: str) -> Any:
    """Return an inverse: of an order, a baseline, or (lint) the reversal as somebody would write it down."""
    import retrodict as rd
    from retrodict.certificate.handwritten import read_guide

    net = rd.BayesNet(*NETWORKS[name]())
    if how == "lint":
        return read_guide(net, dict(rd.reversal(net).parents))
    baselines = {"mean-field": rd.mean_field, "reversal": rd.reversal}
    return baselines[how](net) if how in baselines else rd.invert(net, how)


def time_call(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of a call, and its result."""
    gc.collect()
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def measure(name: str, how: str) -> dict[str, Any]:
    """Time the verdict, its evidence, and the old way in this process."""
    from retrodict.certificate.certify import certify

    inverse = make_inverse(name, how)
    certify(inverse)  # what the model keeps once asked for, such as the children of each variable, is not timed
    before = _peak()
    seconds, results = zip(*(time_call(lambda: certify(inverse)) for _ in range(3)), strict=True)
    certificate = results[-1]
    row = {
        "edges": inverse.n_edges,
        "missing": certificate.n_missing,
        "removable": certificate.n_removable,
        "phases": len(certificate.differences.phases),
        "seconds": median(seconds),
        "megabytes": _peak() - before,
    }
    if 0 < certificate.n_missing <= LISTED:
        row["evidence"], missing = time_call(lambda: certificate.missing)
        assert len(missing) == certificate.n_missing
    if len(inverse.net) <= BALLS:
        row["balls"], counts = time_call(lambda: count_by_balls(inverse))
        assert counts == (certificate.n_missing, certificate.n_removable)
    return row


def count_by_balls(inverse: Any) -> tuple[int, int]:
    """Count missing and removable edges by a Bayes ball from each latent: the way before components."""
    from retrodict.graph.separation import roll_ball

    net = inverse.net
    parents, children, known = net.parent_rows.lists, net.child_rows.lists, net.is_observed.tolist()
    opens, missing, removable = [False] * len(net), 0, 0
    stack = net.observed_index.tolist()
    for latent in inverse.elimination[::-1].tolist():
        while stack:
            variable = stack.pop()
            if not opens[variable]:
                opens[variable] = True
                stack += parents[variable]
        child = int(net.latent_index[latent])
        needed = {v for v, _ in roll_ball(parents, children, child, known, opens) if known[v]}
        stated = set(inverse.parent_index(latent).tolist())
        missing, removable = missing + len(needed - stated), removable + len(stated - needed)
        known[child] = True
        stack = [child]
    return missing, removable


def _peak() -> float:
    """Return the most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_apart(name: str, how: str) -> dict[str, Any]:
    """Measure in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.certificates", "--measure", name, how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:100] if done.stderr else "killed"}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def write_table(rows: list[dict[str, Any]]) -> str:
    """Return the page of results."""
    lines = [
        "# Certificates: seconds",
        "",
        f"Made by `python -m benchmarks.certificates`, Python {platform.python_version()}, one of {os.cpu_count()}",
        "cores, shared.",
        "Processor seconds from an inverse to its verdict with both counts (*verdict*), and to a path for each missing",
        f"edge (*evidence*, up to {LISTED:,} of them). *Balls*: the way before, one Bayes ball a latent, counts only,",
        f"up to {BALLS:,} variables. *lint*: the reversal as a guide written by hand, read already. *Phases*: how",
        "often components had to be found (more than once only if barren latents are drawn before their parents).",
        "",
        "| model | inverse | edges | missing | removable | phases | verdict | evidence | balls |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['model']} | {row['inverse']} | {row['failed']} | | | | | | |")
            continue
        counts = " | ".join(f"{row[what]:,}" for what in ("edges", "missing", "removable", "phases"))
        times = " | ".join(f"{row[what]:.2g}" if what in row else "" for what in ("seconds", "evidence", "balls"))
        lines.append(f"| {row['model']} | {row['inverse']} | {counts} | {times} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs=2, metavar=("MODEL", "INVERSE"), help="one measurement, as JSON")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    rows = []
    for name, how in CASES:
        rows.append({"model": name, "inverse": how} | measure_apart(name, how))
        print(json.dumps(rows[-1]), flush=True)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
        TABLE.write_text(stamp(write_table(rows), *MADE_OF))


if __name__ == "__main__":
    main()
