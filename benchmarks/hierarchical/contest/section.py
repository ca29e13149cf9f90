"""The section of docs/benchmarks-hierarchical.md on other packages, from the results of the contest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.hierarchical.contest.arena import BUDGET, COUNT, STEPS
from benchmarks.hierarchical.contest.models import TASKS, Task

GIVEN = f"""
## Beside other packages

Every entrant is given the same model, the same {COUNT} data sets at each size, and one thread. Training counts in
seconds of the processor, as the machine had other work: about {BUDGET:.0f} for each peer, as stated; of sbi the
number of epochs is set after the first, and its hierarchy had a budget of 60, as long as networks alone. Compilation
counts for ours and not for BayesFlow. The sizes of training are drawn evenly, for each data set.

- **retrodict** is `amortize` by default, with at most {STEPS:,} steps: nothing is learned but the spread of schools.
  **weighted** are draws chosen by the weights of `importance`. **retrodict, networks alone** is `exact=False`.
- **BayesFlow, multilevel** is `MultilevelEstimator` of BayesFlow 2.1, one of its experimental parts, with its own
  encoders, simulator, standardization and factorization, and coupling flows. Its data are in long format; where cells
  are missing, each batch has another shape and is compiled anew, so that 110 seconds were enough for 80 steps.
- **BayesFlow, autoregressive** is `AutoregressiveEstimator`, which smooths: an encoder and a decoder (transformers,
  its own), and a coupling flow for one state after the other, on padded series with their masks.
- **BayesFlow, flat** is `BasicWorkflow` with a coupling flow, for the global latents and one group. Its summary
  network is `SetTransformer`, for series `TimeSeriesTransformer`, on padded rows with their mask. The group that is
  asked, and the root of the number of rows, are conditions of their own.
- **sbi NPE** is a masked autoregressive flow with `PermutationInvariantEmbedding` on 50,000 stored simulations,
  padded with NaN, and the group that is asked beside the embedding. Batches, rates and stopping are sbi's own. The
  embedding of sbi 0.27 counts rows of other data sets where rows have several columns; here it is given the right
  numbers.

Those of BayesFlow draw their simulations as they train, 64 a batch, with the optimizer of its workflows, whose cosine
follows the time that is spent; all else is as it is by default. Peers learn the spread between schools on the log
scale.

Each cell has the root mean square error of posterior means in exact standard deviations, the geometric mean of
standard deviations over exact ones, and the share of truths inside central intervals of 90%: of the global latents
and one group, or of the first state, the middle one and the last. So many exact draws have errors of 0.10 (100
draws), 0.04 (500) or 0.03 (1,000). Over so few truths the standard error of a coverage is 3%. The last column has the
seconds of the processor for 1,000 draws of a data set of the largest size, compiled; peers are asked all data sets at
once.
"""
HEAD = """
| | training, s | steps | draws | {dims} | seconds |
|---|--:|--:|--:|{lines}--:|
"""
NOT_STATED = """
### What no peer can state

| model | why |
|---|---|
| plate of series with shared parameters | groups have states along time: BayesFlow's multilevel graph has no edges \
along time, and its autoregressive estimator is for one series |
| hidden Markov models | states are finite, and these networks are for real latents |
| groups without data, forecasts | ours draws them from the model's own conditionals; peers must be trained for each |

BayesFlow's multilevel graph states three levels, crossed plates and missing cells, which are rows that are not there.
Other peers need marks for missing cells, and flat ones answer for one group. A set has no order, so sbi's embedding
of sets is not asked for series.
"""


OURS = ("retrodict", "retrodict, networks alone")
SETS = ("BayesFlow, flat", "BayesFlow, multilevel", "sbi NPE")
ENTRANTS: Mapping[str, tuple[str, ...]] = {
    "j": (*OURS, *SETS),
    "schools": (OURS[0], "retrodict, weighted", OURS[1], *SETS),
    "t": (*OURS, "BayesFlow, flat", "BayesFlow, autoregressive"),
}


def write_contest(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the section, or nothing where nothing was run."""
    tables = [write_table(name, task, results[name]) for name, task in TASKS.items() if name in results]
    return GIVEN + "".join(tables) + name_unmeasured(results) + NOT_STATED if tables else ""


def name_unmeasured(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a paragraph on entrants that have no result yet."""
    lacking = {
        name: [entrant for entrant in ENTRANTS[task.dim] if entrant not in results.get(name, {})]
        for name, task in TASKS.items()
    }
    rows = "".join(f"- {name}: {'; '.join(own)}\n" for name, own in lacking.items() if own)
    return f"\nNot measured yet:\n\n{rows}" if rows else ""


def write_table(name: str, task: Task, entrants: Mapping[str, Any]) -> str:
    """Return the table of a task: error of means, ratio of standard deviations and coverage at each size."""
    dims = " | ".join(f"{task.dim}: {size}{'' if size <= task.most else ', beyond'}" for size in task.sizes)
    head = HEAD.format(dims=dims, lines="---|" * len(task.sizes))
    asked = ", ".join(f"`{own}`" for own in task.asked)
    sizes = f"Trained for {task.dim} from {task.least} to {task.most}"
    rows = [write_row(own, entrants[own]) for own in ENTRANTS[task.dim] if own in entrants]
    return f"\n### {name.capitalize()}\n\n{sizes}; asked are {asked}.\n{head}{''.join(rows)}"


def write_row(entrant: str, own: Mapping[str, Any]) -> str:
    """Return the row of an entrant."""
    cells = " | ".join(
        f"{size['mean']:.2f} sd; {size['ratio']:.2f}; {size['coverage']:.0%}" for size in own["sizes"].values()
    )
    cost = f"{own['seconds']:.0f} | {own['steps']:,} | {own['draws']:,}"
    return f"| {entrant} | {cost} | {cells} | {list(own['sizes'].values())[-1]['seconds']:.2f} |\n"
