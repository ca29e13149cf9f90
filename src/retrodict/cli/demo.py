"""The paper's claim on one screen: figure 1 counted and proved, figure 2 trained at depth 5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from retrodict import zoo
from retrodict.certificate.certify import certify
from retrodict.files.places import require_writable
from retrodict.invert import invert, reversal
from retrodict.packages import explain_missing
from retrodict.paper.experiment import Result
from retrodict.paper.figure2.bands import draw_depth
from retrodict.paper.figure2.entries import ENTRIES, TreeBudget
from retrodict.paper.figure2.units import TreeUnit, run_unit

ENCODERS = ("heuristic", "standard", "minimal-auto")
# Of both layers of each network of the heuristic; half of the paper's, so that the demo takes two minutes.
WIDTH = 100


def run_demo(folder: Path, console: Console, budget: TreeBudget | None = None, depth: int = 5) -> Path | None:
    """Print figure 1, train the three encoders of figure 2, print the table, and return the path of the figure.

    Without matplotlib there is no figure, which is said before anything is trained, and None is returned.
    Raises `FileError` when the figure cannot be written, before anything is trained.
    """
    budget = budget or TreeBudget()
    path, missing = folder / f"figure2_depth{depth}.png", explain_missing()
    if missing:
        console.print(f"The figure will be left out, the tables will not: {missing}\n", style="yellow", markup=False)
    else:
        require_writable(path)
    _tell_figure1(console)
    model = zoo.binary_tree(depth)
    console.print(
        f"\n[bold]Figure 2[/bold]  binary tree of depth {depth}: {len(model.net.latents)} latents, "
        f"{len(model.net.observed)} observed; {budget.epochs} epochs of 25 minibatches of {budget.batch} simulations; "
        "equal numbers of parameters in use"
    )
    results = [run_unit(TreeUnit(depth, encoder, WIDTH, 0), budget) for encoder in ENCODERS]
    console.print(_tabulate(results))
    console.print(
        "In use and stored count parameters. Nearly full masks store what they switch off, others do not. KL (nats) "
        "is from the exact posterior, over 20,000 fresh draws. The floor is what the best encoder with these edges "
        "could reach, in closed form.",
        highlight=False,
    )
    if missing:
        return None
    draw_depth(results, model.kl_floor(reversal(model.net)), path)
    console.print(f"Both panels of the figure are in {path}")
    return path


def _tell_figure1(console: Console) -> None:
    model = zoo.binary_tree(3)
    heuristic, faithful = reversal(model.net), invert(model, order="forward")
    missing = certify(heuristic).missing
    console.print(
        f"[bold]Figure 1[/bold]  binary tree of depth 3: the reversed edges are {heuristic.n_edges}, "
        f"a faithful inverse has {faithful.n_edges} edges (faithful: {certify(faithful).faithful}, "
        f"minimal: {certify(faithful).minimal})."
    )
    console.print(f"The reversal lacks {len(missing)} edges, each proved by an open path of the model:")
    for edge in missing:
        console.print(f"  {edge.parent} -> {edge.child}   because of   {edge.drawing}", highlight=False)


def _tabulate(results: Sequence[Result[TreeUnit]]) -> Table:
    table = Table(title="Distance from the exact posterior", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("encoder", no_wrap=True)
    for column in ("edges", "in use", "stored", "KL", "±", "floor", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        entry, facts = ENTRIES[result.unit.encoder], result.facts
        failed = facts["kl"] is None
        table.add_row(
            f"({entry.letter}) {entry.title}",
            f"{facts['edges']}",
            f"{facts['in_use']:,}",
            f"{facts['stored']:,}",
            "failed" if failed else f"{facts['kl']:.3f}",
            "" if failed else f"{facts['kl_error']:.3f}",
            f"{facts['floor']:.3f}",
            f"{facts['seconds']:.0f}",
        )
    return table
