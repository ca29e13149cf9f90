"""The comparison of a fitted template with what was read: the same edges, or more at the ends of time alone.

More edges never make an inverse unfaithful (lemma 0 in `docs/templates.md`): a chain that begins at a constant has
fewer at its first time, and no pattern has to tell that apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from retrodict.errors import quote
from retrodict.graph.rows import Integers, Mask
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_grounding import Grounding
from retrodict.read.templates.axis_names import UnsharedError
from retrodict.read.templates.element_links import Links, Places


def require_cover(template: Template, sizes: Mapping[str, int], placed: Mapping[str, Places], links: Links) -> None:
    """Raise `UnsharedError` unless the template gives the edges that were read, and more near ends of time alone."""
    grounding = template.ground(sizes)
    numbers = {name: _number(grounding, name, own) for name, own in placed.items()}
    present = np.zeros(grounding.n, dtype=bool)
    for number in numbers.values():
        present[number] = True
    rows = grounding.parents
    here = present[rows.sources] & present[rows.index]
    said = rows.sources[here] * grounding.n + rows.index[here]
    read = np.concatenate(
        [numbers[child][of] * grounding.n + numbers[parent][to] for (child, parent), (of, to) in links.items()]
        or [np.zeros(0, dtype=np.int64)]
    )
    extra = np.setdiff1d(said, read)
    wrong = [*np.setdiff1d(read, said).tolist(), *extra[~_mark_ends(grounding, template, extra)].tolist()]
    if wrong:
        _refuse(grounding, template, *divmod(wrong[0], grounding.n))


def _number(grounding: Grounding, name: str, placed: Places) -> Integers:
    return grounding.starts[name] + placed.places @ np.array(grounding.find_strides(name), dtype=np.int64)


def _mark_ends(grounding: Grounding, template: Template, edges: Integers) -> Mask:
    """Mark the edges whose child lies as near to an end of time as families reach."""
    child = edges // grounding.n
    marked = np.zeros(len(edges), dtype=bool)
    reach, time = max(1, template.max_lag), template.time
    for place, variable in enumerate(grounding.variables):
        if time in variable.dims:
            own = grounding.owner[child] == place
            at = grounding.unravel(variable.name, child[own])[time]
            marked[own] = (at < reach) | (at >= grounding.sizes[time] - reach)
    return marked


def _refuse(grounding: Grounding, template: Template, child: int, parent: int) -> None:
    """Raise for the dims along which a parent is not simply at the index of its child."""
    owner = [grounding.variables[grounding.owner[node]] for node in (child, parent)]
    relations = [r for r in template.relations if (r.child, r.parent) == (owner[0].name, owner[1].name)]
    own = [dim for dim in owner[1].dims if all(dim not in (*r.every, *r.up_to) for r in relations)]
    dims = [dim for dim in owner[1].dims if dim not in own] or list(owner[1].dims) or list(owner[0].dims)
    along = f"along {quote(dims)} " if dims else ""
    raise UnsharedError(
        f"{{names}} are related {along}in a way that no template says "
        f"(see {grounding.names[child]} and {grounding.names[parent]})",
        [owner[0].name, owner[1].name],
        dims=dims,
        remedy="Write such a dim out, one site for each index in a Python loop, or read the program with "
        "elementwise=True. A template knows the same index, an earlier time, every index, all up to the same, and the "
        "first and last time.",
    )
