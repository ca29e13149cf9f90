"""The road from a template model to its posterior: invert, build, start at regressions, train at all sizes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.keys import make_key, split_key
from retrodict.encode.lifted.build_lifted import build_lifted, start_lifted
from retrodict.encode.lifted.lifted_drawing import is_drawable, list_stages
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.errors import OptionError, quote
from retrodict.exact.lifted.find_lifted import LiftedForms, find_lifted_forms, keep_suffix, list_exact
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.lifting import lift
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.template_model import TemplateModel
from retrodict.plan.counts import read_seed
from retrodict.posterior.lifted.lifted_posterior import LiftedPosterior
from retrodict.train.compiled import TRAINING
from retrodict.train.history import History
from retrodict.train.lifted.lifted_training import fit_lifted
from retrodict.train.lifted.template_simulations import TemplateSimulator
from retrodict.train.loop import Plan

# Simulations that inputs are standardized over, and regressions made of.
FIRST_SIMULATIONS = 1024


def amortize_template(
    source: TemplateModel,
    order: Any,
    vary: Mapping[str, tuple[int, int]] | None,
    missing: float | Mapping[str, float],
    plan: Plan | None,
    seed: int,
    *,
    conditional: str | Conditional = "auto",
    exact: bool = True,
    quiet: bool = False,
) -> LiftedPosterior:
    """Return the posterior of a template, trained for all sizes that ``vary`` and with observations missing.

    Latents with closed forms are drawn last, from these, unless not ``exact``; networks learn the rest, on simulations
    in which these are integrated out.

    Raises `OptionError` for dims, sizes and shares that do not fit, and for latents that one pass cannot hold.
    """
    space = TemplateSpace(source)
    ranges, shares = read_ranges(source, vary), read_shares(source, missing)
    typical = {dim: (low + high) // 2 or 1 for dim, (low, high) in ranges.items()} or None
    inverse, forms = _choose_forms(source, order, typical, find_lifted_forms(source) if exact else ())
    if conditional == "auto":
        conditional = "normal" if isinstance(source.model, LinearGaussian) else "mixture"
    build, first, fit = split_key(make_key(read_seed(seed)), 3)
    simulator = TemplateSimulator(space, ranges, shares)
    cells = TRAINING.run(simulator, first, FIRST_SIMULATIONS)
    built = build_lifted(inverse, space, cells, build, conditional=conditional, without=list_exact(forms))
    encoder, history = start_lifted(built, cells), History()
    if plan is not None and encoder.plans:
        encoder, history = fit_lifted(encoder, simulator, plan, fit, quiet=quiet)
    return LiftedPosterior(source, inverse, encoder, ranges, shares, history, forms)


def _choose_forms(
    source: TemplateModel, order: Any, typical: Mapping[str, int] | None, found: LiftedForms
) -> tuple[LiftedInverse, LiftedForms]:
    """Return the inverse, and the closed forms that end it: as many of those found as leave it drawable.

    Groups that are drawn before what they share, since that has a form given them, hang on one another: they would be
    drawn in turn. Then networks draw what they share first.
    """
    for size in range(len(found), 0, -1):
        for forms in combinations(found, size):
            inverse = lift(source.template, order, typical, list_exact(forms))
            kept = keep_suffix(forms, inverse.schedule.drawn, source.template)
            if kept and is_drawable(inverse.schedule, list_exact(kept)):
                return inverse, kept
    inverse = lift(source.template, order, typical, ())
    list_stages(inverse.schedule)
    return inverse, ()


def read_ranges(source: TemplateModel, vary: Mapping[str, tuple[int, int]] | None) -> dict[str, tuple[int, int]]:
    """Return the least and greatest size of each dim that varies; raise `OptionError` for others."""
    found = {}
    for dim, ends in (vary or {}).items():
        if dim not in source.sizes:
            raise OptionError(f"vary= names {dim!r}, which is no dim of the template", remedy=_list_dims(source))
        try:
            low, high = (int(end) for end in ends)
        except (TypeError, ValueError):
            low, high = 0, 0
        if not 1 <= low <= high <= source.sizes[dim]:
            raise OptionError(
                f"vary={{{dim!r}: {ends!r}}} is no range of sizes from 1 to {source.sizes[dim]}, the size at which the "
                "program was read",
                remedy="Give the least and the greatest, or read the program at a larger size.",
            )
        found[dim] = (low, high)
    return found


def _list_dims(source: TemplateModel) -> str:
    return f"It has {quote(source.sizes)}." if source.sizes else "It has none."


def read_shares(source: TemplateModel, missing: float | Mapping[str, float]) -> dict[str, float]:
    """Return the share of each observed variable that is missing on average; raise `OptionError` for what may not be.

    A number stands for all observations without children; a missing one of these leaves no trace in the model.
    """
    template = source.template
    parents = {relation.parent for relation in template.relations}
    leaves = [name for name in template.observed if name not in parents]
    if isinstance(missing, Mapping):
        wrong = [name for name in missing if name not in leaves]
        if wrong:
            raise OptionError(
                "missing= names {names}, which {are} no observed variable without children",
                wrong,
                remedy=f"Choose among {quote(leaves)}." if leaves else "There is none.",
            )
        shares = {name: float(share) for name, share in missing.items()}
    else:
        shares = dict.fromkeys(leaves, float(missing))
    bad = [name for name, share in shares.items() if not (0 <= share < 1 and np.isfinite(share))]
    if bad:
        raise OptionError("missing= is no share of {names} from 0 to below 1", bad, remedy="Give 0.3, for example.")
    return {name: share for name, share in shares.items() if share > 0}
