"""Orders of a model side by side, with the latents that need no network: closed forms for tables and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert import invert
from retrodict.invert.asked.asking import ask
from retrodict.invert.compare import Comparison, compare_orders
from retrodict.models.model import Model


def compare(
    net_or_model: BayesNet | HasStructure,
    minimize: str | Callable[[Inverse], float] = "edges",
    *,
    given: Iterable[Name] | None = None,
    of: Iterable[Name] | None = None,
    exact: bool = True,
    budget: float = 1.0,
    **constraints: Any,
) -> Comparison:
    """Return what each order makes of a model, and which of its latents have a closed form whatever the order.

    Arguments:
        net_or_model: a model or its structure.
        minimize: what ``"auto"`` and ``"exact"`` look for, as in `invert`.
        given: the variables that are given, as in `invert`. Default: those that are observed.
        of: the variables that are asked for, as in `invert`; the others are hidden. The caption then says what keeping
            the hidden ones would cost. Default: all that are not given.
        exact: whether to try the order ``"exact"``, which may take a minute; it has no row where the model is too large
            to prove it. Default True.
        budget: seconds of local search for ``"auto"``, as in `invert`. Default 1.0.
        **constraints: ``first``, ``last``, ``together`` and ``in_sequence`` of `invert`.

    Returns: a `Comparison`; printed, it is a table with a row for each order. A structure alone has no closed forms.

    Raises: what `invert` raises.

    >>> net = BayesNet({"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}, observed=["d"])
    >>> table = compare(net)
    >>> [(row.order, row.edges) for row in table.rows if row.order in ("reverse", "auto")]
    [('reverse', 5), ('auto', 3)]
    >>> print(str(table).splitlines()[0])
    order              edges  depth  width  cost of a step  seconds

    """
    asked = ask(net_or_model, given, of)
    net = structure_of(asked)
    comparison = compare_orders(net, minimize, exact=exact, budget=budget, **constraints)
    kept = invert(net.observing(net.observed), "auto", minimize, budget=budget) if net.hidden else None
    return replace(comparison, closed=Awaited(partial(list_closed, asked)), kept=kept)


@dataclass(frozen=True, eq=False)
class Awaited(Mapping[Name, str]):
    """A mapping that is found when it is first asked: who wants rows alone waits for no closed forms."""

    find: Callable[[], dict[Name, str]]

    @cached_property
    def _found(self) -> dict[Name, str]:
        return self.find()

    def __getitem__(self, name: Name) -> str:
        return self._found[name]

    def __iter__(self) -> Iterator[Name]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return repr(self._found)


def list_closed(net_or_model: BayesNet | HasStructure, inverse: Inverse | None = None) -> dict[Name, str]:
    """Return which closed form each latent of a model has that has one; a structure alone has none.

    With an inverse it is said where it does not draw a latent last: along it, a network has to do.

    >>> from retrodict import zoo
    >>> list_closed(zoo.binary_tree(depth=2)), list_closed(zoo.binary_tree(depth=2).net)
    ({'x0': 'linear Gaussian'}, {})
    """
    if not isinstance(net_or_model, Model):
        return {}
    from retrodict.exact.find_forms import find_closed_forms, keep_last

    forms = find_closed_forms(net_or_model, inverse or invert(net_or_model.net, "min-fill"))
    kept = forms if inverse is None else keep_last(forms, inverse)
    return {name: form.kind + ("" if form in kept else ", if drawn last") for form in forms for name in form.variables}
