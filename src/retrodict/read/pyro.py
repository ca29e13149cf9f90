"""The structure of Pyro programs, read from runs in which every value knows what it was computed from.

A run is one run: what the program does in Python with the numbers it drew leaves no trace. So it is watched for
numbers that leave the tensors, and several runs are compared.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from retrodict.errors import SourceError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name
from retrodict.packages import require

RUNS = 5
ESCAPES = {
    "__bool__": "decides something in Python (if, while, and, or)",
    "__float__": "turns into a Python float",
    "__int__": "turns into a Python integer",
    "__index__": "turns into a Python integer",
    "__array__": "turns into a NumPy array",
    "item": "turns into a Python number (.item())",
    "numpy": "turns into a NumPy array",
    "tolist": "turns into a list",
}
LOSSES = "goes into a tensor that forgets where it came from (an item or a buffer that is written in place)"


@dataclass(frozen=True)
class Run:
    """What one run of a program showed: the parents and the size of each site, and those observed."""

    parents: dict[str, tuple[str, ...]]
    sizes: dict[str, int]
    observed: tuple[str, ...]


def from_pyro(
    program: Callable[..., Any], *args: Any, observed: Iterable[Name] | None = None, **kwargs: Any
) -> BayesNet:
    """Return the structure of a Pyro program.

    A site is one variable, whatever its shape. Deterministic sites are contracted. The program is run five times
    with different seeds; Pyro's parameters and the state of the random numbers are left as they were.

    Arguments:
        program: the program, a function.
        *args: arguments with which the program is called.
        observed: names of the observed sites. Default: the sites with ``obs=``.
        **kwargs: arguments by name with which the program is called.

    Returns: a `BayesNet`.

    Raises: `SourceError` for what Pyro would silently get wrong, where that can be seen: a drawn value that leaves the
    tensors (a branch in Python, ``.item()``, NumPy), one written into a tensor in place, and sites or dependencies
    that are not the same in all runs. `MissingPackageError` without Pyro, and what `BayesNet` raises.

    Source: the provenance tracking of Pyro, ``pyro.infer.inspect.get_model_relations``.
    """
    if not callable(program):
        raise SourceError(f"from_pyro needs a program that can be called, not a {type(program).__name__}")
    runs = [_run(program, args, kwargs, seed) for seed in range(RUNS)]
    _require_equal(runs)
    run = runs[0]
    described = [Variable(name, size=size) for name, size in run.sizes.items()]
    return BayesNet(run.parents, run.observed if observed is None else observed, variables=described)


def _run(program: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], seed: int) -> Run:
    """Run a program once under watch."""
    pyro = require("pyro", extra="pyro", purpose="to read its programs")
    inspect = require("pyro.infer.inspect", extra="pyro", purpose="to read its programs")
    escapes: list[str] = []
    with _isolated(pyro, seed):
        trace = pyro.poutine.trace(program).get_trace(*args, **kwargs)
    with _isolated(pyro, seed), contextlib.ExitStack() as stack:
        stack.enter_context(_watch(escapes))
        try:
            relations = inspect.get_model_relations(program, args, kwargs)
        except Escape:
            pass
        except Exception:
            if not escapes:  # Pyro wraps what is raised inside a program
                raise
    if escapes:
        raise SourceError(escapes[0], remedy="Keep it in tensors: torch.where, torch.stack, indexing.")
    return _summarize(relations, {name: site["value"] for name, site in trace.nodes.items() if "value" in site})


def _summarize(relations: dict[str, Any], values: dict[str, Any]) -> Run:
    """Return what a run showed, without the deterministic sites, through which Pyro looks to what is behind them."""
    seen = set(relations["observed"])
    kept = [
        name
        for name, kind in relations["sample_dist"].items()
        if kind != "Deterministic" and not (kind == "Delta" and name not in seen)
    ]
    given = relations["sample_sample"]
    return Run(
        {name: tuple(parent for parent in kept if parent in given[name]) for name in kept},
        {name: max(1, values[name].numel()) for name in kept},
        tuple(name for name in kept if name in seen),
    )


class Escape(Exception):  # noqa: N818
    """Ends a run in which a value left the tensors."""


@contextlib.contextmanager
def _isolated(pyro: Any, seed: int) -> Iterator[None]:
    """Seed all random numbers, with no parameters stored, and put everything back afterwards."""
    state = pyro.util.get_rng_state()
    try:
        with pyro.get_param_store().scope():
            pyro.set_rng_seed(seed)
            yield
    finally:
        pyro.util.set_rng_state(state)


def _watch(escapes: list[str]) -> Any:
    """Return a context in which a drawn value that leaves the tensors is noted, and ends the run."""
    import torch
    from pyro.ops.provenance import get_provenance
    from torch.overrides import TorchFunctionMode

    def complain(sites: Iterable[str], what: str) -> None:
        escapes.append(f"the value of {', '.join(map(repr, sorted(sites)))} {what}, where dependencies are lost")
        raise Escape

    class Watch(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            sites = get_provenance([args, kwargs])
            if not sites or not _is_called_by_user(sys._getframe(1)):
                return function(*args, **kwargs)
            name = getattr(function, "__name__", "")
            if name in ESCAPES:
                complain(sites, ESCAPES[name])
            if _writes_in_place(name) and sites - get_provenance(args[0]):
                complain(sites - get_provenance(args[0]), LOSSES)
            result = function(*args, **kwargs)
            if isinstance(result, torch.Tensor) and sites - get_provenance(result):
                complain(sites - get_provenance(result), LOSSES)
            return result

    return Watch()


def _writes_in_place(function: str) -> bool:
    """Whether a function of PyTorch with this name changes its first argument and is not an augmented assignment."""
    return function == "__setitem__" or (function.endswith("_") and not function.endswith("__"))


def _is_called_by_user(frame: FrameType | None) -> bool:
    """Whether the code that asks is neither PyTorch's nor Pyro's own."""
    while frame is not None and frame.f_globals.get("__name__") in (__name__, "torch._tensor", "torch.overrides"):
        frame = frame.f_back
    module = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
    return module.partition(".")[0] not in ("torch", "pyro")


def _require_equal(runs: list[Run]) -> None:
    """Raise `SourceError` for a program whose runs differ."""
    for run in runs[1:]:
        differing = sorted(
            name
            for name in {*runs[0].parents, *run.parents}
            if runs[0].parents.get(name) != run.parents.get(name) or runs[0].sizes.get(name) != run.sizes.get(name)
        )
        if differing or runs[0].observed != run.observed:
            raise SourceError(
                "the program does not have the same structure in every run: {names} {are} different",
                differing,
                remedy="Sites, their sizes and their parents must not depend on what was drawn.",
            )
