"""The discrete network: every variable has finitely many states, and a table says how likely each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrodict.errors import DataError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask, cumulate
from retrodict.models.discrete.checks import (
    Probabilities,
    describe_states,
    normalize,
    order_axes,
    read_code,
    require_room,
    require_tables,
)
from retrodict.models.discrete.flat_tables import Tables
from retrodict.models.model import Model

if TYPE_CHECKING:
    import jax

Parents = Mapping[Any, Sequence[Name]]


@dataclass(frozen=True, eq=False, repr=False)
class DiscreteNetwork(Tables, Model):
    r"""A model with :math:`P(X_i = k \mid \mathrm{pa}) = \theta_{i, \mathrm{pa}, k}`, given by tables.

    Values are the numbers 0, 1, ... of states, in columns of floats; ``net.variable(name).states`` are their
    names. ``entries`` holds all tables one after another: that of variable ``i`` begins at ``start[i]``, its rows
    are the states of the parents (in the order of ``net.parents``, the last one fastest), its columns the states.
    Use `from_tables` to build one: it checks what it is given.

    Source: Koller & Friedman, section 3.2.
    """

    def __repr__(self) -> str:
        return f"DiscreteNetwork({self.net!r}, {len(self.entries):,} probabilities)"

    @classmethod
    def from_tables(
        cls,
        parents: Parents,
        states: Mapping[Any, Sequence[str]],
        tables: Mapping[Any, Any],
        observed: Iterable[Name],
    ) -> DiscreteNetwork:
        """Build a network from the table of each variable.

        Arguments:
            parents: the parents of each variable, ``{name: [parents]}``.
            states: names of the states of each variable, ``{name: [states]}``.
            tables: the probabilities of each variable, an array with one axis for each parent, as listed, and a last
                one for its own states. Rows may differ from one by rounding, 0.002 at most, and are normalized.
            observed: names of the observed variables.

        Returns: a `DiscreteNetwork`.

        Raises: what `BayesNet` raises, `GraphError` for missing states or tables, `DataError` for a table of wrong
        shape or a row that is not a distribution, `SizeError` for tables with too many entries.

        >>> model = DiscreteNetwork.from_tables(
        ...     {"rain": [], "wet": ["rain"]},
        ...     {"rain": ["no", "yes"], "wet": ["no", "yes"]},
        ...     {"rain": [0.8, 0.2], "wet": [[0.9, 0.1], [0.2, 0.8]]},
        ...     observed=["wet"],
        ... )
        >>> model.table("wet").tolist()
        [[0.9, 0.1], [0.2, 0.8]]
        """
        lists = {name: list(listed) for name, listed in parents.items()}
        known = [describe_states(name, states[name]) for name in lists if name in states]
        net = BayesNet(lists, observed, variables=known)
        require_tables(net, tables)
        cards = np.array([len(net.variable(name).states) for name in net.names], dtype=np.int64)
        for name, row in zip(net.names, net.parent_rows.lists, strict=True):
            require_room([*cards[row].tolist(), len(net.variable(name).states)], name)
        ordered = [normalize(net, name, order_axes(net, name, lists[name], tables[name])) for name in net.names]
        start = cumulate(np.array([table.size for table in ordered], dtype=np.int64))
        return cls(net, np.concatenate([table.ravel() for table in ordered]), start)

    def to_codes(self, values: Mapping[Name, Any]) -> dict[Name, float]:
        """Return the values of states given by name, as ``log_joint`` and posteriors take them.

        Raises `UnknownVariableError` for names and `UnknownStateError` for states that are not in the model.
        """
        return {name: float(read_code(self.states(name), value, name)) for name, value in values.items()}

    def to_states(self, values: Mapping[Name, Any]) -> dict[Name, Any]:
        """Return the names of states, arrays of text of the same shapes; raise `DataError` for other numbers."""
        named: dict[Name, Any] = {}
        for name, value in values.items():
            states, codes = self.states(name), np.asarray(value, dtype=np.float64)
            if not np.isin(codes, np.arange(len(states))).all():
                raise DataError(
                    "{names} has values that are not numbers of its states",
                    [name],
                    remedy=f"Give 0 to {len(states) - 1}.",
                )
            named[name] = np.array(states)[codes.astype(np.int64)]
        return named

    def numbers(self) -> Mapping[str, Probabilities]:
        """Return the probabilities, for `digest`."""
        return {"entries": self.entries}

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """Return joint draws, shape ``(n, number of variables)``."""
        import jax

        from retrodict.models.discrete.discrete_simulator import DiscreteSimulator

        noise = jax.random.uniform(key, (len(self.net), n))
        return DiscreteSimulator.of(self).run(noise).T

    def log_conditionals(self, columns: jax.Array) -> jax.Array:
        """Return log p of each variable given its parents, in nats; minus infinity for what is no state."""
        from retrodict.models.discrete.discrete_simulator import score

        return score(self, columns)

    def redraw(self, key: jax.Array, columns: jax.Array, which: Mask | jax.Array) -> jax.Array:
        """Return the columns with the marked variables drawn anew given their parents."""
        import jax
        import jax.numpy as jnp

        from retrodict.models.discrete.discrete_simulator import DiscreteSimulator

        flat = columns.reshape(-1, columns.shape[-1]).T
        noise = jax.random.uniform(key, flat.shape)
        drawn = DiscreteSimulator.of(self).run(noise, keep=~jnp.asarray(which), values=flat)
        return drawn.T.reshape(columns.shape).astype(columns.dtype)
