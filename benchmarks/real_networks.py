"""The 24 discrete networks that come with pgmpy, inverted under every order: writes docs/networks.md.

    make networks

Only the files of pgmpy are used. Networks of at most 60 variables are also solved by brute force: networkx is asked,
for each latent and each variable known when it is drawn, whether the two are d-separated by the rest.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx

import retrodict as rd
from benchmarks.stamp import ROOT, stamp
from retrodict.graph.inverse import Inverse
from retrodict.invert.compare import run_orders
from retrodict.models.discrete import DiscreteNetwork
from retrodict.plan.cost import predict_cost, write_count

PAGE = ROOT / "docs" / "networks.md"
MADE_OF = ("src/retrodict", "benchmarks/real_networks.py")
MOST_BRUTE = 60
BUDGET = 0.25  # that of the command line
HEAD = """# Real networks

Written by `make networks` from the code as it is: the 24 discrete networks that come with pgmpy, read by `rd.from_bif`,
with their leaves observed. *Verdict*: what `rd.certify` says of the inverse, an algorithm that shares no code with the
one that made it. *Brute force*: whether its parents are those that networkx finds by asking for each pair whether it is
d-separated (networks of at most {most} variables). *Step*: multiplications of a training step of the shared encoder
with 256 simulations. *Proved*: no order has fewer edges (where that is quick to find out).
Seconds are in `docs/benchmarks-inversion.md`.

"""


@dataclass(frozen=True)
class Outcome:
    """What one order makes of one network."""

    order: str
    inverse: Inverse
    verdict: str
    brute: str

    def to_line(self) -> str:
        """Return a row of a table."""
        inverse = self.inverse
        proved = "proved" if inverse.strategy == "exact" else ""
        numbers = f"{inverse.n_edges:,} | {inverse.depth} | {inverse.width} | {write_count(predict_cost(inverse))}"
        return f"| {self.order} | {numbers} | {self.verdict} | {self.brute} | {proved} |"


def find_networks() -> dict[str, Path]:
    """Return the files of the networks, by name."""
    spec = importlib.util.find_spec("pgmpy")
    if spec is None or spec.origin is None:
        raise SystemExit("pgmpy is not installed: run `make networks`")
    folder = Path(spec.origin).parent / "utils" / "example_models"
    return {path.name.removesuffix(".bif.gz"): path for path in sorted(folder.glob("*.bif.gz"))}


def find_needs(inverse: Inverse) -> dict[object, set[object]]:
    """Return the least parents of each latent, asking networkx about one variable after another."""
    graph, known, needs = inverse.net.to_networkx(), set(inverse.net.observed), {}
    for latent in inverse.sampling_order:
        needs[latent] = {u for u in known if not nx.is_d_separator(graph, {latent}, {u}, known - {u})}
        known.add(latent)
    return needs


def judge(order: str, inverse: Inverse) -> Outcome:
    """Certify an inverse, and solve it by brute force if it is small."""
    certificate = rd.certify(inverse)
    verdict = "faithful, minimal" if certificate.faithful and certificate.minimal else repr(certificate)
    brute = "too large"
    if len(inverse.net) <= MOST_BRUTE:
        same = find_needs(inverse) == {latent: set(parents) for latent, parents in inverse.parents.items()}
        brute = "same" if same else "DIFFERENT"
    return Outcome(order, inverse, verdict, brute)


def write_section(name: str, model: DiscreteNetwork, outcomes: Sequence[Outcome]) -> str:
    """Return the table of one network: all of it is the same on every machine."""
    lines = [
        f"\n## {name}\n",
        f"{model.net!r}, {len(model.entries):,} probabilities.\n",
        "| order | edges | depth | width | step | verdict | brute force | |",
        "|---|--:|--:|--:|--:|---|---|---|",
        *(outcome.to_line() for outcome in outcomes),
    ]
    return "\n".join(lines)


def judge_all(model: DiscreteNetwork) -> list[Outcome]:
    """Invert a network by every order, and certify what comes out."""
    return [judge(order, inverse) for order, inverse, _ in run_orders(model.net, exact=False, budget=BUDGET)]


def write_page(paths: dict[str, Path]) -> Iterator[str]:
    """Give the page line by line."""
    yield HEAD.format(most=MOST_BRUTE)
    sections, overview = [], []
    for name, path in paths.items():
        model = rd.from_bif(path)
        outcomes = judge_all(model)
        best = min(outcomes, key=lambda outcome: outcome.inverse.n_edges)
        net = model.net
        overview.append(
            f"| {name} | {len(net)} | {net.n_edges:,} | {len(net.observed)} | {len(model.entries):,} | "
            f"{rd.reversal(net).n_edges:,} | {rd.certify(rd.reversal(net)).n_missing:,} | "
            f"{best.inverse.n_edges:,} |"
        )
        sections.append(write_section(name, model, outcomes))
        print(overview[-1], flush=True)
    yield (
        "| network | variables | edges | observed | probabilities | reversed edges | "
        "of the needed ones lacking | fewest edges |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    yield from overview
    yield from sections


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE)
    arguments = parser.parse_args()
    text = "\n".join(write_page(find_networks())) + "\n"
    arguments.out.write_text(stamp(text, *MADE_OF), encoding="utf-8")


if __name__ == "__main__":
    main()
