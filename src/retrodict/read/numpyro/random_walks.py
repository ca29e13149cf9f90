"""Random walks that NumPyro draws as one vector, written as a loop: one variable for each time, its own parent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpyro
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.contrib.control_flow import scan
from numpyro.infer.reparam import Reparam

from retrodict.graph.names import Name
from retrodict.read.numpyro.sites import Program, Site

STEP = "_step"  # what is added to the name of a site for its steps


class WalkReparam(Reparam):  # type: ignore[misc]
    """Draw a Gaussian random walk step by step, at a site of its own; the walk is a deterministic site then."""

    def __call__(self, name: str, fn: Any, _: Any) -> tuple[None, Any]:
        """Return the whole walk."""
        walk, _, _ = self._unwrap(fn)

        def step(before: Any, _: Any) -> tuple[Any, Any]:
            here = numpyro.sample(f"{name}{STEP}", dist.Normal(before, walk.scale))
            return here, here

        _, values = scan(step, 0.0, None, length=walk.num_steps)
        return None, values


def expand_walks(program: Program, sites: Sequence[Site], observed: Iterable[Name]) -> tuple[Program, dict[str, str]]:
    """Return a program whose latent random walks are loops, and for each new site the walk that it is.

    A walk inside of a plate stays one vector: NumPyro has no loops there.
    """
    seen = set(observed)
    walks = [
        site.name
        for site in sites
        if site.distribution == "GaussianRandomWalk"
        and len(site.shape) == 1
        and not (site.in_scan or site.plates or site.is_observed or site.name in seen)
    ]
    if not walks:
        return program, {}
    written = handlers.reparam(program.function, config={name: WalkReparam() for name in walks})
    return Program(written, program.args, program.kwargs), {f"{name}{STEP}": name for name in walks}
