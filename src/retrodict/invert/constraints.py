"""What an elimination order must respect: a fixed beginning and end, groups kept together or in sequence.

Groups may lie inside each other (a plate within a plate), so the latents form a tree of blocks. An order that
respects the constraints is a topological sort of the children of every block; there is one exactly if
none of these sorts meets a cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

from retrodict.errors import OrderError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name, list_entries, require_list
from retrodict.graph.rows import Mask
from retrodict.graph.written_edges import find_cycle


@dataclass(frozen=True)
class Constraints:
    """Constraints on the order of elimination, in numbers of the model's variables; barren latents are left out.

    The order begins with ``first`` and ends with ``last``, in this sequence; each group of ``together`` is
    eliminated without another latent in between; each of ``sequences`` in this sequence, others in between allowed.
    """

    net: BayesNet
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    together: tuple[frozenset[int], ...] = ()
    sequences: tuple[tuple[int, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.first or self.last or self.ties)

    @property
    def ties(self) -> bool:
        """Whether some latents are tied to each other, so that parts of the model cannot be ordered one by one."""
        return bool(self.together or self.sequences)

    def obey(self, order: Sequence[int]) -> list[int]:
        """Return the order changed to respect the constraints: of all that may come next always the earliest.

        A block takes the place of the earliest of its latents. Raises `OrderError` when no order respects them.
        """
        return _arrange(self, list(order)) if self else list(order)

    def require(self, order: Sequence[int]) -> None:
        """Raise `OrderError` naming the latents when an order breaks a constraint."""
        place = {v: i for i, v in enumerate(order)}
        broken = [(f"must {what}", row) for what, row in _find_broken(self, order, place)]
        if broken:
            what, row = broken[0]
            raise OrderError(
                f"the elimination order breaks a constraint: {{names}} {what}",
                self.net.to_names(row),
                remedy="Change the order or drop the constraint.",
            )


def read_constraints(
    net: BayesNet,
    barren: Mask,
    *,
    first: Iterable[Name] = (),
    last: Iterable[Name] = (),
    together: Iterable[Iterable[Name]] = (),
    in_sequence: Iterable[Iterable[Name]] = (),
) -> Constraints:
    """Return the constraints that a user names.

    Raises `OrderError` for names that are not latents, given twice in one place, and for constraints that
    contradict each other, naming the latents concerned.

    >>> import numpy as np
    >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
    >>> read_constraints(net, np.zeros(3, dtype=bool), in_sequence=[["b", "a"]]).obey([0, 1])
    [1, 0]
    """
    numbers = [
        [_read_group(net, barren, names, what) for names in groups]
        for what, groups in {
            "first=": [first],
            "last=": [last],
            "a group in together=": list_entries(together, "together="),
            "a group in in_sequence=": list_entries(in_sequence, "in_sequence="),
        }.items()
    ]
    groups = dict.fromkeys(frozenset(row) for row in numbers[2] if len(row) > 1)
    sequences = tuple(tuple(row) for row in numbers[3] if len(row) > 1)
    constraints = Constraints(net, tuple(numbers[0][0]), tuple(numbers[1][0]), tuple(groups), sequences)
    constraints.obey([v for v in net.latent_index.tolist() if not barren[v]])  # raises where they contradict
    return constraints


def _read_group(net: BayesNet, barren: Mask, names: Iterable[Name], what: str) -> list[int]:
    counts = Counter(require_list(names, what))
    strangers = [name for name in counts if name not in net.latent_names]
    twice = [name for name, count in counts.items() if count > 1]
    if strangers or twice:
        problem = "which {are} not among the latents of the model" if strangers else "twice"
        raise OrderError(
            f"{what} names {{names}}{',' * bool(strangers)} {problem}",
            strangers or twice,
            remedy="Name latents, each once.",
        )
    return [net.position[name] for name in counts if not barren[net.position[name]]]


def _find_broken(
    constraints: Constraints, order: Sequence[int], place: dict[int, int]
) -> Iterable[tuple[str, Sequence[int]]]:
    first, last = constraints.first, constraints.last
    if tuple(order[: len(first)]) != first:
        yield "come first, in this sequence", first
    if tuple(order[len(order) - len(last) :]) != last:
        yield "come last, in this sequence", last
    for group in constraints.together:
        places = sorted(place[v] for v in group)
        if places[-1] - places[0] >= len(group):
            yield "stay together", [order[i] for i in places]
    for sequence in constraints.sequences:
        if any(place[one] > place[other] for one, other in pairwise(sequence)):
            yield "keep this sequence", sequence


def _arrange(constraints: Constraints, order: list[int]) -> list[int]:
    """Sort the children of every block, the smallest blocks first, and write the outermost one out."""
    above, blocks = _nest(constraints, order)
    rank = {v: i for i, v in enumerate(order)}
    for number, group in enumerate(blocks):
        rank[-1 - number] = min(rank[v] for v in group)
    root = -1 - len(blocks)
    inside: dict[int, list[int]] = {}
    for node in sorted(rank, key=rank.__getitem__):
        inside.setdefault(above.get(node, root), []).append(node)
    before = _lift_precedences(constraints, order, above, root)
    written: list[int] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node >= 0:
            written.append(node)
        else:
            stack += _sort_block(constraints, blocks, inside[node], before.get(node, []), rank)[::-1]
    return written


def _nest(constraints: Constraints, order: list[int]) -> tuple[dict[int, int], list[frozenset[int]]]:
    """Return for each latent and block the smallest block around it; blocks are -1, -2, ... by size."""
    blocks = sorted(constraints.together, key=lambda group: (len(group), sorted(group)))
    above: dict[int, int] = {}
    outermost: dict[int, int] = {}
    for number, group in enumerate(blocks):
        for v in group:
            inner = outermost.get(v)
            if inner is not None and not blocks[-1 - inner] <= group:
                raise OrderError(
                    "two groups of together= share {names}, and neither lies inside the other",
                    constraints.net.to_names(sorted(group & blocks[-1 - inner])),
                    remedy="Make them one group, or put one inside the other.",
                )
            above[v if inner is None else inner] = -1 - number
        outermost.update(dict.fromkeys(group, -1 - number))
    return above, blocks


def _lift_precedences(
    constraints: Constraints, order: list[int], above: dict[int, int], root: int
) -> dict[int, list[tuple[int, int]]]:
    """Return for each block the pairs of its children of which one must come before the other."""
    pairs = [pair for sequence in constraints.sequences for pair in pairwise(sequence)]
    first, last = dict.fromkeys(constraints.first), dict.fromkeys(constraints.last)
    pairs += [*pairwise(first), *pairwise(last)]
    pairs += [(constraints.first[-1], v) for v in order if v not in first] if first else []
    pairs += [(v, constraints.last[0]) for v in order if v not in last] if last else []
    lifted: dict[int, list[tuple[int, int]]] = {}
    for one, other in pairs:
        around = _climb(one, above, root)
        child = other
        while (block := above.get(child, root)) not in around:
            child = block
        lifted.setdefault(block, []).append((around[block], child))
    return lifted


def _climb(v: int, above: dict[int, int], root: int) -> dict[int, int]:
    """Return each block around a latent, with the child of it that holds the latent."""
    around = {}
    while v != root:
        block = above.get(v, root)
        around[block] = v
        v = block
    return around


def _sort_block(
    constraints: Constraints,
    blocks: list[frozenset[int]],
    children: list[int],
    pairs: list[tuple[int, int]],
    rank: dict[int, int],
) -> list[int]:
    """Return the children of a block sorted topologically, of those that may come next always the lowest rank."""
    if not pairs:
        return children
    place = {child: i for i, child in enumerate(children)}
    later: list[list[int]] = [[] for _ in children]
    earlier: list[list[int]] = [[] for _ in children]
    for one, other in dict.fromkeys(pairs):
        later[place[one]].append(place[other])
        earlier[place[other]].append(place[one])
    waiting = [len(row) for row in earlier]
    ready = [i for i, count in enumerate(waiting) if count == 0]
    heapify(ready)
    placed = []
    while ready:
        i = heappop(ready)
        placed.append(children[i])
        for j in later[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                heappush(ready, j)
    if len(placed) < len(children):
        nodes = [children[i] for i in find_cycle(earlier, waiting)[:-1]]
        latents = [v for node in nodes for v in ([node] if node >= 0 else sorted(blocks[-1 - node]))]
        raise OrderError(
            "the constraints contradict each other: no order respects what they demand of {names}",
            constraints.net.to_names(latents),
            remedy="Drop one of the constraints on these latents.",
        )
    return placed
