"""The verdict on a lifted inverse for all sizes: the ordinary certificate at the sizes that show every case.

What holds at three copies of a plate and the time of theorem 2 holds at all sizes, if no times are skipped (the
corollary in `docs/templates.md`). The patterns are spread out there and judged by `retrodict.certificate`, which knows
nothing of templates, nor of how the patterns were found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.certificate.certify import Certificate, Edge, MissingEdge, certify
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Rows, drop_repeats, sort_edges
from retrodict.lift.lifted_structure import LiftedStructure
from retrodict.lift.missing_values import add_copies
from retrodict.lift.patterns.margins import Margins
from retrodict.lift.spreading import Spreading, copy_patterns


@dataclass(frozen=True, eq=False, repr=False)
class LiftedCertificate:
    """The verdict on a lifted inverse: true when it is faithful, at all sizes unless ``scope`` says otherwise.

    Arguments:
        lifted: the inverse that was judged.
        margins: how far an end of time is felt, by theorem 2.
        ground: the ordinary certificate at the sizes that show every case.
        sizes: these sizes.
        regular: whether no latent skips times, which would make patterns wider than needed.
    """

    lifted: LiftedStructure
    margins: Margins
    ground: Certificate
    sizes: dict[str, int]
    regular: bool

    def __bool__(self) -> bool:
        return self.faithful

    def __repr__(self) -> str:
        return f"LiftedCertificate({self.scope})"

    @property
    def faithful(self) -> bool:
        """Whether the patterns state no independence that the template does not imply."""
        return self.ground.faithful

    @cached_property
    def minimal(self) -> bool:
        """Whether no parent can be dropped at an index far from the ends of time."""
        return self.regular and not self.removable

    @property
    def missing(self) -> tuple[MissingEdge, ...]:
        """Edges that the patterns lack at these sizes, each between instances, with the open path that proves it."""
        return self.ground.missing

    @cached_property
    def removable(self) -> tuple[Edge, ...]:
        """Edges that no conditional needs, their latents in the middle of each plate, none near an end of time."""
        return tuple(edge for edge in self.ground.removable if self._is_inside(edge)) if self.ground.n_removable else ()

    def _is_inside(self, edge: Edge) -> bool:
        return all(self._find_inside[name][place] for place, name in enumerate(edge))

    @cached_property
    def _find_inside(self) -> dict[Name, tuple[bool, bool]]:
        """For each instance whether it is no border case as a parent, and as a child."""
        template, end = self.lifted.template, self.margins.end
        found: dict[Name, tuple[bool, bool]] = {}
        grounding = add_copies(template)[0].ground(self.sizes)
        for variable in grounding.variables:
            instances = grounding.list_instances(variable.name)
            at, ones = grounding.unravel(variable.name, instances), np.ones(len(instances), dtype=bool)
            child, parent = ones.copy(), ones
            for dim in variable.dims:
                edge = end if dim == template.time else 1
                inside = (at[dim] >= edge) & (at[dim] < self.sizes[dim] - edge)
                child = child & inside
                parent = parent & inside if dim == template.time else parent
            names = (grounding.names[i] for i in instances.tolist())
            found.update(zip(names, zip(parent.tolist(), child.tolist(), strict=True), strict=True))
        return found

    @property
    def scope(self) -> str:
        """For which sizes the verdict holds, in words."""
        template = self.lifted.template
        if not self.faithful:
            return f"unfaithful: {self.ground.n_missing:,} edges missing at {_write_sizes(self.sizes)}"
        if template.is_cumulative and template.max_lag:
            return f"checked up to {_write_sizes(self.sizes)}"
        text = "for all sizes"
        if not template.is_homogeneous:
            text += f" with {template.time} > {2 * max(1, template.max_lag) + 1}, shorter series unrolled"
        if template.constants:
            text += ", this design"
        return text if self.minimal else f"{text}, not minimal"

    def to_dict(self) -> dict[str, Any]:
        """Return the template, the patterns, the verdict and its evidence as plain values that JSON can carry.

        `save` writes them, and ``examples/recheck_lifted_certificate.py`` checks such a file without this package.
        """
        from retrodict.lift.lifted_file import begin_lifted_file

        verdict = {
            "scope": self.scope,
            "faithful": self.faithful,
            "minimal": self.minimal,
            "missing": [{"parent": e.parent, "child": e.child, "path": list(e.path)} for e in self.missing],
        }
        return {**begin_lifted_file(self.lifted), "sizes": self.sizes, "certificate": verdict}

    def to_json(self) -> str:
        """Return `to_dict` as the text of a JSON file."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"

    def save(self, path: str | Path) -> None:
        """Write `to_json` to a file; one that is there already is replaced as a whole or not at all.

        Arguments:
            path: the file, usually named ``.json``; its folder must exist.

        Raises: `FileError` where the file cannot be written.

        """
        from retrodict.files.whole import write_whole

        write_whole(Path(path), self.to_json().encode())


def _write_sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{dim}={size}" for dim, size in sizes.items()) or "its one size"


def judge(lifted: LiftedStructure) -> LiftedCertificate:
    """Return the verdict on a lifted inverse, at the sizes of theorem 2 whatever it was derived from."""
    extended, _ = add_copies(lifted.template)
    margins = Margins.of(extended)
    sizes = margins.list_sizes(lifted.template)
    regular = all(lifted.regular.values())
    return LiftedCertificate(lifted, margins, certify(_spread_with_copies(lifted, sizes)), sizes, regular)


def _spread_with_copies(lifted: LiftedStructure, sizes: dict[str, int]) -> Inverse:
    """Return the inverse at given sizes, what may be missing read from its seen copy until it is drawn."""
    if not lifted.template.may_be_missing:
        return lifted.at(sizes)
    extended, copies = add_copies(lifted.template)
    grounding = extended.ground(sizes)
    spreading = Spreading(lifted, grounding, grounding.net)
    named, pairs = {original: copy for copy, original in copies.items()}, []
    for name, patterns in lifted.patterns.items():
        children = grounding.list_instances(name)
        pairs += [spreading.list_pairs(name, patterns, children), *spreading.list_exceptional(name)]
        seen = [spreading.list_pairs(name, copy_patterns(patterns, named), children)]
        seen += spreading.list_exceptional(name, named)
        pairs += [_drop_drawn(spreading, copies, found) for found in seen]
        if name in named:
            pairs.append((children, grounding.list_instances(named[name])))
    child, parent = (np.concatenate(side) for side in zip(*pairs, strict=True))
    net = grounding.net
    child, parent = drop_repeats(*sort_edges(spreading.place[child], grounding.to_net[parent]))
    return spreading.finish(ParentSets.of(net, Rows.from_edges(child, parent, len(net.latents))))


def _drop_drawn(
    spreading: Spreading, copies: Mapping[str, str], pairs: tuple[Integers, Integers]
) -> tuple[Integers, Integers]:
    """Leave out copies of instances that are drawn before: the instances themselves are parents then."""
    grounding = spreading.grounding
    original = np.arange(grounding.n)
    for copy, name in copies.items():
        original[grounding.list_instances(copy)] = grounding.list_instances(name)
    child, parent = pairs
    later = spreading.turns[original[parent]] > spreading.turns[child]
    return child[later], parent[later]
