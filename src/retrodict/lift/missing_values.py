"""Variables that are observed at some instances and missing at others: one template that covers all evidence.

A variable that may be missing is given a copy that is always seen, and counts as latent itself. Until its turn it is
unknown, and what lies beyond it can be reached through it; its copy tells that it may be a parent, too. So every path
that some pattern of evidence opens is open here (lemma 0), and nothing else has to be proved for missing values.
"""

from __future__ import annotations

from collections.abc import Mapping

from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_relations import Relation, Repeated


def add_copies(template: Template) -> tuple[Template, Mapping[str, str]]:
    """Return a template in which what may be missing is latent and has a seen copy, and whose copies these are.

    A template without such variables is returned as it is.

    >>> template = Template("z; y[n] | z", observed=["y"], may_be_missing=["y"])
    >>> add_copies(template)
    (Template(z; y[n] | z; y.seen[n] | y[n]; observed: 'y.seen'), {'y.seen': 'y'})
    """
    if not template.may_be_missing:
        return template, {}
    copies = {_name_copy(name, template): name for name in template.may_be_missing}
    extended = Template(
        (*template.variables, *(Repeated(copy, template[name].dims) for copy, name in copies.items())),
        [*(name for name in template.observed if name not in template.may_be_missing), *copies],
        relations=(*template.relations, *(Relation(copy, name) for copy, name in copies.items())),
        time=template.time,
    )
    return extended, copies


def _name_copy(name: str, template: Template) -> str:
    copy = f"{name}.seen"
    while copy in template.position:
        copy += "."
    return copy
