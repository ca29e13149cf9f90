"""Exact answers: the distribution of each variable asked for, given any others, in networks of tables or of lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrodict.errors import DataError, GraphError, OptionError
from retrodict.exact.queries.interventions import intervene
from retrodict.exact.queries.table_elimination import list_state_factors, maximize_out, sum_out
from retrodict.graph.names import Name, require_distinct, require_list
from retrodict.models.discrete.checks import read_code
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.pictures.table import Table, Tabular

Exact = DiscreteNetwork | LinearGaussian


@dataclass(frozen=True, repr=False)
class Marginals(Tabular):
    """The distribution of each variable asked for: of states their probabilities, of numbers ``mean`` and ``sd``.

    ``log_evidence`` is the log probability (density, for numbers) of what was given, in nats; printed, it is a table.
    """

    marginals: Mapping[Name, Mapping[str, float]]
    given: Mapping[Name, Any]
    log_evidence: float

    def __getitem__(self, name: Name) -> Mapping[str, float]:
        return self.marginals[name]

    def __repr__(self) -> str:
        sizes = f"{len(self.marginals)} variables given {len(self.given)}"
        return f"Marginals({sizes}, log evidence {self.log_evidence:.4g})"

    @property
    def table(self) -> Table:
        """A row for each state of each variable."""
        rows = [
            (str(name) if at == 0 else "", state, f"{value:.4f}")
            for name, row in self.marginals.items()
            for at, (state, value) in enumerate(row.items())
        ]
        return Table(("variable", "state", "probability"), rows, f"log evidence {self.log_evidence:.4f}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as ``json.dumps`` takes them."""
        marginals = {str(name): dict(row) for name, row in self.marginals.items()}
        given = {str(name): value for name, value in self.given.items()}
        return {"given": given, "marginals": marginals, "log_evidence": self.log_evidence}


def query(
    model: Exact,
    given: Mapping[Name, Any] | None = None,
    of: Iterable[Name] | None = None,
    *,
    do: Mapping[Name, Any] | None = None,
) -> Marginals:
    r"""Return the exact distribution of each variable given any others, :math:`p(v \mid given)`.

    Networks of tables sum out all other variables, one after another; linear-Gaussian networks condition their joint
    normal distribution.

    Arguments:
        model: a `DiscreteNetwork` or a `LinearGaussian`.
        given: values of any variables: names of states, or numbers. Default: none.
        of: the variables that are asked for. Default: all that are neither given nor set.
        do: values of variables that are set from outside: the edges into them are cut first.

    Returns: `Marginals`.

    Raises: `OptionError` for other models, `UnknownVariableError` and `UnknownStateError` for names, `GraphError` where
    something is both given and asked for or set, `DataError` for evidence of probability zero and for numbers that are
    not finite, `SizeError` where exact sums are too large.

    Source: Koller & Friedman, algorithm 9.1 and section 7.1; Pearl, Causality, section 3.2.

    >>> model = DiscreteNetwork.from_tables(
    ...     {"rain": [], "wet": ["rain"]},
    ...     {"rain": ["no", "yes"], "wet": ["no", "yes"]},
    ...     {"rain": [0.8, 0.2], "wet": [[0.9, 0.1], [0.2, 0.8]]},
    ...     observed=["wet"],
    ... )
    >>> round(query(model, {"wet": "yes"})["rain"]["yes"], 4), round(query(model, do={"wet": "yes"})["rain"]["yes"], 4)
    (0.6667, 0.2)
    """
    given, do = dict(given or {}), dict(do or {})
    model, known, asked = _prepare(model, given, do, of)
    if isinstance(model, DiscreteNetwork):
        log_set = -sum(math.log(len(model.states(name))) for name in do)
        log_evidence = _weigh_evidence(model, known, list(given)) - log_set
        marginals: dict[Name, Mapping[str, float]] = {name: _sum_for(model, known, name) for name in asked}
    else:
        marginals, log_evidence = _condition(model, known, asked, list(do))
    return Marginals(marginals, {**given, **do}, log_evidence)


def most_probable(
    model: DiscreteNetwork, given: Mapping[Name, Any] | None = None, *, do: Mapping[Name, Any] | None = None
) -> dict[Name, str]:
    r"""Return the most probable states of all other variables together, :math:`\arg\max_v p(v \mid given)`.

    Arguments:
        model: a `DiscreteNetwork`.
        given: states of any variables. Default: none.
        do: states of variables that are set from outside.

    Returns: the state of each variable that is neither given nor set.

    Raises: what `query` raises.

    Source: Koller & Friedman, algorithm 13.1.

    >>> from retrodict import zoo
    >>> model = DiscreteNetwork.from_tables(
    ...     {"a": [], "b": ["a"]}, {"a": ["0", "1"], "b": ["0", "1"]},
    ...     {"a": [0.6, 0.4], "b": [[0.5, 0.5], [0.0, 1.0]]}, observed=["b"],
    ... )
    >>> most_probable(model)
    {'a': '1', 'b': '1'}
    """
    if not isinstance(model, DiscreteNetwork):
        raise OptionError(
            f"most_probable needs a DiscreteNetwork, not a {type(model).__name__}",
            remedy="Of a linear-Gaussian network the mean is the most probable: rd.query(model, given).",
        )
    given, do = dict(given or {}), dict(do or {})
    cut, known, asked = _prepare(model, given, do, None)
    assert isinstance(cut, DiscreteNetwork)  # noqa: S101 - which the line above keeps
    _weigh_evidence(cut, known, list(given))
    numbers = [cut.net.index(name) for name in asked]
    states = maximize_out(cut, list_state_factors(cut, known, numbers))
    return {name: cut.states(name)[states[number]] for name, number in zip(asked, numbers, strict=True)}


def _prepare(
    model: Exact, given: Mapping[Name, Any], do: Mapping[Name, Any], of: Iterable[Name] | None
) -> tuple[Exact, dict[int, Any], list[Name]]:
    """Return the model with its cut edges, the known values by number, and what is asked for."""
    if not isinstance(model, DiscreteNetwork | LinearGaussian):
        raise OptionError(
            f"exact answers need a DiscreteNetwork or a LinearGaussian, not a {type(model).__name__}",
            remedy="Use rd.amortize(model, evidence='any'), or read the network with its tables.",
        )
    for name in (*given, *do):
        model.net.index(name)
    both = [name for name in do if name in given]
    if both:
        raise GraphError("{names} {are} both given and set from outside", both, remedy="Leave it out of one of both.")
    everything = {**given, **do}
    asked = [name for name in model.net.names if name not in everything] if of is None else require_list(of, "of=")
    require_distinct(asked, "the variables asked for")
    require_unknown(asked, given, do)
    cut = intervene(model, do)
    for name in asked:
        cut.net.index(name)
    return cut, {cut.net.index(name): _read(cut, name, value) for name, value in everything.items()}, asked


def require_unknown(asked: Iterable[Name], given: Mapping[Name, Any], do: Mapping[Name, Any]) -> None:
    """Raise `GraphError` for what is asked for although its value is stated."""
    for known, how in ((given, "given"), (do, "set from outside")):
        both = [name for name in asked if name in known]
        if both:
            raise GraphError(f"{{names}} {{are}} both {how} and asked for", both, remedy="Take it out of one of both.")


def _read(model: Exact, name: Name, value: Any) -> Any:
    if isinstance(model, DiscreteNetwork):
        return read_code(model.states(name), value, name)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError("the value of {names} is not a finite number", [name], remedy="Give a number.")
    return number


def _weigh_evidence(model: DiscreteNetwork, known: Mapping[int, int], given: list[Name]) -> float:
    """Return the log probability of what is known; raise `DataError`, naming the first variable that makes it zero."""
    log_evidence = _log_sum(model, known)
    if log_evidence > -math.inf:
        return log_evidence
    kept = {number: state for number, state in known.items() if model.net.names[number] not in given}
    for name in given:
        kept[model.net.index(name)] = known[model.net.index(name)]
        if _log_sum(model, kept) == -math.inf:
            break
    state = model.states(name)[known[model.net.index(name)]]
    others = "" if len(kept) == 1 else " beside what is given before it"
    raise DataError(
        f"the state {state!r} of {{names}} has probability zero{others}", [name], remedy="Give something possible."
    )


def _log_sum(model: DiscreteNetwork, known: Mapping[int, int]) -> float:
    return sum_out(model, list_state_factors(model, known, ()), ())[1]


def _sum_for(model: DiscreteNetwork, known: Mapping[int, int], name: Name) -> dict[str, float]:
    number = model.net.index(name)
    table, _ = sum_out(model, list_state_factors(model, known, [number]), [number])
    return dict(zip(model.states(name), table.tolist(), strict=True))


def _condition(
    model: LinearGaussian, known: Mapping[int, float], asked: list[Name], do: list[Name]
) -> tuple[dict[Name, Mapping[str, float]], float]:
    mean, covariance = model.mean, model.covariance
    seen, wanted = list(known), [model.net.index(name) for name in asked]
    residual = np.array([known[v] for v in seen]) - mean[seen]
    within = covariance[np.ix_(seen, seen)]
    gain = np.linalg.solve(within, covariance[np.ix_(seen, wanted)]).T
    means = mean[wanted] + gain @ residual
    variances = covariance[wanted, wanted] - (gain * covariance[np.ix_(wanted, seen)]).sum(axis=1)
    found: dict[Name, Mapping[str, float]] = {
        name: {"mean": float(m), "sd": math.sqrt(max(float(v), 0.0))}
        for name, m, v in zip(asked, means, variances, strict=True)
    }
    return found, _log_normal(residual, within) - sum(_log_standard(known[model.net.index(name)]) for name in do)


def _log_normal(residual: Any, covariance: Any) -> float:
    if len(residual) == 0:
        return 0.0
    _, log_det = np.linalg.slogdet(2 * np.pi * covariance)
    return float(-0.5 * (log_det + residual @ np.linalg.solve(covariance, residual)))


def _log_standard(value: float) -> float:
    """Return the log density of a variable that was set, which is none of the evidence: it is a root of its own."""
    return -0.5 * (math.log(2 * math.pi) + value**2)
