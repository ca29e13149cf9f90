"""The order in which a block of latents of a template is eliminated: levels of plates, from the inside out.

Latents with the same dims are a level. A level is eliminated cell by cell, or along time where its members hang
together; what that leaves falls to levels with fewer dims. Where plates cross, the smaller one is *unrolled*: each of
its indices is a number of its own, so that what is left is nested.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod

from retrodict.lift.templates.template import Template


@dataclass(frozen=True, order=True)
class BlockMember:
    """A latent of the block in a family, or beside a cell: its value ``lag`` steps before."""

    name: str
    lag: int = 0


Dims = tuple[str, ...]
Seen = dict[BlockMember, None]


@dataclass(frozen=True)
class BlockLevel:
    """Latents that are eliminated together: ``outer`` are those of other levels on which they depend then.

    ``span`` is how many steps back members at different times hang together; 0 where they do not.
    """

    names: tuple[str, ...]
    dims: tuple[str, ...]
    outer: tuple[BlockMember, ...]
    span: int


@dataclass(frozen=True, eq=False)
class BlockLevels:
    """How a block is eliminated: its levels in this order, and the members of the block in each kind of family."""

    template: Template
    families: Mapping[str, tuple[BlockMember, ...]]
    unrolled: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The latents of the block, in the order of the template."""
        inside = {member.name for members in self.families.values() for member in members}
        return tuple(variable.name for variable in self.template.variables if variable.name in inside)

    def dims(self, name: str) -> tuple[str, ...]:
        """Return the dims of the cells of a latent, in the order of the template."""
        own = self.template[name].dims
        return tuple(dim for dim in self.template.dims if dim in own and dim not in self.unrolled)

    def spread(self, name: str) -> tuple[str, ...]:
        """Return the unrolled dims of a variable."""
        own = self.template[name].dims
        return tuple(dim for dim in self.template.dims if dim in own and dim in self.unrolled)

    @cached_property
    def _order(self) -> list[tuple[str, ...]]:
        found = dict.fromkeys(map(self.dims, self.names))
        return sorted(found, key=lambda dims: (-len(dims), dims))

    @cached_property
    def levels(self) -> tuple[BlockLevel, ...]:
        """The levels; empty where these dims do not nest."""
        outer: dict[Dims, Seen] = {dims: {} for dims in self._order}
        span = dict.fromkeys(self._order, 0)
        for pair in self._list_pairs(self.families.values()):
            if not self._enter(pair, outer, span):
                return ()
        for dims in self._order:
            if span[dims] and any(self.template.is_timed(member.name) for member in outer[dims]):
                return ()
            for pair in self._list_pairs([tuple(outer[dims])]):
                if not self._enter(pair, outer, span):
                    return ()
        return tuple(
            BlockLevel(
                tuple(name for name in self.names if self.dims(name) == dims),
                dims,
                tuple(sorted(outer[dims])),
                span[dims],
            )
            for dims in self._order
        )

    @staticmethod
    def _list_pairs(rows: Iterable[Sequence[BlockMember]]) -> Iterator[tuple[BlockMember, BlockMember]]:
        for row in rows:
            yield from combinations(row, 2)

    def _enter(self, pair: tuple[BlockMember, BlockMember], outer: dict[Dims, Seen], span: dict[Dims, int]) -> bool:
        """Note that two members hang together; return whether one of them lies inside of the other."""
        found = self.find_home(*pair)
        if found is None:
            return False
        own, other = found
        dims = self.dims(own.name)
        if dims == self.dims(other.name):
            span[dims] = max(span[dims], other.lag - own.lag)
        else:
            outer[dims][self.see_from(own, other)] = None
        return True

    def find_home(self, one: BlockMember, other: BlockMember) -> tuple[BlockMember, BlockMember] | None:
        """Return two members, first the one that is eliminated first; None where neither lies inside of the other."""
        first, second = self.dims(one.name), self.dims(other.name)
        if first == second:
            return (one, other) if (one.lag, one.name) <= (other.lag, other.name) else (other, one)
        if set(second) < set(first):
            return one, other
        return (other, one) if set(first) < set(second) else None

    def see_from(self, own: BlockMember, other: BlockMember) -> BlockMember:
        """Return a member of another level as a cell of its own sees it."""
        return BlockMember(other.name, other.lag - own.lag if self.template.is_timed(other.name) else 0)


def plan_levels(
    template: Template, families: Mapping[str, tuple[BlockMember, ...]], sizes: Mapping[str, int]
) -> BlockLevels | None:
    """Return how a block is eliminated, with the fewest indices unrolled; None where no plates make it nest.

    >>> crossed = Template("mu; a[i]; b[j]; y[i,j] | mu a[i] b[j]", observed=["y"])
    >>> families = {"y": tuple(map(BlockMember, ("mu", "a", "b"))), "a": (BlockMember("a"),)}
    >>> plan = plan_levels(crossed, families, {"i": 30, "j": 10})
    >>> plan.unrolled, [level.names for level in plan.levels]
    (('j',), [('a',), ('mu', 'b')])
    """
    plates = template.plates
    choices = [chosen for count in range(len(plates) + 1) for chosen in combinations(plates, count)]
    for chosen in sorted(choices, key=lambda dims: (prod(sizes[dim] for dim in dims), len(dims))):
        plan = BlockLevels(template, families, chosen)
        if plan.levels:
            return plan
    return None


def list_families(template: Template, block: Iterable[str]) -> dict[str, tuple[BlockMember, ...]]:
    """Return the members of the block in each kind of family that has any, the child first if it is one."""
    inside = set(block)
    found = {}
    for variable in template.variables:
        if variable.name in template.barren:
            continue  # what nothing observed descends from says nothing of the block
        own = [BlockMember(variable.name)] if variable.name in inside else []
        relations = template.list_relations_into(variable.name)
        own += [BlockMember(relation.parent, relation.lag) for relation in relations if relation.parent in inside]
        if own:
            found[variable.name] = tuple(dict.fromkeys(own))
    return found
