"""A NumPyro program of which summaries are observed: deterministic sites, computed from data that it draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers
from numpyro.infer.inspect import get_model_relations

from retrodict.errors import ProgramError
from retrodict.files.digest import digest
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name, require_list, unknown
from retrodict.models.black_box import BlackBox
from retrodict.read.jaxpr.internals import spell
from retrodict.read.numpyro.assign import all_fresh, run
from retrodict.read.numpyro.observed.apart import require_data_apart
from retrodict.read.numpyro.program_structure import read_structure
from retrodict.read.numpyro.sites import Program, Site


@dataclass(frozen=True, eq=False, repr=False)
class SummarizedProgram(BlackBox):
    """A NumPyro program whose observed variables are deterministic sites, or some of them; `from_numpyro` makes one.

    What computes a summary has no density, so that the model is simulated, by JAX, and not scored.

    Arguments:
        net: the structure that the program was seen to have.
        program: the program.
        sites: its random sites, those behind the summaries too.
    """

    program: Program
    sites: Mapping[str, Site]
    assumed: ClassVar[bool] = False
    simulated: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"SummarizedProgram({self.program.name!r}, {self.net!r})"

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """Return joint draws, shape ``(n, layout.width)``: the program run on ``n`` keys at once."""
        return jax.vmap(self._draw_one)(jax.random.split(key, n))

    def digest(self) -> str:
        """Return the SHA-256 of the structure, and of operations and constants of the simulation."""
        text, constants = spell(jax.make_jaxpr(self._draw_one)(jax.random.key(0)))
        return digest(super().digest(), text, *map(np.asarray, constants))

    def _draw_one(self, key: jax.Array) -> jax.Array:
        names = list(map(str, self.net.names))
        drawn = run(self.program, self.sites, {}, all_fresh(self.sites), key, also=names)
        return jnp.concatenate([jnp.ravel(drawn[name]["value"]).astype(jnp.float32) for name in names])


def list_summaries(program: Program) -> dict[str, tuple[int, ...]]:
    """Return the shape of each deterministic site of a program."""
    found: dict[str, tuple[int, ...]] = {}

    def run(key: jax.Array) -> list[Any]:
        with handlers.trace() as trace, handlers.seed(rng_seed=key):
            program()
        sites = {name: site for name, site in trace.items() if site["type"] == "deterministic"}
        found.update({name: tuple(jnp.shape(site["value"])) for name, site in sites.items()})
        return []

    jax.eval_shape(run, jax.random.key(0))
    return found


def read_summarized(
    program: Program,
    sites: Sequence[Site],
    shapes: Mapping[str, tuple[int, ...]],
    observed: Iterable[Name],
    *,
    elementwise: bool,
) -> SummarizedProgram:
    r"""Return a program of which deterministic sites are observed, each a variable :math:`s = f(\mathrm{pa}(s))`.

    Sites with data in the program that are not named are what the summaries stand for: they are drawn within a
    simulation and are no variables, so that what uses the same data is joined. All other sites are latent.

    Raises `ProgramError` with ``elementwise=True``, for a program with a ``scan``, and where a summary is computed of
    the data themselves, not of what a site returns: it would be the same in every simulation.
    """
    named = require_list(observed, "observed=")
    known = {site.name: site for site in sites}
    missing = [name for name in named if name not in known and name not in shapes]
    if missing:
        raise unknown(missing, [*known, *shapes], "named in observed=")
    summaries = [name for name in shapes if name in set(named)]
    if elementwise or any(site.in_scan for site in sites):
        raise ProgramError(
            "{names} {are} deterministic, and programs whose summaries are observed are read site by site only",
            summaries,
            remedy="Leave out elementwise=True, and write a scan as a Python loop.",
        )
    parents = _relate(program, known, summaries)
    fixed = [name for name in summaries if not parents[name]]
    if fixed:
        raise ProgramError(
            "{names} {are} the same in every run: nothing that the program draws is used there",
            fixed,
            remedy="Compute summaries of what numpyro.sample returns, y = numpyro.sample('y', ..., obs=y).",
        )
    require_data_apart(program, sites, {site.name for site in sites}, summaries)
    behind = [site.name for site in sites if site.is_observed and site.name not in named]
    for name in reversed(behind):
        parents = eliminate(parents, name)
    variables = {variable.name: variable for variable in _describe_sites(program, sites)}
    described = [
        variables.get(name) or Variable(name, size=int(np.prod(shapes[name], dtype=np.int64)), shape=shapes[name])
        for name in parents
    ]
    return SummarizedProgram(BayesNet(parents, named, variables=described), program, known)


def eliminate(parents: Mapping[str, Sequence[str]], name: str) -> dict[str, list[str]]:
    """Return parents without a variable that is summed out; what used it is joined, in the order that is given.

    Each of its children depends on its parents then, on all earlier children, and on the parents of those.

    Source: Shachter 1986, Evaluating influence diagrams (removal of a chance node).

    >>> eliminate({"mu": [], "x": ["mu"], "mean": ["x"], "sd": ["x"]}, "x")
    {'mu': [], 'mean': ['mu'], 'sd': ['mu', 'mean']}
    """
    joined: dict[str, None] = dict.fromkeys(parents[name])
    found: dict[str, list[str]] = {}
    for child, own in parents.items():
        if child == name:
            continue
        if name in own:
            joined |= dict.fromkeys(parent for parent in own if parent != name)
            found[child] = list(joined)
            joined[child] = None
        else:
            found[child] = list(own)
    return found


def _relate(program: Program, sites: Mapping[str, Site], summaries: Sequence[str]) -> dict[str, list[str]]:
    """Return the parents of random sites and summaries among them, in the order of the program."""
    above = get_model_relations(program)["sample_sample"]
    kept = {*sites, *summaries}
    found: dict[str, list[str]] = {}
    for name in above:  # what a site needs is there already
        needed: dict[str, None] = {}
        for parent in above[name]:
            needed |= dict.fromkeys([parent] if parent in kept else found[parent])
        found[name] = list(needed)
    return {name: list(found[name]) for name in above if name in kept}


def _describe_sites(program: Program, sites: Sequence[Site]) -> Sequence[Variable]:
    net = read_structure(program, sites, [sites[0].name], elementwise=False).net
    return [net.variable(name) for name in net.names]
