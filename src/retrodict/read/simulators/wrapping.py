"""A Python function that simulates, made a model: how it is called, what it gives, where its values lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError, SimulationError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name
from retrodict.plan.counts import read_count
from retrodict.plan.supports import DISCRETE, EVENT_AXES, NUMBERS
from retrodict.read.simulators.calling import Caller
from retrodict.read.simulators.simulator import Simulator

# Runs that are tried before a simulator counts as broken.
TRIES = 8


def from_simulator(
    net: BayesNet | Mapping[Any, Iterable[Name]] | None,
    simulate: Callable[..., Any],
    *,
    supports: Mapping[Name, Any] | None = None,
    observed: Iterable[Name] | None = None,
    prior: Callable[..., Any] | None = None,
    workers: int = 1,
    client: Any = None,
    folder: str | Path | None = None,
) -> Simulator:
    """Return a model around any Python function that simulates: no JAX, and no density.

    It is called once here, to see the shapes of what it gives. `amortize` runs it as often as ``simulations=`` says,
    outside of JAX, and trains on these runs.

    Arguments:
        net: the structure, which is taken as it is: certificates of it say that it was assumed. Parents of each
            variable will do, with ``observed=``. None: every variable depends on all before it, latents first.
        simulate: a function of a generator of NumPy, ``simulate(rng)``, or of a whole number, ``simulate(seed)``, that
            returns one run, ``{name: value}`` of all variables; with a second parameter ``n`` it returns n runs, the
            leading axis of each value. With ``prior=`` it is ``simulate(values, rng)``, and returns the rest. Errors
            that it raises are counted, and their runs set aside.
        supports: where latents lie, ``{name: support}``: ``"positive"`` or another name, ``(low, high)``, the number
            of states, or a `Variable`. Default: what the net says, else any real number.
        observed: names of the observed variables. Default: those of the net.
        prior: a function of a generator, or a seed, that returns the latents. Default: ``simulate`` draws all.
        workers: processes of joblib that run it; -1 for all cores. Default 1: this process.
        client: a ``dask.distributed`` client, or an executor of ``concurrent.futures``, in the place of processes.
        folder: where every run is kept; a later call takes from there what is there. Default: nothing is kept.

    Returns: a `Simulator`.

    Raises: `OptionError` for functions that need other arguments and supports that do not exist, `SimulationError`
        where the first run fails or lacks a variable.

    >>> def simulate(rng):
    ...     z = rng.gamma(2.0)
    ...     return {"z": z, "x": rng.poisson(z, size=5)}
    >>> model = from_simulator({"z": [], "x": ["z"]}, simulate, observed=["x"], supports={"z": "positive"})
    >>> model, model.net.variable("x").shape
    (Simulator(1 latent, 1 observed), (5,))
    """
    caller = Caller.of(simulate, prior)
    first = _try_once(caller)
    structure = _read_structure(net, first, observed)
    described = _describe(structure, first, dict(supports or {}))
    count = workers if workers == -1 else read_count("workers", workers)
    return Simulator(described, caller, count, client, None if folder is None else Path(folder))


def _try_once(caller: Caller) -> Mapping[Name, NDArray[Any]]:
    """Return one run; raise `SimulationError` where the first eight fail."""
    faults: list[str] = []
    for number in range(1 if caller.batched else TRIES):
        chunk = caller.run(0, number, number + 1)
        if chunk.good:
            return {name: values[0] for name, values in chunk.values.items()}
        faults += chunk.faults[:1]
    raise SimulationError(f"the simulator fails: {faults[0]}", remedy="Call it by itself, and correct it.")


def _read_structure(net: Any, first: Mapping[Name, Any], observed: Iterable[Name] | None) -> BayesNet:
    if net is None:
        if observed is None:
            raise OptionError("nothing says what is observed", remedy="Give observed=[...].")
        seen = list(observed)
        ordered = [name for name in first if name not in seen] + [name for name in first if name in seen]
        net = {name: ordered[:place] for place, name in enumerate(ordered)}
        return BayesNet(net, seen)
    if not isinstance(net, BayesNet):
        if observed is None:
            raise OptionError("nothing says what is observed", remedy="Give observed=[...], or a BayesNet.")
        return BayesNet(net, observed)
    return net if observed is None else net.observing(observed)


def _describe(net: BayesNet, first: Mapping[Name, Any], supports: dict[Name, Any]) -> BayesNet:
    """Return the structure with shapes as they are simulated, and supports as they are said."""
    lacking = [name for name in net.names if name not in first]
    if lacking:
        raise SimulationError(
            "the simulator gives no value of {names}", lacking, remedy="Return {name: value} of every variable."
        )
    strangers = [name for name in supports if name not in net.names]
    if strangers:
        raise OptionError("{names} {have} a support, and {are} no variable of the net", strangers)
    own = {name: _describe_one(name, np.shape(first[name]), supports.get(name)) for name in net.names}
    kept = {name: net.described[name] for name in net.described if name not in supports}
    parents = {name: net.parents(name) for name in net.names}
    return BayesNet(parents, net.observed, variables=[kept.get(name, own[name]) for name in net.names])


def _describe_one(name: Name, shape: tuple[int, ...], support: Any) -> Variable:
    size = int(np.prod(shape))
    if isinstance(support, Variable):
        return support
    if support is None:
        return Variable(name, size=size, shape=shape)
    if isinstance(support, int) and not isinstance(support, bool):
        return Variable(
            name, size=size, shape=shape, support="categorical", categories=support, bounds=(0, support - 1)
        )
    if isinstance(support, tuple | list) and len(support) == 2:
        return Variable(name, size=size, shape=shape, support="interval", bounds=(float(support[0]), float(support[1])))
    known = {*NUMBERS, *DISCRETE, *EVENT_AXES} - {"interval"}
    if support not in known:
        raise OptionError(
            f"the support {support!r} of {{names}} does not exist",
            [name],
            remedy=f"Give (low, high), the number of states, or one of {', '.join(sorted(known))}.",
        )
    if support == "boolean":
        return Variable(name, size=size, shape=shape, support="boolean", categories=2, bounds=(0, 1))
    bounds = (0.0, np.inf) if support == "count" else None
    return Variable(name, size=size, shape=shape, support=support, bounds=bounds)
