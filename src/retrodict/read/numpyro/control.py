"""NumPyro's control flow as messages: what runs inside ``scan`` and ``cond``, and how to run a handler there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from numpyro.contrib.control_flow.cond import cond_wrapper
from numpyro.contrib.control_flow.scan import scan_wrapper

from retrodict.errors import ProgramError

# Runs a function under a handler; the second argument is the number of the iteration, None outside of scan.
Wrap = Callable[[Callable[..., Any], Any], Callable[..., Any]]


def is_replayed(message: dict[str, Any]) -> bool:
    """Return whether a site was met inside control flow and is only reported now."""
    return bool(message.get("_control_flow_done", False))


def kind_of(message: dict[str, Any]) -> str:
    """Return "scan" or "cond". Raises `ProgramError` for other control flow."""
    kinds = {scan_wrapper: "scan", cond_wrapper: "cond"}
    if message["fn"] not in kinds:
        name = getattr(message["fn"], "__name__", "control flow")
        raise ProgramError(
            f"the program uses {name}, which is not read", remedy="Use numpyro.contrib.control_flow.scan or cond."
        )
    return kinds[message["fn"]]


def enter(message: dict[str, Any], wrap: Wrap, *, keep_data: bool) -> None:
    """Change a control-flow message so that its functions run under a handler, in place.

    Data that ``handlers.condition`` has in store for its sites reach them only with ``keep_data``.
    """
    if not keep_data:
        message["kwargs"]["substitute_stack"] = []
    if kind_of(message) == "cond":
        predicate, when_true, when_false, operand = message["args"]
        message["args"] = (predicate, wrap(when_true, None), wrap(when_false, None), operand)
        return
    function, start, sequence, length, reverse = message["args"]
    if length is None:
        length = jnp.shape(jax.tree.leaves(sequence)[0])[0]

    def step(carry: Any, counted: tuple[Any, Any]) -> Any:
        i, here = counted
        return wrap(function, i)(carry, here)

    message["args"] = (step, start, (jnp.arange(length), sequence), length, reverse)
