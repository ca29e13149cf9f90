"""What the encoder of each latent of a template computes: families embedded, pooled and scanned, deepest plates first.

The conditional of a latent is the integral over its unknown component of the families that meet it. The unknown
variables with the same dims are one group. A group is eliminated with those that have more dims, so embeddings of
families go to the group of their unknown members with the most dims, and from group to group, pooled over the dims
that are lost on the way; where unknown variables hang together along time, they are scanned first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from retrodict.errors import OptionError
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.missing_values import add_copies
from retrodict.lift.patterns.margins import Margins
from retrodict.lift.patterns.pattern import OWN, Pattern
from retrodict.lift.small_inverse import SmallInverse
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_relations import Relation
from retrodict.lift.unknown_components import list_bits

# So many steps back or ahead are read one by one.
WIDEST_WINDOW = 8


@dataclass(frozen=True)
class Member:
    """A known member of a family: its value ``lag`` steps before that of the child."""

    name: str
    lag: int = 0


@dataclass(frozen=True)
class FamilyPlan:
    """Families of one kind that are embedded: a child with its known members.

    ``shift`` says how many steps before the child the unknown member lies that receives the embedding, ``at`` that it
    receives it at the first (0) or the last (-1) time only.
    """

    child: str
    dims: tuple[str, ...]
    members: tuple[Member, ...]
    shift: int = 0
    at: int | None = None


@dataclass(frozen=True)
class GroupPlan:
    """Unknown variables with the same dims, with the families and the groups whose embeddings they receive.

    ``senders`` are groups by their place; ``is_chain`` says that members at different times hang together.
    """

    names: tuple[str, ...]
    dims: tuple[str, ...]
    families: tuple[FamilyPlan, ...]
    senders: tuple[int, ...]
    is_chain: bool


@dataclass(frozen=True)
class Direct:
    """A single known instance that is read as it is: ``lag`` steps before the latent; at the first time only, if so."""

    name: str
    lag: int = 0
    at: int | None = None


@dataclass(frozen=True)
class TargetPlan:
    """What the encoder of a latent computes: ``groups``, the last of which is its own, and ``direct`` inputs.

    ``reach`` says which times of a series of unknown variables matter to a latent in it: those from its own on
    (``later``), those up to its own (``earlier``), or all (``both``).
    """

    name: str
    dims: tuple[str, ...]
    groups: tuple[GroupPlan, ...]
    direct: tuple[Direct, ...]
    reach: str

    def __repr__(self) -> str:
        return f"TargetPlan({self.name}: {len(self.groups)} groups, {len(self.direct)} direct)"


def plan_targets(lifted: LiftedInverse, without: Collection[str] = ()) -> dict[str, TargetPlan]:
    """Return what the encoder of each latent computes, in the order in which they are drawn, ``without`` some.

    Raises `OptionError`, naming the latent, where one pass from the outside in cannot hold its exact conditional.

    >>> from retrodict import Template, invert
    >>> plans = plan_targets(invert(Template("mu; theta[j] | mu; y[j,n] | theta[j]", observed=["y"])))
    >>> [(group.names, [f.child for f in group.families]) for group in plans["mu"].groups]
    [(('theta',), ['y']), (('mu',), [])]
    >>> plans["theta"].direct
    (Direct(name='mu', lag=0, at=None),)
    """
    small = SmallInverse(lifted.template, lifted.schedule, Margins.of(add_copies(lifted.template)[0]))
    drawn = [name for name in lifted.schedule.drawn if name not in without]
    return {name: _Planner(lifted, small, name).plan for name in drawn}


@dataclass(frozen=True, eq=False)
class _Planner:
    lifted: LiftedInverse
    small: SmallInverse
    name: str

    @property
    def template(self) -> Template:
        return self.lifted.template

    @cached_property
    def plan(self) -> TargetPlan:
        self._require_plain()
        dims = self._sort(self.template[self.name].dims)
        return TargetPlan(self.name, dims, self.groups, tuple(self._list_direct()), self._find_reach())

    @cached_property
    def _members(self) -> int:
        grounding = self.small.small.grounding
        return self.small.components[grounding.find(self.name, self.small.centre)].members

    @cached_property
    def unknown(self) -> dict[str, set[int]]:
        """The variables of the component, and how many steps after the target they lie."""
        grounding, time = self.small.small.grounding, self.template.time
        own = self.small.centre.get(time or "", 0)
        found: dict[str, set[int]] = {}
        for i in list_bits(self._members):
            name = grounding.variables[grounding.owner[i]].name
            at = grounding.unravel(name, i)  # type: ignore[arg-type]
            found.setdefault(name, set()).add(int(at[time]) - own if time in at else 0)
        return found

    def _find_reach(self) -> str:
        if not self.template.is_timed(self.name):
            return "both"
        after = {step for name, steps in self.unknown.items() if self.template.is_timed(name) for step in steps}
        return "later" if min(after) >= 0 else "earlier" if max(after) <= 0 else "both"

    # -- groups ------------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> tuple[GroupPlan, ...]:
        """The groups, those with the most dims first."""
        own = self._sort(self.template[self.name].dims)
        by_dims: dict[tuple[str, ...], list[str]] = {own: []}
        for name in self.unknown:
            by_dims.setdefault(self._sort(self.template[name].dims), []).append(name)
        ordered = sorted(by_dims, key=lambda dims: (-len(dims), dims == own, dims))
        receiver = {dims: self._find_receiver(dims, ordered) for dims in ordered if dims != own}
        families = list(self._list_families(ordered))
        return tuple(
            GroupPlan(
                tuple(by_dims[dims]),
                dims,
                tuple(family for home, family in families if home == dims),
                tuple(place for place, sender in enumerate(ordered) if receiver.get(sender) == dims),
                self._is_chain(by_dims[dims]),
            )
            for dims in ordered
        )

    @cached_property
    def _beside(self) -> set[str]:
        """Latents drawn in the same series of steps: what is computed before the first step cannot read them."""
        loops = self.lifted.schedule.loops
        series = [loop for loop in loops[self.name] if loop.how != "each"]
        return {other for other, around in loops.items() if any(loop in around for loop in series)}

    def _find_receiver(self, dims: tuple[str, ...], groups: list[tuple[str, ...]]) -> tuple[str, ...]:
        inner = [other for other in groups if set(other) < set(dims)]
        nested = all(set(a) <= set(b) or set(b) <= set(a) for a in inner for b in inner)
        if not inner or not nested or not set(self.template[self.name].dims) <= set(dims):
            raise self._refuse("unknown variables cross")
        return max(inner, key=len)

    def _is_chain(self, names: list[str]) -> bool:
        return any(r.lag and r.child in names and r.parent in names for r in self.template.relations)

    def _list_families(self, groups: list[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], FamilyPlan]]:
        for child in self._children:
            if child == self.name and not self._is_chain([child]):
                continue  # its own family is read as it is
            relations = self.template.list_relations_into(child)
            family = [(child, 0, None), *((r.parent, r.lag, r) for r in relations)]
            hidden = [(name, lag, r) for name, lag, r in family if name in self.unknown]
            known = [(name, lag, r) for name, lag, r in family if name not in self.unknown and name not in self._beside]
            if known:
                yield from self._plan_family(child, hidden, known)

    @cached_property
    def _children(self) -> list[str]:
        """The variables of which a family meets the component."""
        grounding, informed = self.small.small.grounding, self.small.small.informed
        found = {}
        for child, parents in enumerate(grounding.parents.to_lists()):
            if informed[child] and any(self._members >> i & 1 for i in (child, *parents)):
                name = grounding.variables[grounding.owner[child]].name
                found[self.small.copies.get(name, name)] = True
        return [name for name in found if name in self.template.position]

    def _plan_family(
        self, child: str, hidden: list[tuple[str, int, Relation | None]], known: list[tuple[str, int, Relation | None]]
    ) -> Iterator[tuple[tuple[str, ...], FamilyPlan]]:
        """Return the plan of families with the group that receives them; of those that cross, each group for itself.

        Where plates cross, no pass of pools holds the integral. Of balanced designs it holds sums of squares along
        each plate, which say all of scales; what is left is for weights.
        """
        time = self.template.time
        homes = dict.fromkeys(self._sort(self.template[name].dims) for name, _, _ in hidden)
        outermost = [own for own in homes if not any(set(own) < set(other) for other in homes)]
        if len(outermost) > 1 and any(time in own for own in homes):
            raise self._refuse(f"families of {child!r} have unknown members that cross")
        for home in outermost:
            yield home, self._plan_home(child, home, hidden, known)

    def _plan_home(
        self,
        child: str,
        home: tuple[str, ...],
        hidden: list[tuple[str, int, Relation | None]],
        known: list[tuple[str, int, Relation | None]],
    ) -> FamilyPlan:
        dims, time = self._sort(self.template[child].dims), self.template.time
        ends = {r.fixed for _, _, r in hidden if r is not None and r.fixed is not None}
        if not set(home) - {time if ends else None} <= set(dims) or len(ends) > 1:
            raise self._refuse(f"families of {child!r} have several unknown members of one kind")
        self._require_known(child, known)
        lags = [lag for name, lag, _ in hidden if time in self.template[name].dims and time in dims]
        shift = (max if self._find_reach() == "earlier" else min)(lags, default=0)
        members = tuple(Member(name, lag) for name, lag, _ in known)
        return FamilyPlan(child, dims, members, shift, next(iter(ends), None))

    def _require_known(self, child: str, known: list[tuple[str, int, Relation | None]]) -> None:
        for name, _, relation in known:
            if relation is not None and (relation.every or relation.fixed is not None or relation.only is not None):
                raise OptionError(
                    f"families of {child!r} hold {{names}} at other indices than their own, which the encoders of "
                    "templates do not read yet",
                    [name],
                    remedy="Write the plate out, one variable for each index, or read the program without template=.",
                )

    # -- direct inputs -----------------------------------------------------------------------------------

    def _list_direct(self) -> Iterator[Direct]:
        for pattern in self.lifted.patterns[self.name]:
            yield from self._read_single(pattern)
        for end, patterns in self.lifted.exceptions[self.name]:
            if end.base in ("0", "T") and end.offset == 0:
                for pattern in patterns:
                    if not self.template.is_timed(pattern.name) and self._is_own(pattern):
                        yield Direct(pattern.name, at=0 if end.base == "0" else -1)

    def _read_single(self, pattern: Pattern) -> Iterator[Direct]:
        if not self._is_own(pattern):
            return
        if not self.template.is_timed(pattern.name):
            yield Direct(pattern.name)
        elif pattern.run is not None and pattern.run[0].base == pattern.run[1].base == "t":
            low, high = (end.offset for end in pattern.run)
            yield from (Direct(pattern.name, -step) for step in range(low, min(high, low + WIDEST_WINDOW) + 1))

    def _is_own(self, pattern: Pattern) -> bool:
        """Return whether along each plate of the parent only the own index of the target is meant."""
        signs, own = dict(pattern.cells), set(self.template[self.name].dims)
        plates = [dim for dim in self.template[pattern.name].dims if dim != self.template.time]
        timed = self.template.is_timed(pattern.name)
        return (not timed or self.template.time in own) and all(
            dim in own and signs.get(dim, OWN) == OWN for dim in plates
        )

    # -- what is refused ---------------------------------------------------------------------------------

    def _require_plain(self) -> None:
        if self.template.is_cumulative or any(relation.up_to for relation in self.template.relations):
            raise self._refuse("a relation sums up to an index")
        if not self.lifted.roles[self.name].one_pass and (self.template[self.name].dims or self.template.time):
            raise self._refuse("unknown variables cross")

    def _refuse(self, why: str) -> OptionError:
        return OptionError(
            f"the conditional of {{names}} takes several passes over its data, since {why}, which the encoders of "
            "templates do not do yet",
            [self.name],
            remedy="Read the program at one size, without template=.",
        )

    def _sort(self, dims: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
        """Return dims in the order of the template."""
        return tuple(dim for dim in self.template.dims if dim in dims)
