"""Programs that raise: which site was reached, and whether a latent decided something in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from numpyro import handlers

from retrodict.errors import ProgramError, quote

CONCRETE = (
    jax.errors.ConcretizationTypeError,  # also its subclass for booleans
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)
MOST_RUNS = 20


def explain(error: Exception, program: Any, reached: Sequence[str]) -> ProgramError:
    """Return the error to show for one that a program raised after reaching some sites."""
    last = list(dict.fromkeys(reached))
    if isinstance(error, CONCRETE):
        culprits = _find_deciding(program, last)
        if culprits is None:
            return ProgramError(
                f"the program {program.name!r} decides in Python on data that JAX computes",
                remedy="Compute them with NumPy.",
            )
        where = culprits or last[-1:]
        return ProgramError(
            f"the program {program.name!r} decides in Python (if, while, int(), range(), an index of NumPy) on a value "
            f"that depends on a latent{'' if culprits else ' reached before or at'}",
            where,
            remedy="Use jnp.where, jax.lax.cond or indexing of a jax.numpy array instead.",
        )
    shown = str(error).strip().split("\n")[0][:300]
    after = f" after the site {quote(last[-1:])}" if last else " before its first site"
    return ProgramError(
        f"the program {program.name!r} raised {type(error).__name__}{after} ({shown})",
        remedy="Run it under handlers.seed and correct it.",
    )


def _find_deciding(program: Callable[[], Any], names: Sequence[str]) -> list[str] | None:
    """Return the sites without whose values a program cannot go on; None when it can, without any of them."""
    if not _runs(program, abstract=""):
        return []
    found = [name for name in names[:MOST_RUNS] if not _runs(program, abstract=name)]
    return found if found or len(names) > MOST_RUNS else None


def _runs(program: Callable[[], Any], abstract: str) -> bool:
    """Return whether a program runs with all values at hand but that of one site, known by its shape only."""

    def run(zero: jax.Array) -> Any:
        def hide(site: dict[str, Any]) -> Any:
            if site["name"] != abstract or site["type"] != "sample" or site["is_observed"]:
                return None
            value = site["fn"](rng_key=jax.random.key(0), sample_shape=site["kwargs"]["sample_shape"])
            return value + zero.astype(jnp.result_type(value))

        with jax.ensure_compile_time_eval(), handlers.seed(rng_seed=0), handlers.substitute(substitute_fn=hide):
            program()
        return zero

    try:
        jax.eval_shape(run, jnp.zeros(()))
    except CONCRETE:
        return False
    except Exception:  # something else is wrong once this is out of the way: say what was found
        return True
    return True
