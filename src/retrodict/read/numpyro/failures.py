"""Programs that raise: which site was reached, and whether a latent decided something in Python."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from numpyro import handlers

from retrodict.errors import ProgramError, quote
from retrodict.read.numpyro.observed.given import list_foreign

CONCRETE = (
    jax.errors.ConcretizationTypeError,  # also its subclass for booleans
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)
MOST_RUNS = 20
OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
INSTALLED = f"{os.sep}site-packages{os.sep}"


class Diagnosis(NamedTuple):
    """What a program does with a value that only a run of it has, and the cure: for values of latents, and for data."""

    of_latents: str
    cure: str
    of_data: str
    cure_of_data: str


DECIDES = Diagnosis(
    "decides in Python (if, while, int(), range(), a function of math, an index of NumPy) on a value that depends on a "
    "latent",
    "Use jnp.where, jax.lax.cond, indexing of a jax.numpy array, or jax.numpy for math instead.",
    "decides in Python on data that JAX computes",
    "Compute them with NumPy, or before the program is called.",
)
HANDS_OVER = Diagnosis(
    "hands a value that depends on a latent to a function of NumPy or SciPy",
    "Use jax.numpy or jax.scipy (jnp.tanh for np.tanh), or jax.pure_callback for what JAX has not.",
    "hands data that JAX computes to a function of NumPy or SciPy",
    "Use jax.numpy or jax.scipy there, too.",
)


def explain(error: Exception, program: Any, reached: Sequence[str]) -> ProgramError:
    """Return the error to show for one that a program raised after reaching some sites."""
    last = list(dict.fromkeys(reached))
    foreign = list_foreign(program.args, program.kwargs)
    advice = f" Lists and pandas objects do not mix with latents: pass np.asarray(...) for {', '.join(foreign)}."
    ending = (advice if foreign else "") + _quote_line(error)
    if isinstance(error, CONCRETE):
        return _explain_concrete(error, program, last, ending)
    after = f" after the site {quote(last[-1:])}" if last else " before its first site"
    return ProgramError(
        f"the program {program.name!r} raised {write_error(error, after)}",
        remedy=f"Run it under handlers.seed and correct it.{ending}",
    )


def write_error(error: Exception, after: str = "") -> str:
    """Return the kind of an error, what came before it, and the first line of what it says."""
    first = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}{after} ({first[:300]})"


def _explain_concrete(error: Exception, program: Any, last: list[str], ending: str) -> ProgramError:
    """Return the error for a value that Python or NumPy asked for, and that only a run of the program has."""
    found = HANDS_OVER if isinstance(error, jax.errors.TracerArrayConversionError) else DECIDES
    culprits = _find_deciding(program, last)
    if culprits is None:
        return ProgramError(f"the program {program.name!r} {found.of_data}", remedy=f"{found.cure_of_data}{ending}")
    where = ": {names}" if culprits else " reached before or at {names}"
    return ProgramError(
        f"the program {program.name!r} {found.of_latents}{where}", culprits or last[-1:], remedy=f"{found.cure}{ending}"
    )


def _quote_line(error: Exception) -> str:
    """Return the last line of the user's own that led to an error."""
    outside = [
        frame.line
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.line and not frame.filename.startswith(OURS) and INSTALLED not in frame.filename
    ]
    return f" The line is: {outside[-1]}" if outside else ""


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
