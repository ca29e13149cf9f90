"""One entry to all elimination orders, and the choice among them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

from retrodict.errors import OptionError, OrderError
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name, require_list
from retrodict.invert.asked.asking import ask
from retrodict.invert.asked.downstream import invert_downstream_exactly, invert_downstream_well
from retrodict.invert.baselines import BASELINES
from retrodict.invert.constraints import read_constraints
from retrodict.invert.objectives import read_objective
from retrodict.invert.orders import ORDERS
from retrodict.invert.portfolio import invert_exactly, invert_well
from retrodict.invert.problem import Problem
from retrodict.invert.search.improvement import Allowance
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.lifting import lift
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.templates.template import HasTemplate, Template

# What `budget` is translated into: about what a core of 2020 does. No clock is read.
WORK_PER_SECOND = 200_000


@overload
def invert(
    net_or_model: Template | HasTemplate,
    order: str | Schedule | LiftedInverse = "auto",
    *,
    sizes: Mapping[str, int] | None = None,
    may_be_missing: Iterable[str] = (),
) -> LiftedInverse: ...
@overload
def invert(
    net_or_model: BayesNet | HasStructure,
    order: str | Sequence[Name] | Inverse = "auto",
    minimize: str | Callable[[Inverse], float] = "edges",
    *,
    given: Iterable[Name] | None = None,
    of: Iterable[Name] | None = None,
    first: Iterable[Name] = (),
    last: Iterable[Name] = (),
    together: Iterable[Iterable[Name]] = (),
    in_sequence: Iterable[Iterable[Name]] = (),
    budget: float = 1.0,
) -> Inverse: ...
def invert(
    net_or_model: Any,
    order: Any = "auto",
    minimize: str | Callable[[Inverse], float] = "edges",
    *,
    given: Iterable[Name] | None = None,
    of: Iterable[Name] | None = None,
    first: Iterable[Name] = (),
    last: Iterable[Name] = (),
    together: Iterable[Iterable[Name]] = (),
    in_sequence: Iterable[Iterable[Name]] = (),
    budget: float = 1.0,
    sizes: Mapping[str, int] | None = None,
    may_be_missing: Iterable[str] = (),
) -> Any:
    r"""Return an inverse of a model: a faithful and minimal factorization of its posterior.

    Barren latents are set aside. The others are eliminated from the moral graph in the given order; the parents of
    each are its neighbors at that moment, :math:`\mathrm{Pa}(z_i) = N_J(z_i)`.

    With ``given`` and ``of`` it is the factorization of any part of the variables given any other,
    :math:`p(of \mid given)`. Variables in neither are hidden: integrated out before anything is ordered. Barren is
    then what informs nothing given and has no hidden parent. See `docs/queries.md`.

    A `Template` is inverted once for all sizes: ``order`` is ``"auto"`` or a schedule such as
    ``"(mu; turn j: (b); each i: (a))"``, see `docs/templates.md`; what follows ``order`` is for models alone.

    Arguments:
        net_or_model: a model or its structure, or a `Template`, or what `from_numpyro` reads with ``template=True``.
        order: the order of elimination, by name or as a sequence. Every function and command with an ``order`` takes
            the same. Default ``"auto"``.

            * ``"forward"``, ``"reverse"``: CoMI, the paper's algorithm.
            * ``"min-fill"``: at each step the latent whose elimination adds the fewest edges.
            * ``"min-degree"``: at each step the latent with the fewest neighbors; faster on large graphs with loops.
            * ``"nested-dissection"``: separators last; the least possible depth for chains and trees.
            * ``"exact"``: proved to have the least edges, depth or width of all orders. It takes up to about 25
              connected latents, not counting those whose neighbors are all joined; about 15 latents in all under
              ``together`` or ``in_sequence``.
            * ``"auto"``: the best of all these. Each part of the model is solved exactly where that is quick (always
              up to about 12 latents; ``strategy`` is then ``"exact"``) and improved by local search otherwise, without
              a proof. Above 5,000 latents nothing is improved, and two orders are tried: the better natural direction
              (``strategy`` is ``"natural"``), and nested dissection where depth is minimized, or where dissection
              takes linear time and the natural order has more than log2(n) edges for each variable.
            * a sequence of all latents, eliminated in this order; barren ones are taken out of it.
            * ``"reversal"``, ``"mean-field"``, ``"fully-connected"``: a baseline, which eliminates nothing and need be
              neither faithful nor minimal.
            * an `Inverse` of this model, which is returned as it is.
        minimize: what ``"auto"`` and ``"exact"`` look for: ``"edges"``, ``"depth"``, ``"width"`` or, for ``"auto"``, a
            function from an `Inverse` to a number. The others decide ties. Default ``"edges"``.
        given: the variables that are given. Default: those that are observed.
        of: the variables that are asked for, the latents of the result; the others are hidden. Default: all that are
            not given.
        first: latents with which the elimination begins, in this sequence. The sampling order is the reverse.
        last: latents with which the elimination ends, in this sequence.
        together: groups of latents, each eliminated without others in between. Groups may be nested; groups that
            overlap otherwise are refused, even where an order would respect them.
        in_sequence: groups of latents, each eliminated in this sequence, others in between allowed.
        budget: limit of the local search, in seconds of a core of about 2020; 0 for none. The budget is translated
            into a fixed amount of work, so the result is the same on every machine. Default 1.0.
        sizes: for a template typical sizes, which decide which side of a crossing is drawn in turn. Default: those at
            which a program was read; 20 for a plate, 100 for time.
        may_be_missing: for a template observed variables of which any instance may be missing.

    Named orders are changed as little as the constraints (``first`` to ``in_sequence``) demand; an explicit order must
    respect them; baselines and a given `Inverse` take none. Barren latents are never eliminated, so no constraint
    applies to them.

    Returns: an `Inverse`; ``strategy`` says which order made it. Of a template a `LiftedInverse`.

    Raises: `GraphError` where nothing is given or asked for, or something both; `UnknownVariableError` for names that
    are not in the model; `OrderError` for an order that does not exist, is not a permutation of the latents or breaks
    a constraint, for constraints that contradict each other or name anything but latents, and for ``"exact"`` on too
    many latents; `OptionError` for a wrong ``minimize`` or ``budget``, a function that fails, an `Inverse` of another
    model, and constraints on what eliminates nothing.

    Source: Webb et al. 2017, sections 1 and 3; figure 1 is the tree of this example.

    >>> tree = {"x0": [], "x1": ["x0"], "x2": ["x0"], "x3": ["x1"], "x4": ["x1"], "x5": ["x2"], "x6": ["x2"]}
    >>> net = BayesNet(tree, observed=["x3", "x4", "x5", "x6"])
    >>> invert(net, order="forward").n_edges
    9
    >>> invert(net, order=["x1", "x2", "x0"]).parents["x0"]
    ('x3', 'x4', 'x5', 'x6')
    >>> invert(net, last=["x1"], in_sequence=[["x2", "x0"]]).sampling_order
    ('x1', 'x0', 'x2')
    >>> invert(net, "mean-field").parents["x0"] == net.observed
    True
    >>> dict(invert(net, given=["x0", "x3"], of=["x1", "x5"]).parents)
    {'x1': ('x0', 'x3'), 'x5': ('x0',)}
    >>> invert(Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])).parents["z"]
    ('z[t-1]', 'x[t..T-1]')
    """
    if isinstance(net_or_model, HasTemplate):
        net_or_model, sizes = net_or_model.template, sizes or net_or_model.sizes
    if isinstance(net_or_model, Template):
        _refuse_options(
            given=given is not None,
            of=of is not None,
            minimize=minimize != "edges",
            first=first,
            last=last,
            together=together,
            in_sequence=in_sequence,
            budget=budget != 1.0,
        )
        return lift(net_or_model.allowing_missing(may_be_missing) if may_be_missing else net_or_model, order, sizes)
    if sizes is not None or may_be_missing:
        raise OptionError(
            "sizes= and may_be_missing= are for templates",
            remedy="Give a rd.Template, or choose what is observed with net.observing(names).",
        )
    return _invert_model(
        ask(net_or_model, given, of),
        order,
        minimize,
        budget,
        first=first,
        last=last,
        together=together,
        in_sequence=in_sequence,
    )


def _refuse_options(**options: Any) -> None:
    named = [f"{name}=" for name, given in options.items() if (given if isinstance(given, bool) else list(given))]
    if named:
        raise OptionError(
            f"{' and '.join(named)} cannot be asked for a template",
            remedy="Write the schedule that is wanted as order=, or invert template.at(sizes).",
        )


def _invert_model(
    net_or_model: BayesNet | HasStructure,
    order: str | Sequence[Name] | Inverse,
    minimize: str | Callable[[Inverse], float],
    budget: float,
    **constraints: Any,
) -> Inverse:
    if isinstance(order, Inverse) or (isinstance(order, str) and order in BASELINES):
        _refuse_constraints(order, **constraints)
        return BASELINES[order](net_or_model) if isinstance(order, str) else _require_same(net_or_model, order)
    objective = read_objective(minimize)
    allowance = read_budget(budget)
    problem = Problem.of(net_or_model)
    respected = read_constraints(problem.net, problem.barren, **constraints)
    if not isinstance(order, str):
        explicit = _read_order(problem, order)
        respected.require(explicit)
        return problem.follow(explicit, "explicit")
    if order == "auto":
        search = invert_downstream_well if problem.roles.downstream.any() else invert_well
        return search(problem, objective, respected, allowance)
    if order == "exact":
        search_all = invert_downstream_exactly if problem.roles.downstream.any() else invert_exactly
        return search_all(problem, objective, respected)
    if order not in ORDERS:
        raise OrderError(
            f"the order {order!r} does not exist",
            remedy=f"Choose one of {', '.join(list_orders())}, or give the latents in the order of their elimination.",
        )
    return problem.follow(respected.obey(ORDERS[order](problem)), order)


def list_orders() -> list[str]:
    """Return all orders that have a name, as a user gives them."""
    return ["auto", "exact", *ORDERS, *BASELINES]


def _refuse_constraints(order: str | Inverse, **constraints: Iterable[object]) -> None:
    named = [f"{name}=" for name, latents in constraints.items() if list(latents)]
    if named:
        what = f"the baseline {order!r}" if isinstance(order, str) else "an Inverse that is given"
        raise OptionError(
            f"{what} eliminates nothing, so that {' and '.join(named)} cannot constrain it",
            remedy=f"Leave the constraints out, or choose one of auto, exact, {', '.join(ORDERS)}.",
        )


def _require_same(source: BayesNet | HasStructure, inverse: Inverse) -> Inverse:
    if inverse.net != structure_of(source):
        raise OptionError(
            "the inverse belongs to another model", remedy="Make it from this one: rd.invert(model, ...), or model.net."
        )
    return inverse


def read_budget(budget: float) -> Allowance:
    """Return the work that a budget in seconds stands for, or raise `OptionError`.

    >>> read_budget(0.5)
    Allowance(left=100000.0)
    """
    if isinstance(budget, bool) or not isinstance(budget, int | float) or math.isnan(budget) or budget < 0:
        raise OptionError(f"budget={budget!r} is out of range", remedy="Give seconds for local search, or 0 for none.")
    return Allowance(float(budget) * WORK_PER_SECOND)


def _read_order(problem: Problem, order: Iterable[Name]) -> list[int]:
    """Return the latents of an explicit order that are not barren, or raise `OrderError`."""
    net = problem.net
    listed = require_list(order, "order=")
    counts = Counter(listed)
    wrong = {
        "names {names}, which {are} not among the latents of the model": [
            name for name in counts if name not in net.latent_names
        ],
        "names {names} twice": [name for name, count in counts.items() if count > 1],
        "leaves out {names}": [name for name in net.latents if name not in counts],
    }
    for what, names in wrong.items():
        if names:
            raise OrderError(
                f"the elimination order {what}",
                names,
                remedy=f"Name each of the {len(net.latents)} latents once.",
            )
    return [net.position[name] for name in listed if not problem.barren[net.position[name]]]
